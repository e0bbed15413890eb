#[lifecycle::main(registered = "no")]
async fn main() {}

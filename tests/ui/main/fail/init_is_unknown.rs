#[lifecycle::main(init = setup)]
async fn main() {}

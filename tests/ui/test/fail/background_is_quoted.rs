#[lifecycle::test(background = ["poll"])]
async fn works() {}

fn main() {}

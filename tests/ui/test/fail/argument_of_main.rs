#[lifecycle::test(init = setup)]
async fn works() {}

fn main() {}

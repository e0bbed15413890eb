#[lifecycle::test(provides = [1])]
async fn works() {}

fn main() {}

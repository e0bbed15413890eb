#[lifecycle::test(provide = 1)]
async fn works() {}

fn main() {}

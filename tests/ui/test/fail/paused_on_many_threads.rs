#[lifecycle::test(start_paused = true, flavor = "multi_thread")]
async fn works() {}

fn main() {}

use lifecycle::background;

#[background(immediate, run_timeout = "5s", max_failures = 3)]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(every = "60s", max_failures = 0)]
async fn poll() {}

fn main() {}

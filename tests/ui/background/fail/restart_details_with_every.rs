use lifecycle::background;

#[background(every = "60s", max_restarts = 3, within = "5s", backoff = "1s")]
async fn poll() {}

fn main() {}

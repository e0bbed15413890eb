use lifecycle::background;

#[background(restart = "never", backoff = "1s")]
async fn poll() {}

fn main() {}

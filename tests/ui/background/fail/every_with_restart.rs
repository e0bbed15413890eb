use lifecycle::background;

#[background(every = "60s", restart = "always")]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(restart = "always", max_restarts = 0)]
async fn poll() {}

fn main() {}

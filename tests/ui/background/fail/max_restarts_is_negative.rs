use lifecycle::background;

#[background(restart = "always", max_restarts = -1)]
async fn poll() {}

fn main() {}

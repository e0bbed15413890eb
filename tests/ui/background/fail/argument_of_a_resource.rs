use lifecycle::background;

#[background(readiness)]
async fn poll() {}

fn main() {}

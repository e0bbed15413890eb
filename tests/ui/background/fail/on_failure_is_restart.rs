use lifecycle::background;

#[background(on_failure = "restart")]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(restart = "sometimes")]
async fn poll() {}

fn main() {}

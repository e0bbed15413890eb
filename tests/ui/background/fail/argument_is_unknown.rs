use lifecycle::background;

#[background(interval = "5s")]
async fn poll() {}

fn main() {}

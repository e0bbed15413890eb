use lifecycle::background;

#[background(restart = true)]
async fn poll() {}

fn main() {}

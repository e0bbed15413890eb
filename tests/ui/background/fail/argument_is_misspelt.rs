use lifecycle::background;

#[background(on_failre = "ignore")]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(restart = "always", on_finish = "shutdown")]
async fn poll() {}

fn main() {}

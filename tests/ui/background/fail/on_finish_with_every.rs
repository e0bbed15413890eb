use lifecycle::background;

#[background(every = "1s", on_finish = "shutdown")]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(every = "daily")]
async fn poll() {}

fn main() {}

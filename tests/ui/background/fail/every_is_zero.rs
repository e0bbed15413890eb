use lifecycle::background;

#[background(every = "0s")]
async fn poll() {}

fn main() {}

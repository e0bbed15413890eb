use lifecycle::background;

#[background(every = 60)]
async fn poll() {}

fn main() {}

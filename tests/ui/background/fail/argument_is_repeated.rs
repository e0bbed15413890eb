use lifecycle::background;

#[background(every = "5s", every = "6s")]
async fn poll() {}

fn main() {}

use lifecycle::background;

#[background(every = "60s", immediate = true)]
async fn poll() {}

fn main() {}

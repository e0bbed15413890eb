use lifecycle::background;

#[background]
#[tokio::main]
async fn poll() {}

fn main() {}

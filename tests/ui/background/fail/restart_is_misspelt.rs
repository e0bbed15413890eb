use lifecycle::background;

#[background(restart = "on_failiure")]
async fn poll() {}

fn main() {}

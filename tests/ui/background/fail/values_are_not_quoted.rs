use lifecycle::background;

#[background(every = 60s, timeout = 5, on_failure = ignore)]
async fn poll() {}

#[background(restart = on_failure, within = 60, on_finish = stop, max_restarts = "5")]
async fn listen() {}

#[background(restart = true)]
async fn watch() {}

fn main() {}

#[lifecycle::main]
async fn main(_app: impl lifecycle::App) {}

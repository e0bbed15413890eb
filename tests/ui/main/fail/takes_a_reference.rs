use lifecycle::App;

#[derive(App)]
struct Agent {}

#[lifecycle::main]
async fn main(_app: &Agent) {}

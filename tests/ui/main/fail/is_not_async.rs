use lifecycle::App;

#[derive(App)]
struct Agent {}

#[lifecycle::main]
fn main(_app: Agent) {}

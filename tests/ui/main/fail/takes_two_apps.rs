use lifecycle::App;

#[derive(App)]
struct Agent {}

#[derive(App)]
struct Other {}

#[lifecycle::main]
async fn main(_app: Agent, _other: Other) {}

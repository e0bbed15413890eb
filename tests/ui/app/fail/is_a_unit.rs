use lifecycle::App;

#[derive(App)]
struct Agent;

fn main() {}

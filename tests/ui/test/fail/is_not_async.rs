use lifecycle::App;

#[derive(App)]
struct Agent {}

#[lifecycle::test]
fn works(_app: Agent) {}

fn main() {}

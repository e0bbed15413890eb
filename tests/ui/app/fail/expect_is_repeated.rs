use lifecycle::App;

#[derive(App)]
#[app(expect = [plugin::Metrics, plugin::Metrics])]
struct Agent {}

fn main() {}

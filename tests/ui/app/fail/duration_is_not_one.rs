use lifecycle::App;

#[derive(App)]
#[app(shutdown_timeout = "forever")]
struct Agent {}

fn main() {}

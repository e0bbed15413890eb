use lifecycle::App;

#[derive(App)]
#[app(shutdown_timeout = "0s")]
struct Agent {}

fn main() {}

use lifecycle::App;

#[derive(App)]
#[app(shutdown_timeout = "6s")]
struct Agent {}

fn main() {}

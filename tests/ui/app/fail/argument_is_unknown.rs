use lifecycle::App;

#[derive(App)]
#[app(shutdown_timout = "30s")]
struct Agent {}

fn main() {}

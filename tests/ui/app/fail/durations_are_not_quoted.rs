use lifecycle::App;

#[derive(App)]
#[app(shutdown_timeout = 30, drain_timeout = 10s, lame_duck = 0)]
struct Agent {}

fn main() {}

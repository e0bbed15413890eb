use lifecycle::App;

#[derive(App)]
#[app(restart = "always")]
struct Agent {}

fn main() {}

use lifecycle::App;

#[derive(App)]
#[app(background = serve)]
struct Agent {}

fn main() {}

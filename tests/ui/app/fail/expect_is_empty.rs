use lifecycle::App;

#[derive(App)]
#[app(expect = [""])]
struct Agent {}

fn main() {}

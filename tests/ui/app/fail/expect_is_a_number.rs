use lifecycle::App;

#[derive(App)]
#[app(expect = [3])]
struct Agent {}

fn main() {}

use lifecycle::App;

#[derive(App)]
#[app(lame_duck = "1s", lame_duck = "2s")]
struct Agent {}

fn main() {}

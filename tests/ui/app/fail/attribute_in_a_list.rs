use lifecycle::App;

#[derive(App)]
#[app(background = [#[allow(dead_code)] serve])]
struct Agent {}

fn main() {}

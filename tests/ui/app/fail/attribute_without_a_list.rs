use lifecycle::App;

#[derive(App)]
#[app]
struct Agent {}

#[derive(App)]
#[app = "30s"]
struct Other {}

fn main() {}

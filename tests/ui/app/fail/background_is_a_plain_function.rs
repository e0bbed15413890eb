use lifecycle::App;

async fn serve() {}

#[derive(App)]
#[app(background = [serve])]
struct Agent {}

fn main() {}

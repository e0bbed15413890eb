use lifecycle::{App, background};

#[background]
async fn serve() {}

#[derive(App)]
#[app(background = [serve, serve])]
struct Agent {}

fn main() {}

use lifecycle::{App, background};

#[background]
async fn poll() {}

#[background]
async fn serve() {}

#[derive(App)]
#[app(background = ["poll", serve, "serve"])]
struct Agent {}

#[derive(App)]
#[app(background = "poll", expect = plugin::Metrics)]
struct Tool {}

#[derive(App)]
#[app(background = poll)]
struct Job {}

fn main() {}

use lifecycle::{App, Shutdown, background};

#[background]
async fn serve(shutdown: Shutdown) {
    shutdown.
}

#[derive(App)]
#[app(background = [serve])]
struct Agent {}

fn main() {}

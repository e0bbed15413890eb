use lifecycle::{App, background};

#[background(timeout = "8s")]
async fn serve() {}

#[background(order = 2, timeout = "9s")]
async fn consume() {}

#[background(order = 2, timeout = "7s")]
async fn poll() {}

#[background(order = 1, timeout = "10s")]
async fn write() {}

#[derive(App)]
#[app(shutdown_timeout = "28s", background = [serve, consume, poll, write])]
struct Agent {}

fn main() {}

use lifecycle::{App, resource};

struct Database;

#[resource]
impl Database {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
#[app(background = [Database])]
struct Agent {}

fn main() {}

use lifecycle::background;

struct Server;

impl Server {
    #[background]
    async fn serve(&self) {}

    #[background]
    async fn poll(server: &Self) {
        let _ = server;
    }
}

fn main() {}

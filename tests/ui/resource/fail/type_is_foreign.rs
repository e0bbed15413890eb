use lifecycle::resource;

#[resource]
impl std::net::TcpListener {
    async fn start() -> std::io::Result<Self> {
        std::net::TcpListener::bind("127.0.0.1:0")
    }
}

#[resource(order = 1)]
impl Vec<u8> {
    async fn start() -> Self {
        Vec::new()
    }
}

#[resource]
impl lifecycle::Settings {
    async fn start() -> Self {
        Self::default()
    }
}

fn main() {}

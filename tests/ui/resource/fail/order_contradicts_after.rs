use lifecycle::resource;

struct Metrics;

#[resource(order = -1)]
impl Metrics {
    async fn start() -> Self {
        Self
    }
}

struct Cache;

#[resource(order = -2, after = [Metrics])]
impl Cache {
    async fn start() -> Self {
        Self
    }
}

fn main() {}

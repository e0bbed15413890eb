use lifecycle::resource;

struct Quoted;

#[resource(order = "3", retries = "5", as = "dyn Clock", crate = "lifecycle")]
impl Quoted {
    async fn start() -> Self {
        Self
    }
}

struct Bare;

#[resource(timeout = 5, start_timeout = 5s, name = db, readiness = true)]
impl Bare {
    async fn start() -> Self {
        Self
    }
}

struct Named;

#[resource(order = LOW, timeout = Duration::from_secs(5), backoff = 0.5, retries = -"5")]
impl Named {
    async fn start() -> Self {
        Self
    }
}

fn main() {}

use lifecycle::resource;

trait Clock: Send + Sync {}

struct Wall;

impl Clock for Wall {}

#[resource(as = dyn Clock)]
impl Wall {
    fn start() -> Self {
        Self
    }
}

struct Fake;

impl Clock for Fake {}

#[resource(as = dyn Clock)]
impl Fake {
    fn start() -> Self {
        Self
    }
}

struct Database;

#[resource]
impl Database {
    async fn start(clock: &dyn Clock) -> Self {
        let _ = clock;
        Self
    }
}

fn main() {}

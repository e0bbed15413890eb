use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    fn starts(&self) -> bool {
        true
    }

    fn strat() {}

    fn restart() -> Self {
        Self
    }
}

fn main() {}

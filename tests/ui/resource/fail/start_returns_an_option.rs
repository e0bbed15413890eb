use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    fn start() -> Option<Self> {
        None
    }
}

fn main() {}

use lifecycle::resource;

struct Database;

trait Clock {
    fn now(&self) -> u64;
}

#[resource]
impl Clock for Database {
    fn now(&self) -> u64 {
        0
    }
}

fn main() {}

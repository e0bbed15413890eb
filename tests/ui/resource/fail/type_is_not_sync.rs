use lifecycle::resource;
use std::cell::Cell;

struct Counter(Cell<u32>);

#[resource]
impl Counter {
    async fn start() -> Self {
        Self(Cell::new(0))
    }
}

fn main() {}

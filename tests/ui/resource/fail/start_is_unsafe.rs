use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    unsafe fn start() -> Self {
        Self
    }
}

fn main() {}

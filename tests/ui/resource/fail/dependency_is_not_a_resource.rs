use lifecycle::resource;

struct Foo;
struct Database;

#[resource]
impl Database {
    async fn start(foo: &Foo) -> Self {
        let _ = foo;
        Self
    }
}

fn main() {}

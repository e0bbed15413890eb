use std::sync::Arc;

use lifecycle::App;

struct Foo;

#[derive(App)]
struct Agent {
    foo: Arc<Foo>,
}

fn main() {}

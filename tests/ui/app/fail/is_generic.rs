use std::sync::Arc;

use lifecycle::App;

#[derive(App)]
struct Agent<T> {
    value: Arc<T>,
}

fn main() {}

use std::sync::Arc;

use lifecycle::{App, resource};

struct A;

#[resource(after = [B])]
impl A {
    async fn start() -> Self {
        Self
    }
}

struct B;

#[resource(after = [A])]
impl B {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
struct Agent {
    a: Arc<A>,
}

fn main() {}

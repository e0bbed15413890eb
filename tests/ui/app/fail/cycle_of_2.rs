use std::sync::Arc;

use lifecycle::{App, resource};

struct A;

#[resource]
impl A {
    async fn start(next: &B) -> Self {
        let _ = next;
        Self
    }
}

struct B;

#[resource]
impl B {
    async fn start(next: &A) -> Self {
        let _ = next;
        Self
    }
}

#[derive(App)]
struct Agent {
    a: Arc<A>,
}

fn main() {}

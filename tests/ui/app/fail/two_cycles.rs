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

struct X;

#[resource]
impl X {
    async fn start(y: &Y) -> Self {
        let _ = y;
        Self
    }
}

struct Y;

#[resource]
impl Y {
    async fn start(x: &X) -> Self {
        let _ = x;
        Self
    }
}

#[derive(App)]
struct Agent {
    a: Arc<A>,
    x: Arc<X>,
}

fn main() {}

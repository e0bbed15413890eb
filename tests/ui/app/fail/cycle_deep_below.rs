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
    async fn start(next: &C) -> Self {
        let _ = next;
        Self
    }
}

struct C;

#[resource]
impl C {
    async fn start(next: &A) -> Self {
        let _ = next;
        Self
    }
}

struct Top;

#[resource]
impl Top {
    async fn start(middle: &Middle) -> Self {
        let _ = middle;
        Self
    }
}

struct Middle;

#[resource]
impl Middle {
    async fn start(b: &B) -> Self {
        let _ = b;
        Self
    }
}

struct Other;

#[resource]
impl Other {
    async fn start() -> Self {
        Self
    }
}

#[derive(App)]
struct Agent {
    other: Arc<Other>,
    top: Arc<Top>,
}

fn main() {}

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
    async fn start(next: &D) -> Self {
        let _ = next;
        Self
    }
}

struct D;

#[resource]
impl D {
    async fn start(next: &E) -> Self {
        let _ = next;
        Self
    }
}

struct E;

#[resource]
impl E {
    async fn start(next: &F) -> Self {
        let _ = next;
        Self
    }
}

struct F;

#[resource]
impl F {
    async fn start(next: &G) -> Self {
        let _ = next;
        Self
    }
}

struct G;

#[resource]
impl G {
    async fn start(next: &H) -> Self {
        let _ = next;
        Self
    }
}

struct H;

#[resource]
impl H {
    async fn start(next: &I) -> Self {
        let _ = next;
        Self
    }
}

struct I;

#[resource]
impl I {
    async fn start(next: &J) -> Self {
        let _ = next;
        Self
    }
}

struct J;

#[resource]
impl J {
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

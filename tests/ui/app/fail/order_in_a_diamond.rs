use std::sync::Arc;

use lifecycle::{App, resource};

struct Base;

#[resource(order = 4)]
impl Base {
    async fn start() -> Self {
        Self
    }
}

struct Left;

#[resource]
impl Left {
    async fn start(base: &Base) -> Self {
        let _ = base;
        Self
    }
}

struct Right;

#[resource]
impl Right {
    async fn start() -> Self {
        Self
    }
}

struct Top;

#[resource(order = 2)]
impl Top {
    async fn start(right: &Right, left: &Left) -> Self {
        let _ = right;
        let _ = left;
        Self
    }
}

#[derive(App)]
struct Agent {
    top: Arc<Top>,
}

fn main() {}

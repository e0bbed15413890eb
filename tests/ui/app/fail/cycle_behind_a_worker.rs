use lifecycle::{App, background, resource};

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

#[background]
async fn serve(a: &A) {
    let _ = a;
}

#[derive(App)]
#[app(background = [serve])]
struct Agent {}

fn main() {}

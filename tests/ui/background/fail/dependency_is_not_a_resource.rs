use lifecycle::background;

struct Foo;

#[background]
async fn serve(foo: &Foo) {
    let _ = foo;
}

fn main() {}

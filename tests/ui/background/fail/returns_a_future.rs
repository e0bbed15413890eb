use lifecycle::background;

#[background]
fn poll() -> impl Future<Output = ()> {
    async {}
}

fn main() {}

use lifecycle::resource;

struct Cache<T>(Vec<T>);

#[resource]
impl<T> Cache<T> {
    async fn start() -> Self {
        Self(Vec::new())
    }
}

fn main() {}

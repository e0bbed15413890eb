use lifecycle::resource;

struct View<'a>(&'a str);

#[resource]
impl<'a> View<'a> {
    async fn start() -> Self {
        Self("")
    }
}

fn main() {}

use lifecycle::resource;

struct Names<'a>(&'a str);

#[resource]
impl Names<'_> {
    async fn start() -> Self {
        Self("")
    }
}

fn main() {}

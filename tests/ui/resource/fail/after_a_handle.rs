use lifecycle::resource;

struct Database;

#[resource(after = [std::sync::Arc<Other>, &Other])]
impl Database {
    async fn start() -> Self {
        Self
    }
}

struct Other;

#[resource]
impl Other {
    fn start() -> Self {
        Self
    }
}

fn main() {}

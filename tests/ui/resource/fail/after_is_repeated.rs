use lifecycle::resource;

struct Database;

#[resource(after = [Other, Other])]
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

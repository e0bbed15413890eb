struct Database;

impl Database {
    #[lifecycle::test]
    async fn works(&self) {}

    #[lifecycle::test]
    async fn makes() -> Self {
        Self
    }
}

fn main() {}

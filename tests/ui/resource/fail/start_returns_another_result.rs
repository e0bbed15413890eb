use lifecycle::resource;

struct Database;

#[resource]
impl Database {
    async fn start() -> Result<String, std::io::Error> {
        Ok(String::new())
    }
}

fn main() {}

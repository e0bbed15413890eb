use lifecycle::resource;

trait Local {}

#[resource]
impl dyn Local {
    async fn start() -> u8 {
        0
    }
}

fn main() {}

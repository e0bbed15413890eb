use lifecycle::{Settings, resource};

#[resource]
impl Settings {
    fn start() -> Self {
        Self::default()
    }
}

fn main() {}

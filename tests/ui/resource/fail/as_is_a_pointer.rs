use lifecycle::resource;

struct System;

#[resource(as = Arc<dyn Clock>, as = Box<Clock>, as = &dyn Clock, as = Clock)]
impl System {
    async fn start() -> Self {
        Self
    }
}

fn main() {}

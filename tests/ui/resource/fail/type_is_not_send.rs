use lifecycle::resource;
use std::rc::Rc;

struct Names(Rc<str>);

#[resource]
impl Names {
    async fn start() -> Self {
        Self("".into())
    }
}

fn main() {}

use std::rc::Rc;

use lifecycle::background;

#[background]
async fn serve() {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}

use lifecycle::{Shutdown, background};

#[background]
async fn serve(shutdown: &mut Shutdown) {
    let _ = shutdown;
}

fn main() {}

use lifecycle::{Shutdown, background};

#[background]
async fn serve(shutdown: &Shutdown) {
    shutdown.requested().await;
}

fn main() {}

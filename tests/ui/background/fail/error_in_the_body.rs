use lifecycle::{Shutdown, background};

#[background]
async fn serve(shutdown: Shutdown) {
    shutdown.requsted().await;
}

fn main() {}

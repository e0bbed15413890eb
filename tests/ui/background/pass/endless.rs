//! Workers that never return.
#![deny(warnings)]

use lifecycle::{Shutdown, background};

#[background]
async fn forever() -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

#[background]
fn on_a_thread(_shutdown: Shutdown) -> ! {
    loop {
        std::thread::park();
    }
}

#[background]
async fn unit() {
    loop {
        std::future::pending::<()>().await;
    }
}

mod server {
    #[lifecycle::main]
    pub async fn main() -> ! {
        std::future::pending().await
    }
}

/// In generic positions.
fn closures() -> lifecycle::Builder {
    lifecycle::Lifecycle::builder()
        .background("async", |_| async move {
            loop {
                std::future::pending::<()>().await;
            }
        })
        .background("function", |_| forever())
}

fn main() {
    let _ = (server::main, closures);
}

//! Workers: what the app does until it is told to stop, as a task or on a thread, and what happens when one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lifecycle::{App, Ready, Shutdown, background, resource};

struct Broker {
    connects: AtomicU32,
}

#[resource]
impl Broker {
    fn start() -> Self {
        Self {
            connects: AtomicU32::new(0),
        }
    }
}

impl Broker {
    /// Two connections are lost before one holds.
    async fn connect(&self) -> Result<(), &'static str> {
        match self.connects.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err("connection lost"),
            _ => Ok(()),
        }
    }
}

/// It runs again when it has failed, after a delay that doubles. Six failures within a minute take the app down.
#[background(
    restart = "on_failure",
    max_restarts = 5,
    within = "60s",
    backoff = "20ms"
)]
async fn consume(broker: &Broker, shutdown: Shutdown) -> Result<(), &'static str> {
    println!("consume: connecting");
    broker.connect().await?;
    println!("consume: connected");
    while !shutdown
        .sleep(Duration::from_secs(1))
        .await
        .is_interrupted()
    {
        println!("consume: waiting for messages");
    }
    println!("consume: told to stop");
    Ok(())
}

/// A plain `fn` has a thread of its own: it may block. It says itself when it is up; `main` begins after that. Having an
/// order, it is told to stop after the workers without one.
#[background(order = 0, timeout = "2s")]
fn compress(ready: Ready, shutdown: Shutdown) {
    println!("compress: making its tables");
    ready.set();
    while !shutdown
        .blocking_sleep(Duration::from_secs(1))
        .is_interrupted()
    {
        println!("compress: a block");
    }
    println!("compress: told to stop");
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [consume, compress])]
struct Workers {
    _broker: Arc<Broker>,
}

#[lifecycle::main]
async fn main(_app: Workers, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}

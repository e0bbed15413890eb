//! Background workers: tasks and threads that run until the app stops, and what happens when one fails.

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
    /// The first two connections are lost; the third one lasts.
    async fn connect(&self) -> Result<(), &'static str> {
        match self.connects.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Err("connection lost"),
            _ => Ok(()),
        }
    }
}

/// After a failure it is restarted, with a delay that doubles. Six failures within a minute stop the app.
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
    println!("consume: asked to stop");
    Ok(())
}

/// A plain `fn` has a thread of its own, so that it may block. It reports itself when it is up; `main` begins after that.
/// Because it has an order, it is asked to stop after the workers without one.
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
    println!("compress: asked to stop");
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

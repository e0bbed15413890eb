//! Telemetry: the spans of the app's life go to OpenTelemetry, and the exporter stops last.
//!
//! `cargo run -p examples --features telemetry --bin telemetry`. It writes to standard output; with the exporter of
//! `opentelemetry-otlp` in its place the spans go to a collector.

use std::sync::Arc;
use std::time::Duration;

use lifecycle::{App, BoxError, Shutdown, background, resource};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

struct Telemetry {
    provider: SdkTracerProvider,
}

/// The lowest order: up before everything else, and stopped after everything else. Plain functions, since both hooks block.
#[resource(order = 0, timeout = "3s")]
impl Telemetry {
    fn start() -> Result<Self, BoxError> {
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(opentelemetry_stdout::SpanExporter::default())
            .build();
        let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("telemetry"));
        tracing_subscriber::registry().with(spans).try_init()?;
        Ok(Self { provider })
    }

    /// The spans of all other stops are closed by now.
    fn stop(&self) -> Result<(), BoxError> {
        println!("telemetry: flushes");
        self.provider.shutdown()?;
        println!("telemetry: has flushed");
        Ok(())
    }
}

struct Database;

#[resource(order = 1, timeout = "2s")]
impl Database {
    async fn start() -> Self {
        // Recorded as an event of the span `start` of the component `Database`.
        info!("connected");
        Self
    }

    async fn stop(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

struct Cache;

#[resource(order = 1, timeout = "2s")]
impl Cache {
    async fn start() -> Self {
        Self
    }

    async fn stop(&self) -> Result<(), &'static str> {
        Err("the cache is not written back")
    }

    fn emergency(&self) {}
}

#[background(timeout = "1s")]
async fn poll(_database: Arc<Database>, shutdown: Shutdown) {
    shutdown.requested().await;
}

#[derive(App)]
#[app(shutdown_timeout = "15s", background = [poll])]
struct Traced {
    _telemetry: Arc<Telemetry>,
}

#[lifecycle::main]
async fn main(_app: Traced, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}

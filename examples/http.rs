//! HTTP: a server that answers every request that it has admitted, and then closes.
//!
//! `curl http://127.0.0.1:8080/slow`, then Ctrl+C while it waits: the response still arrives.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use lifecycle::{App, BoxError, ConfigError, Shutdown, background, http, resource};
use tokio::net::TcpListener;

/// A resource, so that an address in use fails the startup.
struct Port(Mutex<Option<TcpListener>>);

#[resource]
impl Port {
    /// Binds `ADDR`. A value that does not parse ends the process with exit code 2: a restart would not help.
    async fn start() -> Result<Self, BoxError> {
        let address = std::env::var("ADDR").unwrap_or_else(|_| "127.0.0.1:8080".to_owned());
        let address: SocketAddr = address.parse().map_err(|_| {
            ConfigError::new(format!("ADDR={address}: allowed is an address and a port"))
        })?;
        let socket = http::bind(address).await?;
        println!("listening on http://{}", socket.local_addr()?);
        Ok(Self(Mutex::new(Some(socket))))
    }
}

#[background(timeout = "10s")]
async fn serve(port: &Port, shutdown: Shutdown) -> io::Result<()> {
    let socket = port.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(socket) = socket else {
        return Err(io::Error::other("the port is taken once"));
    };
    let router = Router::new().route("/", get(async || "hello\n")).route(
        "/slow",
        get(async || {
            println!("slow: admitted");
            tokio::time::sleep(Duration::from_secs(1)).await;
            "it was worth the wait\n"
        }),
    );
    http::serve(socket, router, shutdown).await
}

#[derive(App)]
#[app(shutdown_timeout = "20s", background = [serve])]
struct Web {}

#[lifecycle::main]
async fn main(_app: Web, shutdown: Shutdown) {
    shutdown.requested().await;
    println!("main: asked to stop");
}

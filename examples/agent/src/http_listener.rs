//! [`HttpListener`]: the listening socket, or the one that systemd hands over. It is a resource so that an address in
//! use fails the startup.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use lifecycle::{http, resource};
use tokio::net::TcpListener;

use crate::args::{Args, Mode};
use crate::config::Config;

pub struct HttpListener {
    socket: Mutex<Option<TcpListener>>,
    address: Option<SocketAddr>,
}

#[derive(Debug, thiserror::Error)]
#[error("AGENT_ADDR is {address}")]
pub struct ListenError {
    address: SocketAddr,
    source: io::Error,
}

#[resource(order = 4, timeout = "1s")]
impl HttpListener {
    /// Binds the socket. In console mode there is none.
    async fn start(args: &Args, config: &Config) -> Result<Self, ListenError> {
        match args.mode {
            Mode::Web => Self::bind(config.address).await,
            Mode::Console => Ok(Self {
                socket: Mutex::new(None),
                address: None,
            }),
        }
    }

    /// Closes the socket if no worker has taken it.
    async fn stop(&self) {
        drop(self.take());
    }
}

impl HttpListener {
    async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let error = |source| ListenError { address, source };
        let socket = http::bind(address).await.map_err(error)?;
        let address = Some(socket.local_addr().map_err(error)?);
        Ok(Self {
            socket: Mutex::new(Some(socket)),
            address,
        })
    }

    /// Returns the address of the socket, with the actual port if the configured one is 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Takes the socket out. The worker that serves it closes it when a stop is requested: an open socket on which no
    /// connections are accepted would make clients wait that could use another agent.
    pub fn take(&self) -> Option<TcpListener> {
        self.socket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_in_use_is_an_error_that_names_it() {
        let first = HttpListener::bind("127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let address = first.address().unwrap();
        let error = HttpListener::bind(address).await.err().unwrap().to_string();
        assert!(
            error.contains(&address.to_string()) && error.contains("AGENT_ADDR"),
            "{error}"
        );
        first.stop().await;
        assert!(
            HttpListener::bind(address).await.is_ok(),
            "a stopped listener releases its address"
        );
    }
}

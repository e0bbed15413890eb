//! [`HttpListener`]: the socket, systemd's where it hands one over. A resource, so that an address in use fails the startup.

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
    /// On the terminal there is nothing to listen to.
    async fn start(args: &Args, config: &Config) -> Result<Self, ListenError> {
        match args.mode {
            Mode::Web => Self::bind(config.address).await,
            Mode::Console => Ok(Self {
                socket: Mutex::new(None),
                address: None,
            }),
        }
    }

    /// Closes the socket, should nobody have taken it.
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

    /// Where it listens, with the port that the system chose if that was left to it.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The socket itself. Whoever serves takes it and closes it when told to stop: a socket that is still open but not
    /// accepted from makes clients wait that could go elsewhere.
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
            "a stopped listener leaves its address"
        );
    }
}

//! [`HttpClient`]: the shared pool of outgoing connections. Callers set the time limits of their requests.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use lifecycle::resource;

pub struct HttpClient {
    /// `None` once stopped.
    client: RwLock<Option<reqwest::Client>>,
}

#[derive(Debug, thiserror::Error)]
#[error("the HTTP client is closed")]
pub struct Closed;

#[resource(order = 2, timeout = "1s")]
impl HttpClient {
    /// Creates the client. Not async, since reading the system's certificates blocks.
    pub fn start() -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("agent/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self {
            client: RwLock::new(Some(client)),
        })
    }

    /// Drops the last handle, which closes the idle connections.
    async fn stop(&self) {
        drop(
            self.client
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl HttpClient {
    pub fn get(&self) -> Result<reqwest::Client, Closed> {
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or(Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_client_refuses() {
        let http = HttpClient::start().unwrap();
        assert!(http.get().is_ok());
        http.stop().await;
        assert!(http.get().is_err());
    }
}

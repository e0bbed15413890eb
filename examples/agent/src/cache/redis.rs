//! [`Redis`]: a cache on a server that agents share.
//!
//! There is at most one connection. If a command fails for any reason, the connection is dropped, since its state is
//! unknown. Until a background task has made a new connection, commands fail at once. So an unreachable server costs
//! one command its [`LIMIT`], and all others nothing. (The crate's own `ConnectionManager` lets commands wait while it
//! connects, and keeps a connection forever that returns errors such as `LOADING`.)

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::{ConfigError, Shutdown, Slept};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, Pipeline, RedisResult, ServerErrorKind};
use reqwest::Url;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::{Entry, KEEP};
use crate::error::full;

/// The time limit of a command.
const LIMIT: Duration = Duration::from_millis(250);
/// The time limit of an attempt to connect. Only the start waits for one.
const CONNECT: Duration = Duration::from_secs(2);
/// The pause between attempts to reconnect.
const PAUSE: Duration = Duration::from_secs(3);
/// How long the start waits for a server that is not up yet.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Redis {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    /// The server, without user and password.
    address: String,
    link: Mutex<Link>,
    /// Notified when the connection is dropped.
    lost: Notify,
}

#[derive(Default)]
struct Link {
    connection: Option<MultiplexedConnection>,
    /// The number of the connection, so that a failed command drops only the connection that it used.
    number: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    #[error("not connected to Redis, {0}; reconnecting every {PAUSE:?}")]
    NotConnected(String),
    #[error("Redis, {address}, did not answer within {limit:?}")]
    TooLate { address: String, limit: Duration },
    #[error("Redis, {address}, cannot be used")]
    Failed {
        address: String,
        source: redis::RedisError,
    },
}

impl Redis {
    /// Connects. Waits for a server that is not up yet, but not for long: the agent can run without a cache.
    pub async fn open(url: &Url, shutdown: Shutdown) -> Result<Self, ConfigError> {
        let shared = Arc::new(Shared::new(url)?);
        let connected = shutdown.run(shared.connect_first()).await;
        connected.transpose()?;
        let keeper = Arc::clone(&shared).keep(shutdown.clone());
        drop(shutdown.tasks().spawn("keep the connection", keeper));
        Ok(Self { shared })
    }

    pub async fn get(&self, keys: &[String]) -> Vec<Option<Arc<[u8]>>> {
        let mut command = redis::cmd("MGET");
        command.arg(keys);
        let found = self
            .shared
            .ask(async |mut to| command.query_async(&mut to).await);
        let mut found: Vec<Option<Vec<u8>>> = found.await.unwrap_or_default();
        found.resize(keys.len(), None);
        let found = found.into_iter();
        found.map(|value| value.map(Arc::from)).collect()
    }

    pub async fn put(&self, entries: &[Entry]) {
        let mut commands = Pipeline::new();
        for (key, value) in entries {
            commands.set_ex(key, &**value, KEEP.as_secs()).ignore();
        }
        let put = self
            .shared
            .ask(async |mut to| commands.exec_async(&mut to).await);
        // The failure has been logged, and the caller could do nothing about it.
        let _ = put.await;
    }

    pub async fn ping(&self) -> Result<(), RedisError> {
        self.shared.ask(ping).await
    }

    /// Closes the connection once the last command that uses it has completed.
    pub fn close(&self) {
        self.shared.link().connection = None;
    }
}

impl fmt::Display for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let link = self.shared.link();
        let without = match link.connection {
            Some(_) => "",
            None => ", not connected",
        };
        write!(f, "Redis, {}{without}", self.shared.address)
    }
}

impl Shared {
    fn new(url: &Url) -> Result<Self, ConfigError> {
        let client = Client::open(url.clone())
            .map_err(|error| ConfigError::new(format!("REDIS_URL cannot be used: {error}")))?;
        let host = url.host_str().unwrap_or_default();
        let port = url.port().unwrap_or(6379);
        Ok(Self {
            client,
            address: format!("{host}:{port}{}", url.path().trim_end_matches('/')),
            link: Mutex::default(),
            lost: Notify::new(),
        })
    }

    async fn ask<T>(
        &self,
        command: impl AsyncFnOnce(MultiplexedConnection) -> RedisResult<T>,
    ) -> Result<T, RedisError> {
        let (connection, number) = {
            let link = self.link();
            (link.connection.clone(), link.number)
        };
        let Some(connection) = connection else {
            return Err(RedisError::NotConnected(self.address.clone()));
        };
        let answer = self.within(LIMIT, command(connection)).await;
        if let Err(error) = &answer {
            self.give_up(number, error);
        }
        answer
    }

    fn give_up(&self, number: u64, error: &RedisError) {
        {
            let mut link = self.link();
            // Another command may have dropped it already.
            if link.number != number || link.connection.take().is_none() {
                return;
            }
        }
        let error = full(error);
        tracing::warn!(
            error,
            "the cache is unreachable: the agent continues without it"
        );
        self.lost.notify_one();
    }

    /// Connects at start, with several attempts. Fails only with errors that waiting does not resolve.
    async fn connect_first(&self) -> Result<(), ConfigError> {
        let begun = Instant::now();
        let mut pause = LIMIT;
        loop {
            let error = match self.connect().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !error.may_pass() {
                let error = full(&error);
                return Err(ConfigError::new(format!("{error} (set by REDIS_URL)")));
            }
            let error = full(&error);
            if begun.elapsed() + pause > PATIENCE {
                tracing::warn!(
                    error,
                    "the cache is unreachable: the agent starts without it"
                );
                self.lost.notify_one();
                return Ok(());
            }
            tracing::warn!(error, "the cache cannot be reached: again in {pause:?}");
            sleep(pause).await;
            pause = CONNECT.min(2 * pause);
        }
    }

    /// Reconnects whenever the connection is dropped, until a stop is requested.
    async fn keep(self: Arc<Self>, shutdown: Shutdown) {
        while shutdown.run(self.lost.notified()).await.is_some() {
            while shutdown.sleep(PAUSE).await == Slept::Elapsed {
                match shutdown.run(self.connect()).await {
                    Some(Ok(())) => {
                        tracing::info!(redis = self.address, "the cache is back");
                        break;
                    }
                    Some(Err(error)) => tracing::debug!(error = full(&error), "no cache yet"),
                    None => break,
                }
            }
        }
    }

    async fn connect(&self) -> Result<(), RedisError> {
        // The timeouts are those of `within`.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connected = self.within(CONNECT, async {
            let connection = self
                .client
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            // A server that requires a password reports that only in response to a command.
            ping(connection.clone()).await?;
            Ok(connection)
        });
        let connection = connected.await?;
        let mut link = self.link();
        link.connection = Some(connection);
        link.number += 1;
        Ok(())
    }

    async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, RedisError> {
        let address = || self.address.clone();
        match timeout(limit, work).await {
            Ok(done) => done.map_err(|source| RedisError::Failed {
                address: address(),
                source,
            }),
            Err(_) => Err(RedisError::TooLate {
                address: address(),
                limit,
            }),
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisError {
    /// Returns whether another attempt may succeed. A wrong password or an unknown database stays wrong.
    fn may_pass(&self) -> bool {
        let Self::Failed { source, .. } = self else {
            return true;
        };
        match source.kind() {
            ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::Server(ServerErrorKind::NoPerm) => false,
            // A server with too many clients returns the same error.
            ErrorKind::Server(ServerErrorKind::ResponseError) => {
                let detail = source.detail().unwrap_or_default();
                !["DB index", "SELECT"].iter().any(|of| detail.contains(of))
            }
            _ => !matches!(source.code(), Some("NOAUTH" | "WRONGPASS")),
        }
    }
}

async fn ping(mut to: MultiplexedConnection) -> RedisResult<()> {
    redis::cmd("PING").query_async(&mut to).await
}

#[cfg(test)]
mod tests {
    use lifecycle::{Lifecycle, Running, StartError};
    use lifecycle_tests::redis::Redis as Server;

    use super::super::Cache;
    use super::*;
    use crate::config::Config;
    use crate::config::tests::in_folder;

    async fn start(server: &Server, database: &str) -> Result<Running, StartError> {
        let url = format!("{}{database}", server.url());
        let config = Config {
            redis: Some(url.parse().unwrap()),
            ..in_folder("unused".as_ref())
        };
        let builder = Lifecycle::builder().provide(config).resource::<Cache>();
        builder.start().await
    }

    fn texts(found: &[Option<Arc<[u8]>>]) -> Vec<Option<&str>> {
        let text = |value| str::from_utf8(value).unwrap();
        found
            .iter()
            .map(|value| value.as_deref().map(text))
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_start_does_not_wait_forever_for_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let (server, begun) = (Server::new(folder.path()), Instant::now());
        let running = start(&server, "").await.unwrap();
        let took = begun.elapsed();
        assert!(took > PATIENCE / 2 && took < 2 * PATIENCE, "{took:?}");
        let cache = running.get::<Cache>().unwrap();
        assert!(cache.to_string().ends_with("not connected"), "{cache}");
        cache.put(vec![("key".into(), b"value".to_vec())]).await;
        assert_eq!(texts(&cache.get(&["key".into()]).await), [None]);
        let error = cache.health().await.err().unwrap().to_string();
        assert!(error.contains("127.0.0.1:"), "{error}");
        drop(cache);
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
    }

    #[tokio::test]
    #[ignore = "needs a Redis server (redis-server from Debian)"]
    async fn agents_share_entries_and_close_their_connections() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::started(folder.path());
        let (first, second) = (start(&server, "/1").await, start(&server, "/1").await);
        let (first, second) = (first.unwrap(), second.unwrap());
        let other = start(&server, "/2").await.unwrap();
        let (one, two) = (String::from("one"), String::from("two"));
        let cache = first.get::<Cache>().unwrap();
        cache.put(vec![(two.clone(), b"2".to_vec())]).await;
        let keys = [one, two];
        let cache = second.get::<Cache>().unwrap();
        assert_eq!(texts(&cache.get(&keys).await), [None, Some("2")]);
        cache.health().await.unwrap();
        let cache = other.get::<Cache>().unwrap();
        assert_eq!(texts(&cache.get(&keys).await), [None, None]);

        drop(cache);
        for running in [first, second, other] {
            let report = running.stop().await;
            assert!(report.is_clean(), "{report}");
        }
        let client = Client::open(server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        loop {
            let mut list = redis::cmd("CLIENT");
            list.arg("LIST");
            let clients: String = list.query_async(&mut connection).await.unwrap();
            // The remaining connection is this one. The server notices closed connections only when it polls them.
            if clients.lines().count() == 1 {
                break;
            }
        }
    }

    #[tokio::test]
    #[ignore = "needs a Redis server (redis-server from Debian)"]
    async fn a_wrong_password_or_database_is_a_configuration_error() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::started(folder.path());
        let error = start(&server, "/99").await.err().unwrap();
        assert!(error.is_config(), "{error}");
        drop(server);

        let mut server = Server::new(folder.path()).with_password("right");
        server.start();
        drop(start(&server, "").await.unwrap().stop().await);
        for user in ["", ":wrong@", "agent:wrong@"] {
            let url = server.url().replace(":right@", user);
            let config = Config {
                redis: Some(url.parse().unwrap()),
                ..in_folder("unused".as_ref())
            };
            let builder = Lifecycle::builder().provide(config).resource::<Cache>();
            let error = builder.start().await.err().unwrap();
            assert!(error.is_config(), "{user}: {error}");
            let error = error.to_string();
            assert!(
                error.contains("REDIS_URL") && error.contains("127.0.0.1:"),
                "{error}"
            );
            assert!(!error.contains("wrong@"), "{error}");
        }
    }
}

//! [`Cache`]: results that were computed or read before. The cache is in this process, or in Redis, where agents share
//! it and it outlives them.
//!
//! The value of a key never changes: a key contains everything that its value depends on. So entries need no
//! invalidation, and an agent whose cache is empty, incomplete or unreachable returns the same results, only later.

mod local;
mod redis;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{ConfigError, Shutdown, resource};

use crate::cache::local::Local;
use crate::cache::redis::{Redis, RedisError};
use crate::config::Config;

/// How long an entry is kept, if there is room.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Cache {
    kind: Kind,
}

enum Kind {
    Local(Local),
    Redis(Redis),
}

/// A key and its value.
pub type Entry = (String, Vec<u8>);

/// The cache in use. Its `health` does not affect the agent's readiness: without a cache, all requests are still
/// answered.
#[resource(order = 2)]
impl Cache {
    async fn start(config: &Config, shutdown: Shutdown) -> Result<Self, ConfigError> {
        let kind = match &config.redis {
            Some(url) => Kind::Redis(Redis::open(url, shutdown).await?),
            None => Kind::Local(Local::new()),
        };
        Ok(Self { kind })
    }

    async fn stop(&self) {
        match &self.kind {
            Kind::Local(local) => local.clear(),
            Kind::Redis(redis) => redis.close(),
        }
    }

    async fn health(&self) -> Result<(), RedisError> {
        match &self.kind {
            Kind::Local(_) => Ok(()),
            Kind::Redis(redis) => redis.ping().await,
        }
    }
}

impl Cache {
    /// Returns the values of these keys, in their order. Takes at most 250 ms.
    pub async fn get(&self, keys: &[String]) -> Vec<Option<Arc<[u8]>>> {
        if keys.is_empty() {
            return Vec::new();
        }
        match &self.kind {
            Kind::Local(local) => local.get(keys).await,
            Kind::Redis(redis) => redis.get(keys).await,
        }
    }

    /// Stores entries, on a best-effort basis. Takes at most 250 ms.
    pub async fn put(&self, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        match &self.kind {
            Kind::Local(local) => local.put(entries).await,
            Kind::Redis(redis) => redis.put(&entries).await,
        }
    }
}

/// Formats where the cache is, for messages.
impl fmt::Display for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Local(_) => f.write_str("in this process"),
            Kind::Redis(redis) => redis.fmt(f),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Returns a cache in this process.
    pub fn local() -> Arc<Cache> {
        let kind = Kind::Local(Local::new());
        Arc::new(Cache { kind })
    }
}

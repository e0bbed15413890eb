//! [`Cache`]: what was worked out or read before. In this process, or in Redis, where several agents share it and it
//! outlives each of them.
//!
//! What lies under a key never changes: a key says everything that its value depends on. So nothing is ever taken back,
//! and an agent whose cache is empty, has lost something, or is gone altogether says the same, only later.

mod local;
mod redis;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lifecycle::{ConfigError, Shutdown, resource};

use crate::cache::local::Local;
use crate::cache::redis::{Redis, RedisError};
use crate::config::Config;

/// How long what is put here is kept, if there is room.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

pub struct Cache {
    kind: Kind,
}

enum Kind {
    Local(Local),
    Redis(Redis),
}

/// A key, and what is found there.
pub type Entry = (String, Vec<u8>);

/// Its health is not the agent's readiness: without it everything is answered, too.
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
    /// What is known of each of these keys, in their order. Takes a quarter of a second at most.
    pub async fn get(&self, keys: &[String]) -> Vec<Option<Arc<[u8]>>> {
        if keys.is_empty() {
            return Vec::new();
        }
        match &self.kind {
            Kind::Local(local) => local.get(keys).await,
            Kind::Redis(redis) => redis.get(keys).await,
        }
    }

    /// Keeps these for later, as far as that can be done now. Takes a quarter of a second at most.
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

/// Where it is, for people.
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

    /// In the process.
    pub fn local() -> Arc<Cache> {
        let kind = Kind::Local(Local::new());
        Arc::new(Cache { kind })
    }
}

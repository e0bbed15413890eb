//! [`Config`]: the configuration from the command line and the environment, checked before other components start.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lifecycle::{ConfigError, resource};
use redis::Client;
use reqwest::Url;

use crate::args::{Args, Options};

pub struct Config {
    pub address: SocketAddr,
    /// The folder for the agent's data. It exists: `start` creates it.
    pub data: PathBuf,
    /// The PostgreSQL server. Without one, rows are stored in an SQLite file in `data`.
    pub database: Option<Url>,
    /// The Redis server. Without one, the cache is in this process.
    pub redis: Option<Url>,
    /// The folder of a sentence transformer. Without one, texts are embedded by their n-grams.
    pub embedding: Option<PathBuf>,
    /// The endpoint of the language model. Without one, the built-in model answers.
    pub endpoint: Option<Endpoint>,
}

/// An OpenAI-compatible endpoint.
#[derive(Clone)]
pub struct Endpoint {
    pub url: Url,
    pub model: String,
    pub key: Option<String>,
    /// The time limit of the first piece of an answer, all attempts included, and of each piece after it.
    pub timeout: Duration,
}

impl Endpoint {
    /// Returns the URL without its credentials, for messages.
    pub fn place(&self) -> Url {
        let mut place = self.url.clone();
        // These calls fail only for URLs without a host; an HTTP URL has one.
        let _ = place
            .set_username("")
            .and_then(|()| place.set_password(None));
        place
    }
}

#[resource(order = 0)]
impl Config {
    async fn start(args: &Args) -> Result<Self, ConfigError> {
        let config = Self::read(&args.options)?;
        tokio::fs::create_dir_all(&config.data).await.map_err(|error| {
            ConfigError::new(format!(
                "AGENT_DATA is `{}`, which cannot be created as a folder: {error} (allowed: a path that this user may write to)",
                config.data.display()
            ))
        })?;
        Ok(config)
    }
}

impl Config {
    /// Parses the options. The error names every wrong value, not only the first one.
    fn read(options: &Options) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let given = |value: &Option<OsString>| value.clone().filter(|value| !value.is_empty());
        let mut text = |name: &str, value| match given(value)?.into_string() {
            Ok(value) => Some(value),
            Err(value) => {
                wrong.push(format!("{name} is `{}` (allowed: UTF-8)", value.display()));
                None
            }
        };
        let address = text("AGENT_ADDR", &options.addr);
        let database = text("DATABASE_URL", &options.database_url);
        let redis = text("REDIS_URL", &options.redis_url);
        let url = text("AGENT_LLM_URL", &options.llm_url);
        let model = text("AGENT_LLM_MODEL", &options.llm_model);
        let model = model.unwrap_or_else(|| "gpt-4o-mini".into());
        let key = text("AGENT_LLM_KEY", &options.llm_key);
        let timeout = text("AGENT_LLM_TIMEOUT", &options.llm_timeout);
        let timeout = timeout.unwrap_or_else(|| "60s".into());
        let (data, embedding) = (given(&options.data), given(&options.embedding_model));

        let address = address.unwrap_or_else(|| "127.0.0.1:8080".into());
        let parsed_address = address.parse();
        if parsed_address.is_err() {
            wrong.push(format!(
                "AGENT_ADDR is `{address}` (allowed: an IP address with a port, such as `127.0.0.1:8080` or `[::]:80`)"
            ));
        }
        let database = database.as_deref().map(database_url).transpose();
        if database.is_err() {
            // The value may contain a password, so the message does not repeat it.
            wrong.push(
                "DATABASE_URL is not a PostgreSQL URL (allowed: `postgres://user:password@host:port/database`; omit it to use SQLite in AGENT_DATA)".into(),
            );
        }
        let redis = redis.as_deref().map(redis_url).transpose();
        if redis.is_err() {
            // The same as for `DATABASE_URL`.
            wrong.push(
                "REDIS_URL is not a Redis URL (allowed: `redis://user:password@host:port/number`, with TLS `rediss://`; omit it to cache in this process)".into(),
            );
        }
        let parsed_url = url.as_deref().map(endpoint_url).transpose();
        if parsed_url.is_err() {
            wrong.push(format!(
                "AGENT_LLM_URL is `{}` (allowed: a URL with http or https, such as `https://api.openai.com/v1`)",
                url.unwrap_or_default()
            ));
        }
        let parsed_timeout = duration(&timeout);
        if parsed_timeout.is_none() {
            wrong.push(format!(
                "AGENT_LLM_TIMEOUT is `{timeout}` (allowed: a time from `1ms` to `1h`, such as `60s`, `1m 30s` or bare seconds)"
            ));
        }
        match (parsed_address, database, redis, parsed_url, parsed_timeout) {
            (Ok(address), Ok(database), Ok(redis), Ok(url), Some(timeout)) if wrong.is_empty() => {
                Ok(Self {
                    address,
                    data: data.map_or_else(|| Path::new("agent-data").into(), PathBuf::from),
                    database,
                    redis,
                    embedding: embedding.map(PathBuf::from),
                    endpoint: url.map(|url| Endpoint {
                        url,
                        model,
                        key,
                        timeout,
                    }),
                })
            }
            _ => Err(ConfigError::new(wrong.join(", and "))),
        }
    }
}

fn database_url(text: &str) -> Result<Url, ()> {
    let url = Url::parse(text).map_err(|_| ())?;
    if matches!(url.scheme(), "postgres" | "postgresql") {
        Ok(url)
    } else {
        Err(())
    }
}

fn redis_url(text: &str) -> Result<Url, ()> {
    let url = Url::parse(text).map_err(|_| ())?;
    if matches!(url.scheme(), "redis" | "rediss") && Client::open(url.clone()).is_ok() {
        Ok(url)
    } else {
        Err(())
    }
}

fn endpoint_url(text: &str) -> Result<Url, ()> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|_| ())?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(())
    }
}

fn duration(text: &str) -> Option<Duration> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok()?,
        Err(_) => humantime::parse_duration(text).ok()?,
    };
    let allowed = Duration::from_millis(1)..=Duration::from_secs(60 * 60);
    allowed.contains(&duration).then_some(duration)
}

/// Written by hand so that the key does not appear in logs.
impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("url", &self.place().as_str())
            .field("model", &self.model)
            .field("key", &self.key.as_ref().map(|_| "..."))
            .field("timeout", &self.timeout)
            .finish()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Returns a configuration with its data in `folder`, on a free port.
    pub fn in_folder(folder: &Path) -> Config {
        Config {
            data: folder.into(),
            ..read(&[("AGENT_ADDR", "127.0.0.1:0")]).unwrap()
        }
    }

    fn read(variables: &[(&str, &str)]) -> Result<Config, String> {
        let mut options = Options::default();
        for (name, value) in variables {
            let option = match *name {
                "AGENT_ADDR" => &mut options.addr,
                "DATABASE_URL" => &mut options.database_url,
                "REDIS_URL" => &mut options.redis_url,
                "AGENT_LLM_URL" => &mut options.llm_url,
                "AGENT_LLM_KEY" => &mut options.llm_key,
                "AGENT_LLM_TIMEOUT" => &mut options.llm_timeout,
                other => panic!("{other} is not among the options"),
            };
            *option = Some(value.into());
        }
        Config::read(&options).map_err(|error| error.to_string())
    }

    #[test]
    fn all_options_have_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.address.to_string(), "127.0.0.1:8080");
        assert_eq!(config.data, Path::new("agent-data"));
        assert!(config.database.is_none() && config.redis.is_none() && config.endpoint.is_none());
        assert!(config.embedding.is_none());
    }

    #[test]
    fn a_wrong_server_url_is_reported_without_its_password() {
        for (name, url, allowed) in [
            (
                "DATABASE_URL",
                "mysql://root:secret@db/agents",
                "postgres://",
            ),
            ("REDIS_URL", "http://:secret@cache:6379", "redis://"),
            ("REDIS_URL", "redis://:secret@cache/agents", "/number"),
        ] {
            let error = read(&[(name, url)]).err().unwrap();
            assert!(error.contains(name) && error.contains(allowed), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
        let config = read(&[("REDIS_URL", "rediss://agent:secret@cache.example/2")]).unwrap();
        assert!(config.redis.is_some());
    }

    #[test]
    fn an_endpoint_has_a_model_a_key_and_a_timeout() {
        let config = read(&[
            ("AGENT_LLM_URL", "http://agent:secret@[::1]:11434/v1/"),
            ("AGENT_LLM_KEY", "secret"),
        ])
        .unwrap();
        let endpoint = config.endpoint.unwrap();
        assert_eq!(endpoint.place().as_str(), "http://[::1]:11434/v1");
        assert_eq!(endpoint.model, "gpt-4o-mini");
        assert_eq!(endpoint.timeout, Duration::from_secs(60));
        assert!(!format!("{endpoint:?}").contains("secret"));
    }

    #[test]
    fn a_timeout_is_in_seconds_or_has_units() {
        for (text, seconds) in [("90", 90.0), ("0.25", 0.25), ("1m 30s", 90.0)] {
            assert_eq!(duration(text), Some(Duration::from_secs_f64(seconds)));
        }
        for text in ["", "0", "-1", "2h", "soon", "inf", "nan"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn every_wrong_value_is_reported_with_the_allowed_ones() {
        let wrong = [
            ("AGENT_ADDR", "banana"),
            ("AGENT_LLM_URL", "ftp://example"),
            ("AGENT_LLM_TIMEOUT", "0s"),
        ];
        let error = read(&wrong).err().unwrap();
        for part in [
            "AGENT_ADDR",
            "`banana`",
            "127.0.0.1:8080",
            "AGENT_LLM_URL",
            "`ftp://example`",
            "https",
            "AGENT_LLM_TIMEOUT",
            "`0s`",
            "1m 30s",
        ] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }
}

//! [`Args`]: the command line.

use std::ffi::OsString;

use clap::{Parser, ValueEnum};
use lifecycle::{ConfigError, resource};

/// An AI agent: stores documents, answers questions about them, processes jobs.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "agent", version, after_help = LOG)]
pub struct Args {
    /// How to use the agent.
    #[arg(long, value_enum, default_value_t = Mode::Web)]
    pub mode: Mode,
    #[command(flatten)]
    pub options: Options,
}

/// The options, as unparsed text. [`Config`](crate::config::Config) checks all of them at once, so that its error names
/// every wrong value. An empty variable counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Options that can also be set by environment variables")]
pub struct Options {
    /// Address to listen on [default: 127.0.0.1:8080].
    #[arg(long, env = "AGENT_ADDR", value_name = "ADDRESS")]
    pub addr: Option<OsString>,
    /// Folder for the data [default: agent-data].
    #[arg(long, env = "AGENT_DATA", value_name = "FOLDER")]
    pub data: Option<OsString>,
    /// PostgreSQL server for the rows, postgres://.. [default: SQLite in the data folder].
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<OsString>,
    /// Redis server for the cache, redis://.. [default: in memory].
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<OsString>,
    /// Folder of a sentence transformer [default: built-in n-grams].
    #[arg(long, env = "AGENT_EMBEDDING_MODEL", value_name = "FOLDER")]
    pub embedding_model: Option<OsString>,
    /// OpenAI-compatible endpoint, such as `https://api.openai.com/v1` [default: a small built-in model].
    #[arg(
        long,
        env = "AGENT_LLM_URL",
        value_name = "URL",
        hide_env_values = true
    )]
    pub llm_url: Option<OsString>,
    /// Model to request from the endpoint [default: gpt-4o-mini].
    #[arg(long, env = "AGENT_LLM_MODEL", value_name = "NAME")]
    pub llm_model: Option<OsString>,
    /// Key to send to the endpoint.
    #[arg(
        long,
        env = "AGENT_LLM_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub llm_key: Option<OsString>,
    /// Time limit of each piece of the endpoint's answer [default: 60s].
    #[arg(long, env = "AGENT_LLM_TIMEOUT", value_name = "TIME")]
    pub llm_timeout: Option<OsString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Over HTTP.
    Web,
    /// At a prompt on standard input.
    Console,
}

const LOG: &str = "RUST_LOG filters the log on standard error, such as info or agent=debug";

/// Parses the command line. Only tests use it, which start single components: the program provides the arguments from
/// `setup`.
#[resource(order = 0)]
impl Args {
    async fn start() -> Result<Self, ConfigError> {
        Self::try_parse().map_err(|error| ConfigError::new(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_mode_is_web_and_unknown_modes_are_rejected() {
        assert_eq!(Args::try_parse_from(["agent"]).unwrap().mode, Mode::Web);
        let args = Args::try_parse_from(["agent", "--addr", "[::]:80"]).unwrap();
        assert_eq!(args.options.addr, Some("[::]:80".into()));
        assert_eq!(
            Args::try_parse_from(["agent", "--mode", "console"])
                .unwrap()
                .mode,
            Mode::Console
        );
        let error = Args::try_parse_from(["agent", "--mode", "desktop"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("web") && error.contains("console"),
            "{error}"
        );
    }
}

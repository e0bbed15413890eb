//! [`Args`]: the command line.

use clap::{Parser, ValueEnum};
use lifecycle::{ConfigError, resource};

/// An AI agent: keeps documents, answers questions about them, works through jobs.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "agent", version, after_help = ENVIRONMENT)]
pub struct Args {
    /// How to talk to it.
    #[arg(long, value_enum, default_value_t = Mode::Web)]
    pub mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Over HTTP.
    Web,
    /// At a prompt on standard input.
    Console,
}

const ENVIRONMENT: &str = "\
Environment:
  AGENT_ADDR             where to listen [default: 127.0.0.1:8080]
  DATABASE_URL           postgres://.. for its rows [default: SQLite in its folder]
  REDIS_URL              redis://.. for its cache [default: its memory]
  AGENT_DATA             the folder for its data [default: agent-data]
  AGENT_EMBEDDING_MODEL  the folder of a sentence transformer [default: built-in n-grams]
  AGENT_LLM_URL          an OpenAI-compatible endpoint, such as https://api.openai.com/v1 [default: a small built-in model]
  AGENT_LLM_MODEL        the model to ask for there [default: gpt-4o-mini]
  AGENT_LLM_KEY          the key to send there
  AGENT_LLM_TIMEOUT      how long each piece of its answer may take [default: 60s]
  RUST_LOG               what to log to standard error, such as info or agent=debug";

/// `setup` provides the parsed ones; this is for whoever starts the parts without it.
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
    fn web_is_the_default_and_other_modes_are_refused() {
        assert_eq!(Args::try_parse_from(["agent"]).unwrap().mode, Mode::Web);
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

//! [`Error`]: the errors of the agent's operations, common to all of its interfaces.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::{StatusCode, Url};

use crate::embedding::EmbeddingError;
use crate::http_client::Closed;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Invalid(String),
    #[error("there is no {what} `{id}`{hint}")]
    NotFound {
        what: &'static str,
        id: String,
        hint: &'static str,
    },
    #[error("the agent is stopping; try again")]
    Stopping,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    #[error(transparent)]
    Model(#[from] ModelError),
}

impl Error {
    /// Formats the error with all its causes in one line, for readers that see only text.
    pub fn full(&self) -> String {
        full(self)
    }

    pub fn no(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound {
            what,
            id: id.to_string(),
            hint: "",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot reach the language model at {url} (set by AGENT_LLM_URL){}", tried(.tries))]
    Unreachable {
        url: Url,
        tries: u32,
        source: reqwest::Error,
    },
    #[error("the language model at {url} answered {status}{}: {body} ({})", tried(.tries), advice(.status))]
    Refused {
        url: Url,
        tries: u32,
        status: StatusCode,
        body: String,
    },
    #[error(
        "the language model at {url} sent nothing for {limit:?} (limited by AGENT_LLM_TIMEOUT)"
    )]
    Silent { url: Url, limit: Duration },
    #[error("the language model at {url} interrupted an answer: {why} (ask again)")]
    Interrupted { url: Url, why: String },
    #[error(
        "the language model at {url} sent a response that is no chat completion (set by AGENT_LLM_URL)"
    )]
    Malformed { url: Url, source: serde_json::Error },
    #[error("the language model is unloaded")]
    Unloaded,
    #[error(transparent)]
    Closed(#[from] Closed),
}

fn tried(tries: &u32) -> String {
    match tries {
        0 | 1 => String::new(),
        more => format!(", tried {more} times"),
    }
}

/// Returns what the user can do about a response with this status.
fn advice(status: &StatusCode) -> &'static str {
    match *status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "AGENT_LLM_KEY sets the key",
        StatusCode::TOO_MANY_REQUESTS => "ask again later",
        status if status.is_server_error() => "ask again later",
        _ => "AGENT_LLM_URL and AGENT_LLM_MODEL set what is requested",
    }
}

/// Formats an error with its causes. Some errors already include their cause in their text; it is not repeated.
pub fn full(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

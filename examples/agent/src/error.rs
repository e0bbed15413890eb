//! [`Error`]: what can go wrong while the agent works, however it was asked.

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
    /// With all its causes, in one line: for those who only see the text.
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
    #[error("cannot reach the language model at {url} (AGENT_LLM_URL says where it is){}", tried(.tries))]
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
        "the language model at {url} sent nothing for {limit:?} (AGENT_LLM_TIMEOUT says how long it may take)"
    )]
    Silent { url: Url, limit: Duration },
    #[error("the language model at {url} stopped in the middle of an answer: {why} (ask again)")]
    Cut { url: Url, why: String },
    #[error(
        "the language model at {url} sent what is no chat completion (AGENT_LLM_URL says where it is)"
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

/// What to do.
fn advice(status: &StatusCode) -> &'static str {
    match *status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "AGENT_LLM_KEY is the key that is sent",
        StatusCode::TOO_MANY_REQUESTS => "ask again later",
        status if status.is_server_error() => "ask again later",
        _ => "AGENT_LLM_URL and AGENT_LLM_MODEL say what is asked",
    }
}

/// An error with its causes. Some say their cause themselves: it is not said twice.
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

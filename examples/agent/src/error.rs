//! [`Error`]: what can go wrong while the agent works, however it was asked.

use std::error::Error as StdError;

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
    #[error("the language model's endpoint cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the language model's endpoint answered {status}: {body}")]
    Refused {
        status: reqwest::StatusCode,
        body: String,
    },
    #[error("the language model's endpoint stopped in the middle of an answer: {0}")]
    Cut(String),
    #[error("the language model's endpoint sent what is no chat completion")]
    Malformed(#[source] serde_json::Error),
    #[error("the language model is unloaded")]
    Unloaded,
    #[error(transparent)]
    Closed(#[from] Closed),
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

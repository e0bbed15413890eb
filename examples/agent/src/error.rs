//! [`Error`]: what can go wrong while the agent works, however it was asked.

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
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("{0}")]
    Model(#[from] ModelError),
}

impl Error {
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
    #[error("the language model's endpoint cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    #[error("the language model's endpoint answered {status}: {body}")]
    Refused {
        status: reqwest::StatusCode,
        body: String,
    },
    #[error("the language model's endpoint stopped in the middle of an answer: {0}")]
    Cut(String),
    #[error("the language model's endpoint sent what is no chat completion: {0}")]
    Malformed(#[source] serde_json::Error),
    #[error("the language model is unloaded")]
    Unloaded,
    #[error(transparent)]
    Closed(#[from] Closed),
}

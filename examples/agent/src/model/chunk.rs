//! [`Piece`]: the content of one event of a streamed chat completion.

use reqwest::Url;
use serde::Deserialize;

use crate::error::ModelError;
use crate::sessions::End;

/// An event of a streamed chat completion.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    End,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    /// Sent instead of choices if the answer fails after it has begun.
    error: Option<Failure>,
    /// How the answer ended, if the endpoint is another agent. Other endpoints have no field that reports an
    /// interruption.
    end: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Piece {
    /// Parses the data of an event. `url` is the endpoint, for errors.
    pub fn parse(data: &str, url: &Url) -> Result<Self, ModelError> {
        let interrupted = |why: String| ModelError::Interrupted {
            url: url.clone(),
            why,
        };
        if data.trim() == "[DONE]" {
            return Ok(Self::End);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|source| ModelError::Malformed {
            url: url.clone(),
            source,
        })?;
        if let Some(error) = chunk.error {
            return Err(interrupted(error.message));
        }
        if chunk.end.as_deref() == Some(End::Shutdown.as_str()) {
            return Err(interrupted("it had to stop".into()));
        }
        let Some(choice) = chunk.choices.into_iter().next() else {
            return Ok(Self::Text(String::new()));
        };
        Ok(match (choice.delta.content, choice.finish_reason) {
            (Some(text), None) => Self::Text(text),
            (Some(text), Some(_)) if !text.is_empty() => Self::Text(text),
            (_, Some(_)) => Self::End,
            (None, None) => Self::Text(String::new()),
        })
    }
}

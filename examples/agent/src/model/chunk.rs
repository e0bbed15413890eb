//! [`Piece`]: what an event of a streamed chat completion says.

use reqwest::Url;
use serde::Deserialize;

use crate::error::ModelError;
use crate::sessions::End;

/// One event of a streamed chat completion.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    End,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    /// In place of choices: what went wrong after the answer had begun.
    error: Option<Failure>,
    /// How the answer ended, where the endpoint is an agent like this one. Others are not known to say that they had to
    /// stop.
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
    /// `url` is that of the endpoint.
    pub fn parse(data: &str, url: &Url) -> Result<Self, ModelError> {
        let cut = |why: String| ModelError::Cut {
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
            return Err(cut(error.message));
        }
        if chunk.end.as_deref() == Some(End::Shutdown.as_str()) {
            return Err(cut("it had to stop".into()));
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

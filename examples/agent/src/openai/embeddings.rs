//! `POST /v1/embeddings`: the vectors with which the agent searches.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::error::Error;
use crate::openai::failure::Failure;
use crate::openai::{EMBEDDING_MODEL, words};

/// The maximum number of texts, the same as OpenAI's.
const MOST_INPUTS: usize = 2048;

#[derive(Deserialize)]
pub struct Request {
    input: Input,
    #[serde(default)]
    encoding_format: Encoding,
    dimensions: Option<usize>,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "`input` is a text or a list of texts; arrays of token ids are not supported"
)]
enum Input {
    One(String),
    Many(Vec<String>),
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    /// Little-endian 32-bit floats in base64.
    Base64,
}

pub async fn embeddings(
    State(api): State<Api>,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Json<Value>, Failure> {
    let Json(request) = body?;
    let embedder = api.library.embedder();
    let dimensions = embedder.space().dimensions;
    if request
        .dimensions
        .is_some_and(|wanted| wanted != dimensions)
    {
        let message =
            format!("the vectors of this model have {dimensions} dimensions; omit `dimensions`");
        return Err(Failure::invalid("dimensions", message));
    }
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
    };
    if texts.is_empty() || texts.len() > MOST_INPUTS || texts.iter().any(|text| text.is_empty()) {
        let message = format!("`input` must have 1 to {MOST_INPUTS} texts, none of them empty");
        return Err(Failure::invalid("input", message));
    }
    let tokens: usize = texts.iter().map(|text| words(text)).sum();
    // Embedded like passages: the rarity of words weighs only in questions.
    let embedded = embedder.passages(texts).await.map_err(Error::from)?;
    let mut data = Vec::new();
    for (index, passage) in embedded.into_iter().enumerate() {
        let embedding = request.encoding_format.encode(&passage.vector);
        data.push(json!({"object": "embedding", "index": index, "embedding": embedding}));
        // Encoding may take long; other tasks run in between.
        tokio::task::consume_budget().await;
    }
    Ok(Json(json!({
        "object": "list",
        "data": data,
        "model": EMBEDDING_MODEL,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })))
}

impl Encoding {
    fn encode(self, vector: &[f32]) -> Value {
        match self {
            Self::Float => vector.into(),
            Self::Base64 => {
                let bytes: Vec<u8> = vector
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect();
                BASE64_STANDARD.encode(bytes).into()
            }
        }
    }
}

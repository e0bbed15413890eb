//! The agent behind OpenAI's API, so that OpenAI's clients can use it, and one agent can be the model of another.
//!
//! Requests are answered from the documents, like any question, and saved in a new session, whose id is part of the
//! completion's id. Any model name is accepted; the response has the real one. Words count as tokens. Unsupported options
//! (`temperature`, `user`, ..) are ignored, as compatible servers do; options that would change the meaning of the answer
//! (`tools`, `n`) are rejected.

mod chat;
mod conversation;
mod embeddings;
mod failure;

use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::Api;
use crate::openai::failure::Failure;

const CHAT_MODEL: &str = "agent";
const EMBEDDING_MODEL: &str = "agent-embedding";

pub fn router() -> Router<Api> {
    Router::new()
        .route("/models", get(models))
        .route("/models/{id}", get(model))
        .route("/chat/completions", post(chat::completions))
        .route("/embeddings", post(embeddings::embeddings))
        .fallback(async || {
            Failure::new(
                StatusCode::NOT_FOUND,
                "not found; `GET /` lists the endpoints",
            )
        })
        .method_not_allowed_fallback(async || {
            Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method not allowed; `GET /` lists the endpoints with their methods",
            )
        })
}

async fn models() -> Json<Value> {
    let models = [CHAT_MODEL, EMBEDDING_MODEL].map(described);
    Json(json!({"object": "list", "data": models}))
}

async fn model(
    axum::extract::Path(id): axum::extract::Path<String>,
) -> Result<Json<Value>, Failure> {
    if [CHAT_MODEL, EMBEDDING_MODEL].contains(&&*id) {
        Ok(Json(described(&id)))
    } else {
        let message =
            format!("there is no model `{id}`; there are `{CHAT_MODEL}` and `{EMBEDDING_MODEL}`");
        Err(Failure::new(StatusCode::NOT_FOUND, message).with_code("model_not_found"))
    }
}

fn described(id: &str) -> Value {
    // The built-in models have no date.
    json!({"id": id, "object": "model", "created": 0, "owned_by": "agent"})
}

/// Returns the number of tokens that a text counts as.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests;

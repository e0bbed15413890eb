//! The same agent in the words of OpenAI's API, so that its clients work here, and one agent can be another's model.
//!
//! What is asked here is answered from the documents, like any question, and saved in a session of its own, whose id is in
//! the completion's. Any name of a model is taken; who answers is said in the answer. Words count as tokens. What a request
//! says beyond what is read here (`temperature`, `user`, ..) is left aside, as compatible servers do; what would change
//! what the answer means (`tools`, `n`) is refused.

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
                "there is nothing here; `GET /` says what there is",
            )
        })
        .method_not_allowed_fallback(async || {
            Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "not with this method; `GET /` says with which",
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
    // The built-in models are as old as the program, which has no date.
    json!({"id": id, "object": "model", "created": 0, "owned_by": "agent"})
}

/// How much a text counts.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[cfg(test)]
mod tests;

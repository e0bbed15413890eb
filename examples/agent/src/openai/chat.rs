//! `POST /v1/chat/completions`: an answer as a whole or in chunks.
//!
//! An answer that shutdown interrupts has the finish reason `length`, the one of OpenAI's reasons from which clients
//! conclude that text is missing. The actual reason is in an additional field, with the word that sessions use: `"end":
//! "shutdown"`.

use std::convert::Infallible;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use crate::answers::{DEFAULT_TOKENS, Piece};
use crate::api::Api;
use crate::database::now;
use crate::openai::CHAT_MODEL;
use crate::openai::conversation::Request;
use crate::openai::failure::Failure;
use crate::sessions::End;

pub async fn completions(
    State(api): State<Api>,
    body: Result<Json<Request>, JsonRejection>,
) -> Result<Response, Failure> {
    let Json(request) = body?;
    let is_streamed = request.stream.unwrap_or_default();
    let includes_usage = request
        .stream_options
        .as_ref()
        .is_some_and(|options| options.include_usage);
    let chat = request.chat()?;
    let completion = Completion {
        id: String::new(),
        created: now() / 1000,
        prompt_tokens: chat.words(),
        max_tokens: chat.max_tokens.unwrap_or(DEFAULT_TOKENS),
        written: 0,
    };
    let pieces = api.answers.chat(chat, &api.shutdown).await?;
    if !is_streamed {
        return Ok(Json(completion.whole(pieces).await?).into_response());
    }
    let chunks = completion.chunks(pieces, includes_usage);
    let events = chunks.map(|chunk| Ok::<_, Infallible>(Event::default().data(chunk)));
    Ok(Sse::new(events)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// A completion in progress.
struct Completion {
    /// The id of the completion, derived from that of the session, which is the first piece of an answer.
    id: String,
    /// The time of creation, in seconds since 1970.
    created: i64,
    prompt_tokens: usize,
    max_tokens: usize,
    written: usize,
}

impl Completion {
    async fn whole(mut self, pieces: impl Stream<Item = Piece>) -> Result<Value, Failure> {
        let mut text = String::new();
        let mut pieces = std::pin::pin!(pieces);
        while let Some(piece) = pieces.next().await {
            match piece {
                Piece::Session(session) => self.begin(&session),
                Piece::Token(token) => {
                    self.written += 1;
                    text.push_str(&token);
                }
                Piece::End { end, message } => {
                    let choice = json!({
                        "index": 0,
                        "message": {"role": "assistant", "content": text, "refusal": null},
                        "logprobs": null,
                        "finish_reason": self.finish_reason(end, message)?,
                    });
                    let mut whole = self.object("chat.completion", json!([choice]));
                    whole["usage"] = self.usage();
                    whole["end"] = end.as_str().into();
                    return Ok(whole);
                }
            }
        }
        Err(unended())
    }

    fn chunks(
        mut self,
        pieces: impl Stream<Item = Piece>,
        includes_usage: bool,
    ) -> impl Stream<Item = String> {
        pieces.flat_map(move |piece| {
            stream::iter(match piece {
                Piece::Session(session) => {
                    self.begin(&session);
                    let first = json!({"role": "assistant", "content": ""});
                    vec![self.chunk(first, None).to_string()]
                }
                Piece::Token(token) => {
                    self.written += 1;
                    vec![self.chunk(json!({"content": token}), None).to_string()]
                }
                Piece::End { end, message } => {
                    let last = self.end(end, message, includes_usage);
                    let last = last.iter().map(Value::to_string);
                    last.chain([String::from("[DONE]")]).collect()
                }
            })
        })
    }

    fn begin(&mut self, session: &str) {
        self.id = format!("chatcmpl-{session}");
    }

    fn end(&self, end: End, message: Option<String>, includes_usage: bool) -> Vec<Value> {
        let reason = match self.finish_reason(end, message) {
            Ok(reason) => reason,
            Err(failure) => return vec![failure.body()],
        };
        let mut last = self.chunk(json!({}), Some(reason));
        last["end"] = end.as_str().into();
        let mut chunks = vec![last];
        if includes_usage {
            let mut usage = self.object("chat.completion.chunk", json!([]));
            usage["usage"] = self.usage();
            chunks.push(usage);
        }
        chunks
    }

    fn finish_reason(&self, end: End, message: Option<String>) -> Result<&'static str, Failure> {
        match end {
            End::Complete if self.written < self.max_tokens => Ok("stop"),
            End::Complete | End::Shutdown => Ok("length"),
            End::ConsumerGone | End::Error => {
                let message = message.unwrap_or_else(|| "the answer is incomplete".into());
                Err(Failure::new(StatusCode::BAD_GATEWAY, message))
            }
        }
    }

    fn chunk(&self, delta: Value, finish_reason: Option<&str>) -> Value {
        let choice =
            json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        self.object("chat.completion.chunk", json!([choice]))
    }

    fn object(&self, object: &str, choices: Value) -> Value {
        let Self { id, created, .. } = self;
        json!({"id": id, "object": object, "created": created, "model": CHAT_MODEL, "choices": choices})
    }

    fn usage(&self) -> Value {
        let (prompt, completion) = (self.prompt_tokens, self.written);
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        })
    }
}

/// Returns the error for a stream without an end: shutdown aborted it while the answer was being saved.
fn unended() -> Failure {
    Failure::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the agent is stopping; try again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion() -> Completion {
        Completion {
            id: String::new(),
            created: 0,
            prompt_tokens: 1,
            max_tokens: 9,
            written: 0,
        }
    }

    fn ending(end: End) -> impl Stream<Item = Piece> {
        let message = (end == End::Error).then(|| "no disk".into());
        stream::iter([
            Piece::Session("id".into()),
            Piece::Token("To".into()),
            Piece::Token(" be".into()),
            Piece::End { end, message },
        ])
    }

    #[tokio::test]
    async fn every_end_is_distinguishable() {
        for (end, reason) in [(End::Complete, "stop"), (End::Shutdown, "length")] {
            let whole = completion().whole(ending(end)).await.unwrap();
            assert_eq!(whole["choices"][0]["message"]["content"], "To be");
            assert_eq!(whole["choices"][0]["finish_reason"], reason);
            assert_eq!(whole["end"], end.as_str());
            let chunks: Vec<_> = completion().chunks(ending(end), false).collect().await;
            let last: Value = serde_json::from_str(&chunks[3]).unwrap();
            assert_eq!(last["choices"][0]["finish_reason"], reason);
            assert_eq!((&*chunks[4], chunks.len()), ("[DONE]", 5));
        }
        let failed = completion().whole(ending(End::Error)).await.unwrap_err();
        let chunks: Vec<_> = completion()
            .chunks(ending(End::Error), true)
            .collect()
            .await;
        assert_eq!(chunks[3..], [failed.body().to_string(), "[DONE]".into()]);
        assert!(chunks[3].contains("no disk"), "{}", chunks[3]);
    }

    #[tokio::test]
    async fn a_stream_without_an_end_does_not_look_complete() {
        let aborted = || ending(End::Complete).take(2);
        assert!(completion().whole(aborted()).await.is_err());
        let chunks: Vec<_> = completion().chunks(aborted(), true).collect().await;
        assert!(!chunks.contains(&"[DONE]".into()), "{chunks:?}");
    }
}

//! [`EndpointModel`]: a language model behind an OpenAI-compatible endpoint.
//!
//! A request that fails before its answer has begun is repeated if the failure may be temporary: the endpoint is
//! unreachable, the connection breaks, or the status is 429, 500, 502, 503 or 504. A request whose answer has begun is
//! never repeated, since the client already has the first words; nor is one that timed out, since the endpoint may
//! still be working on it.

use std::sync::Arc;
use std::time::Duration;

use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use lifecycle::Shutdown;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, Url};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::config::Endpoint;
use crate::error::{ModelError, full};
use crate::http_client::HttpClient;
use crate::model::attempts::{Again, Failed, attempts};
use crate::model::chunk::Piece;
use crate::model::{LanguageModel, Prompt, TokenStream};

/// The longest pause before the second attempt.
const PAUSE: Duration = Duration::from_millis(500);
/// How many characters of an error response are part of the message.
const BODY_LIMIT: usize = 300;

pub struct EndpointModel {
    endpoint: Endpoint,
    http: Arc<HttpClient>,
    pause: Duration,
}

impl EndpointModel {
    pub fn new(endpoint: Endpoint, http: Arc<HttpClient>) -> Self {
        Self {
            endpoint,
            http,
            pause: PAUSE,
        }
    }

    fn call(&self, prompt: &Prompt) -> Result<Call, ModelError> {
        let url = format!(
            "{}/chat/completions",
            self.endpoint.url.as_str().trim_end_matches('/')
        );
        let body = json!({
            "model": self.endpoint.model,
            "messages": messages(prompt),
            "max_tokens": prompt.max_tokens,
            "stream": true,
        });
        Ok(Call {
            client: self.http.get()?,
            url,
            key: self.endpoint.key.clone(),
            body,
            place: self.endpoint.place(),
            limit: self.endpoint.timeout,
        })
    }
}

impl LanguageModel for EndpointModel {
    fn describe(&self) -> String {
        format!("{} at {}", self.endpoint.model, self.endpoint.place())
    }

    fn tokens(&self, prompt: Prompt, shutdown: &Shutdown) -> TokenStream {
        let call = self.call(&prompt);
        let (shutdown, pause) = (shutdown.clone(), self.pause);
        let pieces = async move {
            let call = call?;
            let due = Instant::now() + call.limit;
            let attempt = |number| call.begin(number);
            let begun = timeout_at(due, attempts(&shutdown, due, pause, attempt)).await;
            let response = begun.unwrap_or_else(|_| Err(call.silent()))?;
            let pieces = call.pieces(response);
            Ok::<_, ModelError>(call.in_time(pieces, due))
        };
        let mut ended = false;
        Box::pin(
            stream::once(pieces)
                .try_flatten()
                .take_while(move |piece| {
                    let go_on = !ended && !matches!(piece, Ok(Piece::End));
                    ended = piece.is_err();
                    std::future::ready(go_on)
                })
                .try_filter_map(|piece| async move {
                    Ok(match piece {
                        Piece::Text(text) if !text.is_empty() => Some(text),
                        Piece::Text(_) | Piece::End => None,
                    })
                }),
        )
    }
}

/// One request to the endpoint.
struct Call {
    client: reqwest::Client,
    url: String,
    key: Option<String>,
    body: Value,
    /// The endpoint's URL, for messages.
    place: Url,
    /// The time limit of the first piece of an answer, and of each piece after it.
    limit: Duration,
}

impl Call {
    /// Sends the request, and returns the response once its headers have arrived.
    async fn begin(&self, number: u32) -> Result<Response, Failed<ModelError>> {
        let mut request = self.client.post(&self.url).json(&self.body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| Failed {
            again: if error.is_connect() || error.is_request() {
                Again::Later
            } else {
                Again::Never
            },
            error: ModelError::Unreachable {
                url: self.place.clone(),
                tries: number,
                source: error.without_url(),
            },
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let again = match (status.as_u16(), pause(response.headers())) {
            (429 | 500 | 502 | 503 | 504, Some(pause)) => Again::After(pause),
            (429 | 500 | 502 | 503 | 504, None) => Again::Later,
            _ => Again::Never,
        };
        let body = response.text().await.unwrap_or_default();
        let error = ModelError::Refused {
            url: self.place.clone(),
            tries: number,
            status,
            body: body.trim().chars().take(BODY_LIMIT).collect(),
        };
        Err(Failed { error, again })
    }

    fn pieces(&self, response: Response) -> BoxStream<'static, Result<Piece, ModelError>> {
        let url = self.place.clone();
        let interrupted = move |why| ModelError::Interrupted {
            url: url.clone(),
            why,
        };
        // An interrupted answer must not look like a complete one: without this item, the stream would just end.
        let end = stream::iter([Err(interrupted("it closed the connection".into()))]);
        let url = self.place.clone();
        let events = response.bytes_stream().eventsource();
        let pieces = events.map(move |event| match event {
            Ok(event) => Piece::parse(&event.data, &url),
            Err(EventStreamError::Transport(error)) => Err(interrupted(full(&error.without_url()))),
            Err(error) => Err(interrupted(format!("not an event stream: {error}"))),
        });
        pieces.chain(end).boxed()
    }

    /// Passes the pieces on, and ends with an error if one is late: the first piece has until `due`, each other one has
    /// the limit from the time it is polled for. Comments, which only keep the connection open, do not count as pieces.
    fn in_time(
        self,
        pieces: BoxStream<'static, Result<Piece, ModelError>>,
        due: Instant,
    ) -> impl Stream<Item = Result<Piece, ModelError>> + Send {
        stream::unfold((pieces, Some(due)), move |(mut pieces, first)| {
            let due = first.unwrap_or_else(|| Instant::now() + self.limit);
            let silent = self.silent();
            async move {
                let piece = timeout_at(due, pieces.next()).await;
                let piece = piece.unwrap_or(Some(Err(silent)))?;
                Some((piece, (pieces, None)))
            }
        })
    }

    fn silent(&self) -> ModelError {
        ModelError::Silent {
            url: self.place.clone(),
            limit: self.limit,
        }
    }
}

/// Returns how long the endpoint asks to wait. The form with a date is not supported.
fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    seconds.parse().ok().map(Duration::from_secs)
}

fn messages(prompt: &Prompt) -> Vec<serde_json::Value> {
    let mut system = prompt.instructions.clone();
    if !system.is_empty() {
        system.push_str("\n\n");
    }
    system.push_str("You are a helpful agent. Answer briefly and from these passages alone:\n");
    for passage in &prompt.passages {
        system.push_str("\n- ");
        system.push_str(passage);
    }
    let mut messages = vec![json!({"role": "system", "content": system})];
    for (question, answer) in &prompt.history {
        messages.push(json!({"role": "user", "content": question}));
        messages.push(json!({"role": "assistant", "content": answer}));
    }
    messages.push(json!({"role": "user", "content": prompt.question}));
    messages
}

#[cfg(test)]
mod tests;

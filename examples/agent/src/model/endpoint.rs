//! [`EndpointModel`]: a language model behind an OpenAI-compatible endpoint.

use std::sync::Arc;

use eventsource_stream::{EventStreamError, Eventsource};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::json;

use crate::config::Endpoint;
use crate::error::{ModelError, full};
use crate::http_client::HttpClient;
use crate::model::{LanguageModel, Prompt, TokenStream};
use crate::sessions::End;

pub struct EndpointModel {
    endpoint: Endpoint,
    http: Arc<HttpClient>,
}

impl EndpointModel {
    pub fn new(endpoint: Endpoint, http: Arc<HttpClient>) -> Self {
        Self { endpoint, http }
    }

    fn request(&self, prompt: &Prompt) -> Result<reqwest::RequestBuilder, ModelError> {
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
        let request = self.http.get()?.post(url).json(&body);
        Ok(match &self.endpoint.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }
}

impl LanguageModel for EndpointModel {
    fn describe(&self) -> String {
        format!("{} at {}", self.endpoint.model, self.endpoint.url)
    }

    fn tokens(&self, prompt: Prompt) -> TokenStream {
        let request = self.request(&prompt);
        let events = async move {
            let response = request?.send().await.map_err(ModelError::Unreachable)?;
            let status = response.status();
            if !status.is_success() {
                let body = response.text().await.unwrap_or_default();
                let body = body.trim().chars().take(300).collect();
                return Err(ModelError::Refused { status, body });
            }
            Ok(response
                .bytes_stream()
                .eventsource()
                .map(|event| match event {
                    Ok(event) => Piece::parse(&event.data),
                    Err(EventStreamError::Transport(error)) => Err(ModelError::Cut(full(&error))),
                    Err(error) => Err(ModelError::Cut(format!("no event stream: {error}"))),
                }))
        };
        // Without an end of its own, an answer that was cut would look like one that is complete.
        let cut = stream::iter([Err(ModelError::Cut("it closed the connection".into()))]);
        let pieces = stream::once(events).try_flatten().chain(cut);
        let mut ended = false;
        Box::pin(
            pieces
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

/// One event of a streamed chat completion.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
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
    fn parse(data: &str) -> Result<Self, ModelError> {
        if data.trim() == "[DONE]" {
            return Ok(Self::End);
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(ModelError::Malformed)?;
        if let Some(error) = chunk.error {
            return Err(ModelError::Cut(error.message));
        }
        if chunk.end.as_deref() == Some(End::Shutdown.as_str()) {
            return Err(ModelError::Cut("it had to stop".into()));
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

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;
    use axum::{Json, Router};
    use serde_json::Value;

    use super::*;

    /// A model whose endpoint answers with this status and body.
    async fn model(status: u16, body: &'static str) -> EndpointModel {
        let answer = move |headers: HeaderMap, Json(request): Json<Value>| async move {
            assert_eq!(headers["authorization"], "Bearer key");
            assert_eq!(request["stream"], true);
            assert_eq!(request["max_tokens"], 7);
            (StatusCode::from_u16(status).unwrap(), body)
        };
        let router = Router::new().route("/v1/chat/completions", post(answer));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let endpoint = Endpoint {
            url: url.parse().unwrap(),
            model: "m".into(),
            key: Some("key".into()),
        };
        EndpointModel::new(endpoint, Arc::new(HttpClient::start().unwrap()))
    }

    async fn ask(status: u16, body: &'static str) -> (String, Option<ModelError>) {
        let prompt = Prompt {
            question: "why?".into(),
            max_tokens: 7,
            ..Prompt::default()
        };
        let mut tokens = model(status, body).await.tokens(prompt);
        let mut text = String::new();
        while let Some(token) = tokens.next().await {
            match token {
                Ok(token) => text.push_str(&token),
                Err(error) => {
                    assert!(tokens.next().await.is_none(), "an error is the last item");
                    return (text, Some(error));
                }
            }
        }
        (text, None)
    }

    const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
                         : a comment\n\n\
                         data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n\
                         data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n";

    #[tokio::test]
    async fn a_streamed_answer_is_read_to_its_end() {
        let done = format!("{HELLO}data: [DONE]\n\ndata: {{\n\n").leak();
        let (text, error) = ask(200, done).await;
        assert_eq!(text, "Hello");
        assert!(error.is_none(), "{error:?}");
        let finished = format!(
            "{HELLO}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n"
        )
        .leak();
        assert!(ask(200, finished).await.1.is_none());
    }

    #[tokio::test]
    async fn a_cut_a_refusal_and_nonsense_are_errors() {
        let (text, error) = ask(200, HELLO).await;
        assert_eq!(text, "Hello");
        assert!(matches!(error, Some(ModelError::Cut(_))), "{error:?}");
        let failed =
            format!("{HELLO}data: {{\"error\":{{\"message\":\"no disk\"}}}}\n\ndata: [DONE]\n\n");
        let (text, error) = ask(200, failed.leak()).await;
        assert_eq!(text, "Hello");
        assert!(
            matches!(&error, Some(ModelError::Cut(why)) if why == "no disk"),
            "{error:?}"
        );
        let (_, error) = ask(429, "slow down").await;
        assert!(
            matches!(&error, Some(ModelError::Refused { body, .. }) if body == "slow down"),
            "{error:?}"
        );
        let (_, error) = ask(200, "data: {\n\n").await;
        assert!(matches!(error, Some(ModelError::Malformed(_))), "{error:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_an_error() {
        let endpoint = Endpoint {
            url: "http://127.0.0.1:1/v1".parse().unwrap(),
            model: "m".into(),
            key: None,
        };
        let model = EndpointModel::new(endpoint, Arc::new(HttpClient::start().unwrap()));
        let error = model
            .tokens(Prompt::default())
            .next()
            .await
            .unwrap()
            .unwrap_err();
        assert!(matches!(error, ModelError::Unreachable(_)), "{error:?}");
    }
}

use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use lifecycle::Running;
use lifecycle_tests::harness::folder;
use reqwest::Response;
use serde_json::{Value, json};

use crate::config::tests::in_folder;
use crate::config::{Config, Endpoint};
use crate::embedding::HashedNgrams;
use crate::library::Library;
use crate::server::tests::{get, post, start_as};
use crate::sessions::Sessions;

fn asked(max_tokens: usize, stream: bool) -> Value {
    json!({
        "model": "any",
        "messages": [{"role": "user", "content": "What do tomatoes want?"}],
        "max_tokens": max_tokens,
        "stream": stream,
        "stream_options": {"include_usage": stream},
    })
}

async fn complete(at: &str, body: Value) -> Response {
    post(format!("{at}/v1/chat/completions"), body).await
}

/// Returns the chunks of a stream, which has to end with `[DONE]`.
fn chunks(body: &str) -> Vec<Value> {
    let mut data: Vec<_> = body
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.strip_prefix("data: ").expect("each line is data"))
        .collect();
    assert_eq!(data.pop(), Some("[DONE]"), "{body}");
    let parse = |data| serde_json::from_str(data).expect("it is JSON");
    data.into_iter().map(parse).collect()
}

fn text(chunks: &[Value]) -> String {
    let pieces = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    pieces.collect()
}

/// Returns the finish reason and the end of an answer, from the one chunk that has them.
fn end(chunks: &[Value]) -> (&Value, &Value) {
    let mut last = chunks
        .iter()
        .filter(|chunk| !chunk["choices"][0]["finish_reason"].is_null());
    let end = last.next().expect("it has an end");
    assert!(last.next().is_none(), "it has one end: {chunks:?}");
    (&end["choices"][0]["finish_reason"], &end["end"])
}

/// Returns the saved text and state of a completion.
async fn saved(running: &Running, chunk: &Value) -> (String, String) {
    let session = chunk["id"]
        .as_str()
        .unwrap()
        .strip_prefix("chatcmpl-")
        .unwrap();
    let sessions = running.get::<Sessions>().unwrap();
    let mut history = sessions.history(session, 9).await.unwrap();
    assert_eq!(history.len(), 1);
    let exchange = history.remove(0);
    (exchange.answer, exchange.state)
}

#[tokio::test]
async fn models_are_listed_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let (running, at) = start_as(in_folder(folder.path())).await;
    let models = get(format!("{at}/v1/models")).await;
    let ids: Vec<_> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["id"])
        .collect();
    assert_eq!(ids, ["agent", "agent-embedding"]);
    assert_eq!(
        get(format!("{at}/v1/models/agent")).await,
        models["data"][0]
    );
    let unknown = get(format!("{at}/v1/models/gpt-4o")).await;
    assert_eq!(unknown["error"]["code"], "model_not_found");
    drop(running.stop().await);
}

#[tokio::test]
async fn a_completion_is_the_same_whole_and_in_chunks_and_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (running, at) = start_as(in_folder(folder.path())).await;
    let library = running.get::<Library>().unwrap();
    library.add("Garden", "Tomatoes want sun.").await.unwrap();

    let whole: Value = complete(&at, asked(5, false)).await.json().await.unwrap();
    let choice = &whole["choices"][0];
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(choice["finish_reason"], "length");
    assert_eq!(
        whole["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9})
    );

    let streamed = complete(&at, asked(5, true)).await;
    assert_eq!(streamed.headers()["content-type"], "text/event-stream");
    let chunks = chunks(&streamed.text().await.unwrap());
    assert!(chunks.iter().all(|chunk| {
        chunk["object"] == "chat.completion.chunk" && chunk["id"] == chunks[0]["id"]
    }));
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(chunks.len(), 1 + 5 + 2);
    assert_eq!(end(&chunks), (&json!("length"), &json!("complete")));
    assert_eq!(chunks[7]["choices"], json!([]));
    assert_eq!(chunks[7]["usage"], whole["usage"]);

    let text = text(&chunks);
    assert_eq!(choice["message"]["content"], text);
    assert!(text.contains("Tomatoes"), "{text}");
    assert_eq!(saved(&running, &chunks[0]).await, (text, "complete".into()));
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn the_history_from_the_client_is_part_of_the_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let (running, at) = start_as(in_folder(folder.path())).await;
    let conversation = json!({"max_completion_tokens": 3, "messages": [
        {"role": "system", "content": "You are a gardener:\n- Quinces want patience."},
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "Hello yourself."},
        {"role": "user", "content": [{"type": "text", "text": "What do"}, {"type": "text", "text": "quinces want?"}]},
    ]});
    let whole: Value = complete(&at, conversation).await.json().await.unwrap();
    assert_eq!(
        whole["choices"][0]["message"]["content"],
        "Quinces want patience"
    );
    assert_eq!(whole["usage"]["prompt_tokens"], 8 + 1 + 2 + 4);
    drop(running.stop().await);
}

#[tokio::test]
async fn a_stream_that_exceeds_the_remaining_time_ends_properly_and_is_saved() {
    let folder = folder();
    let (running, at) = start_as(in_folder(folder.path())).await;
    // The answer takes 20 seconds, twice the timeout of `serve`.
    let streamed = complete(&at, asked(4000, true)).await;
    let stopped = tokio::spawn(running.stop());
    let chunks = chunks(&streamed.text().await.unwrap());
    assert_eq!(end(&chunks), (&json!("length"), &json!("shutdown")));
    let report = stopped.await.unwrap();
    assert!(report.is_clean(), "{report}");

    let (running, _) = start_as(in_folder(folder.path())).await;
    assert_eq!(
        saved(&running, &chunks[0]).await,
        (text(&chunks), "shutdown".into())
    );
    drop(running.stop().await);
}

fn asking(folder: &Path, at: &str) -> Config {
    Config {
        endpoint: Some(Endpoint {
            url: format!("{at}/v1").parse().unwrap(),
            model: "any".into(),
            key: None,
            timeout: Duration::from_secs(60),
        }),
        ..in_folder(folder)
    }
}

#[tokio::test]
async fn one_agent_is_the_model_of_another() {
    let [here, there] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let (model, model_at) = start_as(in_folder(there.path())).await;
    let (running, at) = start_as(asking(here.path(), &model_at)).await;
    let library = running.get::<Library>().unwrap();
    library.add("Garden", "Tomatoes want sun.").await.unwrap();
    drop(library);

    let answered = chunks(&complete(&at, asked(6, true)).await.text().await.unwrap());
    assert_eq!(end(&answered), (&json!("length"), &json!("complete")));
    // Only the first agent has this passage.
    assert!(text(&answered).contains("Tomatoes want"), "{answered:?}");

    // When the model is stopped, the answer does not look complete.
    let interrupted = complete(&at, asked(4000, true)).await;
    let stopped = tokio::spawn(model.stop());
    let interrupted = chunks(&interrupted.text().await.unwrap());
    let error = interrupted.last().unwrap()["error"]["message"]
        .as_str()
        .unwrap();
    assert!(error.contains("it had to stop"), "{error}");
    assert_eq!(
        saved(&running, &interrupted[0]).await,
        (text(&interrupted), "error".into())
    );
    assert!(stopped.await.unwrap().is_clean());

    // When the model is gone, the request fails.
    let gone = complete(&at, asked(6, false)).await;
    assert_eq!(gone.status(), StatusCode::BAD_GATEWAY);
    let gone: Value = gone.json().await.unwrap();
    assert_eq!(gone["error"]["type"], "server_error");
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn one_or_many_texts_are_embedded_as_numbers_or_base64() {
    let folder = tempfile::tempdir().unwrap();
    let (running, at) = start_as(in_folder(folder.path())).await;
    let url = format!("{at}/v1/embeddings");
    let embed = async |body| post(url.clone(), body).await.json::<Value>().await.unwrap();
    let one = embed(json!({"model": "any", "input": "Tomatoes want sun."})).await;
    let many = embed(
        json!({"input": ["Whales sing.", "Tomatoes want sun."], "encoding_format": "base64"}),
    )
    .await;
    assert_eq!(one["usage"], json!({"prompt_tokens": 3, "total_tokens": 3}));
    assert_eq!(many["usage"]["total_tokens"], 5);

    let floats: Vec<f32> = serde_json::from_value(one["data"][0]["embedding"].clone()).unwrap();
    assert_eq!(floats.len(), HashedNgrams::SPACE.dimensions);
    let bytes = many["data"][1]["embedding"].as_str().unwrap();
    let bytes = BASE64_STANDARD.decode(bytes).unwrap();
    let decoded: Vec<_> = bytes
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(floats, decoded);
    assert_ne!(many["data"][0]["embedding"], many["data"][1]["embedding"]);
    assert_eq!(
        [&many["data"][0]["index"], &many["data"][1]["index"]],
        [0, 1]
    );
    drop(running.stop().await);
}

#[tokio::test]
async fn an_invalid_request_gets_an_error_in_the_format_of_openai() {
    let folder = tempfile::tempdir().unwrap();
    let (running, at) = start_as(in_folder(folder.path())).await;
    let hello = json!([{"role": "user", "content": "hello"}]);
    let wrong = [
        ("chat/completions", json!({"messages": []}), "messages"),
        ("chat/completions", json!({"messages": hello, "n": 2}), "n"),
        (
            "chat/completions",
            json!({"messages": hello, "tools": [{}]}),
            "tools",
        ),
        (
            "chat/completions",
            json!({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}),
            "messages",
        ),
        (
            "chat/completions",
            json!({"messages": hello, "max_tokens": 5000}),
            "",
        ),
        (
            "chat/completions",
            json!({"messages": [{"role": "user", "content": 7}]}),
            "",
        ),
        ("chat/completions", json!({}), ""),
        ("embeddings", json!({"input": ["", "text"]}), "input"),
        ("embeddings", json!({"input": [1, 2]}), ""),
        (
            "embeddings",
            json!({"input": "text", "dimensions": 3}),
            "dimensions",
        ),
    ];
    for (path, body, param) in wrong {
        let response = post(format!("{at}/v1/{path}"), body.clone()).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{body}");
        let error = response.json::<Value>().await.unwrap()["error"].take();
        assert_eq!(error["type"], "invalid_request_error", "{error}");
        assert_eq!(
            error["param"].as_str().unwrap_or_default(),
            param,
            "{error}"
        );
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| message.len() > 10),
            "{error}"
        );
    }
    for (status, response) in [
        (404, post(format!("{at}/v1/nothing"), json!({})).await),
        (405, post(format!("{at}/v1/models"), json!({})).await),
    ] {
        assert_eq!(response.status(), status);
        assert!(response.json::<Value>().await.unwrap()["error"]["message"].is_string());
    }
    drop(running.stop().await);
}

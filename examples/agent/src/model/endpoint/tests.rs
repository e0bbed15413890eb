use std::sync::Mutex;

use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response as Answer};
use axum::routing::post;
use axum::{Json, Router};
use lifecycle::Lifecycle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
/// Long enough on a busy machine for responses that are sent at once.
const ENOUGH: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_millis(300);

fn model_at(address: impl std::fmt::Display, timeout: Duration) -> EndpointModel {
    let endpoint = Endpoint {
        url: format!("http://{address}/v1").parse().unwrap(),
        model: "m".into(),
        key: Some("key".into()),
        timeout,
    };
    EndpointModel {
        pause: Duration::from_millis(1),
        ..EndpointModel::new(endpoint, Arc::new(HttpClient::start().unwrap()))
    }
}

/// Returns a model whose endpoint gives these answers, one after the other.
async fn model(answers: Vec<Answer>) -> EndpointModel {
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let answer = move |headers: HeaderMap, Json(request): Json<Value>| async move {
        assert_eq!(headers["authorization"], "Bearer key");
        assert_eq!(request["stream"], true);
        assert_eq!(request["max_tokens"], 7);
        let answer = answers.lock().unwrap().next();
        answer.unwrap_or_else(|| panic!("it gets one request too many"))
    };
    let router = Router::new().route("/v1/chat/completions", post(answer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    model_at(address, MINUTE)
}

/// Reads an answer; returns its text and the error that it ends with.
async fn ask(model: &EndpointModel) -> (String, Option<ModelError>) {
    let running = Lifecycle::builder().start().await.unwrap();
    let prompt = Prompt {
        question: "why?".into(),
        max_tokens: 7,
        ..Prompt::default()
    };
    let mut tokens = model.tokens(prompt, &running.shutdown());
    let (mut text, mut error) = (String::new(), None);
    while let Some(token) = tokens.next().await {
        assert!(error.is_none(), "an error is the last item");
        match token {
            Ok(token) => text.push_str(&token),
            Err(failed) => error = Some(failed),
        }
    }
    drop(running.stop().await);
    (text, error)
}

/// Returns the error, with its causes, of a question that got no text.
async fn refused(model: &EndpointModel) -> String {
    let (text, error) = ask(model).await;
    assert_eq!(text, "");
    full(&error.expect("an error"))
}

fn ok(body: impl Into<String>) -> Answer {
    body.into().into_response()
}

fn refusal(status: u16, body: &'static str) -> Answer {
    let now = [(RETRY_AFTER, "0")];
    (StatusCode::from_u16(status).unwrap(), now, body).into_response()
}

const HELLO: &str = "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
                     : a comment\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}]}\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"lo\"}}]}\n\n";

fn done() -> Answer {
    ok(format!("{HELLO}data: [DONE]\n\ndata: {{\n\n"))
}

#[tokio::test]
async fn a_streamed_answer_is_read_to_its_end() {
    let finished =
        format!("{HELLO}data: {{\"choices\":[{{\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}\n\n");
    let model = model(vec![done(), ok(finished)]).await;
    for _ in 0..2 {
        let (text, error) = ask(&model).await;
        assert_eq!(text, "Hello");
        assert!(error.is_none(), "{error:?}");
    }
}

#[tokio::test]
async fn an_interrupted_answer_is_an_error_and_is_not_requested_again() {
    let failed =
        format!("{HELLO}data: {{\"error\":{{\"message\":\"no disk\"}}}}\n\ndata: [DONE]\n\n");
    let model = model(vec![ok(HELLO), ok(failed), ok("data: {\n\n")]).await;
    for expected in ["it closed the connection", "no disk"] {
        let (text, error) = ask(&model).await;
        assert_eq!(text, "Hello");
        assert!(
            matches!(&error, Some(ModelError::Interrupted { why, .. }) if why == expected),
            "{error:?}"
        );
    }
    let nonsense = refused(&model).await;
    assert!(nonsense.contains("no chat completion"), "{nonsense}");
}

#[tokio::test]
async fn only_temporary_failures_are_repeated() {
    let busy = [429, 500, 502, 503].map(|status| refusal(status, "busy"));
    let [first, second, third, fourth] = busy;
    let passing = model(vec![first, second, third, done()]).await;
    assert!(matches!(ask(&passing).await, (text, None) if text == "Hello"));

    let broken = [429, 500, 503].map(|status| refusal(status, "busy"));
    let [a, b, c] = broken;
    let lasting = model(vec![a, fourth, b, c]).await;
    let error = refused(&lasting).await;
    for part in [
        "http://127.0.0.1:",
        "503",
        "tried 4 times",
        "busy",
        "ask again later",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }

    for (status, advice) in [
        (401, "AGENT_LLM_KEY"),
        (404, "AGENT_LLM_MODEL"),
        (400, "AGENT_LLM_MODEL"),
    ] {
        let error = refused(&model(vec![refusal(status, "no")]).await).await;
        assert!(
            error.contains(advice) && !error.contains("tried"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_endpoint_is_an_error_after_some_attempts() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let error = refused(&model_at(address, MINUTE)).await;
    for part in ["AGENT_LLM_URL", "tried 4 times", "refused"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_is_reopened() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let model = model_at(listener.local_addr().unwrap(), MINUTE);
    let answer = [
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n",
        HELLO,
        "data: [DONE]\n\n",
    ];
    let serving = async {
        let (mut first, _) = listener.accept().await.unwrap();
        let _ = first.read(&mut [0; 64]).await;
        drop(first);
        let (mut second, _) = listener.accept().await.unwrap();
        let _ = second.read(&mut [0; 4096]).await;
        for part in answer {
            second.write_all(part.as_bytes()).await.unwrap();
        }
    };
    let (answered, ()) = tokio::join!(ask(&model), serving);
    assert!(
        matches!(&answered, (text, None) if text == "Hello"),
        "{answered:?}"
    );
}

/// Accepts connections, sends `sends` on each after the first read, and then sends nothing more.
async fn hanging(sends: &'static str) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 4096]).await;
            let _ = socket.write_all(sends.as_bytes()).await;
            kept.push(socket);
        }
    });
    address
}

#[tokio::test]
async fn a_silent_endpoint_times_out() {
    let mute = model_at(hanging("").await, SOON);
    let error = refused(&mute).await;
    for part in [
        "http://127.0.0.1:",
        "sent nothing for 300ms",
        "AGENT_LLM_TIMEOUT",
    ] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    // An endpoint that sends only comments times out, too.
    let comments = "HTTP/1.1 200 OK\r\n\r\n: working\n\n: working\n\n";
    let busy = model_at(hanging(comments).await, SOON);
    assert!(refused(&busy).await.contains("sent nothing"));
}

#[tokio::test]
async fn an_endpoint_that_falls_silent_in_the_middle_times_out() {
    const BEGUN: &str = "HTTP/1.1 200 OK\r\n\r\n\
                         data: {\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
    let (text, error) = ask(&model_at(hanging(BEGUN).await, ENOUGH)).await;
    assert_eq!(text, "Hel");
    assert!(
        matches!(error, Some(ModelError::Silent { .. })),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_a_piece_starts_when_it_is_polled_for() {
    let pieces = stream::unfold(0, |number| async move {
        tokio::time::sleep(MINUTE - Duration::from_secs(1)).await;
        (number < 5).then_some((Ok(Piece::End), number + 1))
    });
    let never = stream::pending();
    let call = model_at("127.0.0.1:1", MINUTE).call(&Prompt::default());
    let due = Instant::now() + MINUTE;
    let pieces = call.unwrap().in_time(pieces.chain(never).boxed(), due);
    let mut pieces = std::pin::pin!(pieces);
    for _ in 0..5 {
        assert!(matches!(pieces.next().await, Some(Ok(Piece::End))));
        // A slow consumer does not count against the endpoint.
        tokio::time::sleep(MINUTE * 5).await;
    }
    let asked = Instant::now();
    let piece = pieces.next().await;
    assert!(matches!(piece, Some(Err(ModelError::Silent { .. }))));
    assert!(asked.elapsed() >= MINUTE && asked.elapsed() < MINUTE + SOON);
}

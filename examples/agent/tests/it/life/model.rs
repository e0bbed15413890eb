//! The endpoint of a language model that accepts questions and does not answer them.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use lifecycle_tests::http::{get as probe, own_address};

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const WORD: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Sun\"}}]}\n\n";

/// Answers each question with `answer`, and then sends nothing more. Returns its URL, and a receiver with an item for
/// each question.
pub(super) fn hanging(answer: String) -> (String, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    let (asked, questions) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        while let Ok((mut socket, _)) = listener.accept() {
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(answer.as_bytes());
            kept.push(socket);
            let _ = asked.send(());
        }
    });
    (format!("http://{address}/v1"), questions)
}

fn question() -> Value {
    json!({"question": "What do tomatoes want?"})
}

#[test]
fn a_hanging_model_times_out_requests_and_leaves_the_agent_ready() {
    let folder = folder();
    let (url, _questions) = hanging(String::new());
    let admin = own_address();
    let program = agent(folder.path())
        .env("AGENT_LLM_URL", &url)
        .env("AGENT_LLM_TIMEOUT", "400ms")
        .env("LIFECYCLE_ADMIN", admin.to_string());
    let (mut run, at) = up(program);
    runtime().block_on(async {
        let client = Client::new();
        let garden = json!({"title": "Garden", "text": "Tomatoes want sun."});
        post(&client, format!("{at}/documents"), garden).await;

        let answer = post(&client, format!("{at}/ask"), question()).await;
        let answer = answer.text().await.expect("it has an end");
        let (_, last) = events(&answer);
        assert_eq!(last["reason"], "error", "{answer}");
        let message = last["message"].as_str().unwrap_or_default();
        for part in [&*url, "sent nothing for 400ms", "AGENT_LLM_TIMEOUT"] {
            assert!(message.contains(part), "{part} is missing in: {message}");
        }
        let summary = post(&client, format!("{at}/documents/1/summary"), json!({})).await;
        assert_eq!(summary.status(), 504);
        let chat = json!({"messages": [{"role": "user", "content": "why?"}]});
        let chat = post(&client, format!("{at}/v1/chat/completions"), chat).await;
        assert_eq!(chat.status(), 502);
    });
    probe(admin, "/readyz").expect(200, &[]);
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_model_that_falls_silent_ends_the_answer_and_its_text_is_saved() {
    let folder = folder();
    let (url, _questions) = hanging(format!("{HEAD}{WORD}"));
    let program = agent(folder.path())
        .env("AGENT_LLM_URL", url)
        .env("AGENT_LLM_TIMEOUT", "2s");
    let (mut run, at) = up(program);
    runtime().block_on(async {
        let client = Client::new();
        let answer = post(&client, format!("{at}/ask"), question()).await;
        let answer = answer.text().await.expect("it has an end");
        let (names, last) = events(&answer);
        assert_eq!(names, ["session", "token", "end"], "{answer}");
        assert_eq!(last["reason"], "error", "{answer}");
        let session = data(&answer).next().expect("its session");
        let session = session["session"].as_str().expect("its session").to_owned();
        let saved = get(&client, format!("{at}/sessions/{session}")).await;
        assert_eq!(saved["answers"][0]["answer"], "Sun", "{saved}");
        assert_eq!(saved["answers"][0]["state"], "error", "{saved}");
    });
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn a_hanging_model_does_not_delay_the_stop() {
    let folder = folder();
    let (url, questions) = hanging(format!("{HEAD}{WORD}"));
    let admin = own_address();
    let program = agent(folder.path())
        .env("AGENT_LLM_URL", url)
        .env("LIFECYCLE_ADMIN", admin.to_string())
        .env("LIFECYCLE_TIMEOUT_SERVE", "2s")
        .env("LIFECYCLE_TIMEOUT_WORK_JOBS", "3s");
    let (mut run, at) = up(program);
    let runtime = runtime();
    let (mut read, mut answer) = runtime.block_on(async {
        let client = Client::new();
        jobs::submit(&client, &at, 1).await;
        let answer = post(&client, format!("{at}/ask"), question()).await;
        (Vec::new(), answer)
    });
    // Both the job and the answer hang, the answer after its first word.
    for _ in 0..2 {
        questions.recv().expect("it is asked");
    }
    while !String::from_utf8_lossy(&read).contains("Sun") {
        let chunk = runtime.block_on(answer.chunk()).expect("it goes on");
        read.extend_from_slice(&chunk.expect("it has not ended"));
    }
    probe(admin, "/readyz").expect(200, &[]);
    let asked = run.terminate();
    let rest = runtime.block_on(answer.bytes()).expect("it has an end");
    read.extend_from_slice(&rest);
    let text = String::from_utf8_lossy(&read);
    let (names, last) = events(&text);
    assert_eq!(names, ["session", "token", "end"], "{text}");
    assert_eq!(last["reason"], "shutdown", "{text}");
    let end = run.end();
    end.expect_code(0)
        .expect_line(&["job put back"])
        .expect_gone(asked, Duration::from_secs(4));
    let saved = "SELECT count(*) FROM answers WHERE text = 'Sun' AND state = 'shutdown'";
    assert_eq!(runtime.block_on(count(folder.path(), saved)), 1);
}

//! The agent as its users see it: a process with a port, used over HTTP and stopped by signals.

mod checklist;
mod disk;
mod faults;
mod hello;
mod jobs;
mod killed;
mod model;
mod postgres;
mod redis;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{End, Program, Run, Signal, folder};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::agent::{agent, stopped, up};
use crate::events::{data, events, texts};

/// The number of tokens that the built-in model writes in 800 ms.
const TOKENS: usize = 160;
const ANSWERS: usize = 32;

fn runtime() -> Runtime {
    Runtime::new().expect("a runtime for the client")
}

async fn post(client: &Client, url: String, body: Value) -> Response {
    client
        .post(url)
        .json(&body)
        .send()
        .await
        .expect("an answer")
}

async fn get(client: &Client, url: String) -> Value {
    let response = client.get(url).send().await.expect("an answer");
    response.json().await.expect("it is JSON")
}

/// Returns the number that a statement finds in the database of an agent that has ended.
async fn count(data: &Path, statement: &str) -> i64 {
    let options = SqliteConnectOptions::new().filename(data.join("agent.db"));
    let mut connection = options.connect().await.expect("it opens");
    let (count,) = sqlx::query_as(statement)
        .fetch_one(&mut connection)
        .await
        .expect("a number");
    connection.close().await.expect("it closes");
    count
}

/// Asserts that all components stopped, each group of the start order after the groups above it.
#[track_caller]
fn expect_reverse(end: &End) {
    let stopped = stopped(end);
    let order = |name: &str| match name {
        "Config" => 0,
        "Database" => 1,
        "Cache" | "Embedder" | "HttpClient" | "VectorIndex" | "Model" => 2,
        "Jobs" | "Sessions" | "Library" | "Answers" => 3,
        "HttpListener" => 4,
        // Workers.
        _ => 5,
    };
    assert!(
        stopped.is_sorted_by(|a, b| order(a) >= order(b)),
        "not in reverse: {stopped:?}\n{end}"
    );
    assert_eq!(
        stopped.iter().filter(|name| order(name) < 5).count(),
        12,
        "{stopped:?}\n{end}"
    );
    assert_eq!(
        stopped.iter().filter(|name| order(name) == 5).count(),
        3,
        "{stopped:?}\n{end}"
    );
}

#[test]
fn documents_are_added_and_a_streamed_answer_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut run, at) = up(agent(folder.path()));
    runtime().block_on(async {
        let client = Client::new();
        for title in ["Garden", "Kitchen"] {
            let document =
                json!({"title": title, "text": "Tomatoes want sun and water. Beans want poles."});
            let added = post(&client, format!("{at}/documents"), document).await;
            assert_eq!(added.status(), 201);
        }
        let question = json!({"question": "What do tomatoes want?", "max_tokens": 20});
        let answer = post(&client, format!("{at}/ask"), question)
            .await
            .text()
            .await
            .expect("a whole answer");
        let (names, last) = events(&answer);
        assert_eq!(
            (names.first(), names.last()),
            (Some(&"session"), Some(&"end")),
            "{answer}"
        );
        assert_eq!(
            names.iter().filter(|name| **name == "token").count(),
            20,
            "{answer}"
        );
        assert_eq!(last, json!({"reason": "complete"}));
    });
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    expect_reverse(&end);
}

/// Sends SIGINT while 32 answers of 0 to 800 ms are under way. Returns the time from the end of the last answer to the
/// end of the process, less the lateness of the machine.
fn interrupt_with_answers_under_way(runtime: &Runtime) -> Duration {
    let folder = folder();
    let (mut run, at) = up(agent(folder.path()));
    let (begun, mut begins) = mpsc::unbounded_channel();
    let client = Client::new();
    let answers: Vec<_> = (0..ANSWERS)
        .map(|number| {
            let (client, begun, url) = (client.clone(), begun.clone(), format!("{at}/ask"));
            let question = json!({"question": "What is a drain?", "max_tokens": number * TOKENS / (ANSWERS - 1)});
            runtime.spawn(async move {
                let answer = post(&client, url, question).await;
                let _ = begun.send(());
                (answer.text().await.map(|text| (text, now())), number * TOKENS / (ANSWERS - 1))
            })
        })
        .collect();
    runtime.block_on(async {
        for _ in 0..ANSWERS {
            begins.recv().await.expect("each of them begins");
        }
    });
    let asked = run.signal(Signal::INT);
    let (mut last, mut under_way) = (asked, 0);
    for answer in answers {
        let (text, tokens) = runtime.block_on(answer).expect("no panic");
        let (text, ended) = text.expect("a complete answer");
        let (names, end) = events(&text);
        assert_eq!(
            (names.last(), end),
            (Some(&"end"), json!({"reason": "complete"})),
            "{text}"
        );
        assert_eq!(
            names.iter().filter(|name| **name == "token").count(),
            tokens,
            "{text}"
        );
        under_way += usize::from(ended > asked);
        last = last.max(ended);
    }
    let end = run.end();
    end.expect_code(0);
    expect_reverse(&end);
    assert!(
        under_way > ANSWERS / 4,
        "only {under_way} answers were under way\n{end}"
    );
    let took = end.at.saturating_sub(last);
    eprintln!("{under_way} under way; over {took:?} after the last");
    took.saturating_sub(end.late.allowance(last, end.at))
}

#[test]
fn ctrl_c_completes_32_answers_and_ends_within_100_ms_of_the_last() {
    let runtime = runtime();
    // The best of three runs, because the machine may be busy.
    let best = (0..3)
        .map(|_| unless_late(|| interrupt_with_answers_under_way(&runtime)))
        .min()
        .unwrap_or_default();
    assert!(
        best <= Duration::from_millis(100),
        "over {best:?} after the last answer"
    );
}

#[test]
fn an_answer_that_exceeds_the_drain_ends_with_a_reason_and_is_saved() {
    let folder = folder();
    let (mut run, at) = up(agent(folder.path()).env("LIFECYCLE_TIMEOUT_SERVE", "2s"));
    let runtime = runtime();
    let answer = runtime.block_on(async {
        let question = json!({"question": "What is a drain?", "max_tokens": 1000});
        post(&Client::new(), format!("{at}/ask"), question).await
    });
    run.terminate();
    let text = runtime
        .block_on(answer.text())
        .expect("the answer has an end");
    let (names, last) = events(&text);
    assert_eq!(
        (names.last(), &last["reason"]),
        (Some(&"end"), &json!("shutdown")),
        "{text}"
    );
    run.end().expect_code(0);

    let session = text
        .split('"')
        .nth(3)
        .expect("it begins with its session")
        .to_owned();
    let (mut run, at) = up(agent(folder.path()));
    let saved = runtime.block_on(get(&Client::new(), format!("{at}/sessions/{session}")));
    assert_eq!(saved["answers"][0]["state"], "shutdown", "{saved}");
    let read = texts(&text);
    assert!(!read.is_empty(), "{text}");
    assert_eq!(saved["answers"][0]["answer"], read, "{saved}");
    run.terminate();
    run.end().expect_code(0);
}

#[test]
fn help_starts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let end = agent(&data).with("--help").run();
    end.expect_code(0);
    for said in ["Usage: agent", "AGENT_ADDR", "DATABASE_URL", "REDIS_URL"] {
        assert!(end.stdout.contains(said), "{said}\n{end}");
    }
    assert!(!data.exists() && !end.has_line(&["started"]), "{end}");
}

#[test]
fn a_wrong_argument_or_variable_exits_with_2_before_any_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    agent(&data)
        .with("--mode desktop")
        .run()
        .expect_code(2)
        .expect_line(&["desktop"]);
    agent(&data)
        .env("LIFECYCLE_SHUTDOWN_TIMEOUT", "banana")
        .run()
        .expect_code(2)
        .expect_line(&["banana"]);
    agent(&data)
        .env("AGENT_ADDR", "banana")
        .run()
        .expect_code(2)
        .expect_line(&["AGENT_ADDR", "banana"]);
    let end = agent(&data)
        .env("REDIS_URL", "http://:secret@127.0.0.1:6379")
        .run();
    end.expect_code(2)
        .expect_line(&["REDIS_URL", "redis://user:password@host:port/number"]);
    assert!(!end.stderr.contains("secret"), "{end}");
    assert!(!data.exists());
}

#[test]
fn a_port_in_use_exits_with_1_and_names_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has an address").to_string();
    let end = agent(folder.path()).env("AGENT_ADDR", &address).run();
    end.expect_code(1)
        .expect_line(&["`HttpListener` did not start", &address, "in use"]);
    let stopped = stopped(&end);
    assert_eq!(
        stopped.last(),
        Some(&"Config"),
        "what had started is stopped in reverse: {stopped:?}\n{end}"
    );
    assert!(stopped.contains(&"Database"), "{end}");
}

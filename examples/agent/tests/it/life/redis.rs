//! Agents with their cache in Redis: a server that comes up late, dies, hangs, or outlives them.

use std::net::SocketAddr;
use std::time::Instant;

use lifecycle_tests::http::{self, own_address};
use lifecycle_tests::postgres::Postgres;
use lifecycle_tests::redis::Redis;
use sqlx::{Executor, PgConnection};

use super::faults::{expect_not_started, until};
use super::*;

fn agent_on(server: &Redis, data: &Path) -> Program {
    agent(data).env("REDIS_URL", server.url())
}

/// An agent with probes, and their address.
fn with_probes(program: Program) -> (Program, SocketAddr) {
    let probes = own_address();
    (program.env("LIFECYCLE_ADMIN", probes.to_string()), probes)
}

/// Asks in a session, or in a new one, and reads the answer to its end. Returns the session and the text.
async fn ask(client: &Client, at: &str, session: Option<&str>, tokens: usize) -> (String, String) {
    let question =
        json!({"question": "What is a drain?", "max_tokens": tokens, "session": session});
    let answer = post(client, format!("{at}/ask"), question).await;
    let body = answer.text().await.expect("a complete answer");
    assert_eq!(events(&body).1, json!({"reason": "complete"}), "{body}");
    let session = body.split('"').nth(3).expect("it begins with its session");
    (session.to_owned(), texts(&body))
}

async fn said(client: &Client, at: &str, session: &str) -> Vec<Value> {
    let session = get(client, format!("{at}/sessions/{session}")).await;
    let answers = session["answers"].as_array().expect("answers").clone();
    answers
        .into_iter()
        .map(|said| said["answer"].clone())
        .collect()
}

#[test]
#[ignore = "needs a Redis server (redis-server from Debian) and PostgreSQL's server programs (postgresql from Debian)"]
fn sessions_are_shared_by_agents_and_survive_a_crash() {
    unless_late(|| {
        let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
        let database = Postgres::started(folders[0].path());
        let server = Redis::started(folders[1].path());
        let url = database.url("postgres");
        let agent =
            |number: usize| agent_on(&server, folders[number].path()).env("DATABASE_URL", &url);
        let ((mut first, at), (mut second, other)) = (up(agent(2)), up(agent(3)));
        let runtime = runtime();
        let client = Client::new();
        let (session, text) = runtime.block_on(async {
            let (session, text) = ask(&client, &at, None, 8).await;
            // The cached text is reversed behind the agents' backs, which shows where an answer comes from.
            let mut connection = PgConnection::connect(&url).await.expect("it is up");
            let turned = connection
                .execute("UPDATE answers SET text = reverse(text)")
                .await;
            assert_eq!(turned.expect("it is done").rows_affected(), 1);
            assert_eq!(said(&client, &other, &session).await, [&*text]);
            (session, text)
        });
        first.signal(Signal::KILL);
        assert_eq!(first.end().signal, Some(9));
        let (mut first, at) = up(agent(2));
        runtime.block_on(async {
            assert_eq!(said(&client, &at, &session).await, [&*text]);
            // The conversation continues.
            let (same, answer) = ask(&client, &at, Some(&session), 8).await;
            assert_eq!(same, session);
            assert_eq!(said(&client, &other, &session).await, [text, answer]);
        });
        for run in [&mut first, &mut second] {
            run.terminate();
        }
        expect_reverse(first.end().expect_code(0));
        second.end().expect_code(0);
    });
}

#[test]
#[ignore = "needs a Redis server (redis-server from Debian)"]
fn a_dead_server_is_tolerated_and_used_again_when_it_is_back() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Redis::started(files.path());
    let (program, probes) = with_probes(agent_on(&server, data.path()));
    let (mut run, at) = up(program);
    until(probes, "/healthz", 200);
    let runtime = runtime();
    let client = Client::new();
    let (session, text) = runtime.block_on(ask(&client, &at, None, 8));
    // While answers are under way.
    let (begun, mut begins) = mpsc::unbounded_channel();
    let answers = (0..ANSWERS).map(|_| {
        let (client, begun, url) = (client.clone(), begun.clone(), format!("{at}/ask"));
        let question = json!({"question": "What is a drain?", "max_tokens": TOKENS});
        runtime.spawn(async move {
            let answer = post(&client, url, question).await;
            let _ = begun.send(());
            answer.text().await.expect("a complete answer")
        })
    });
    let answers: Vec<_> = answers.collect();
    runtime.block_on(async {
        for _ in 0..ANSWERS {
            begins.recv().await.expect("each of them begins");
        }
    });
    server.kill();
    for answer in answers {
        let body = runtime.block_on(answer).expect("no panic");
        assert_eq!(events(&body).1, json!({"reason": "complete"}), "{body}");
    }
    run.until_stderr("the agent continues without it");
    runtime.block_on(async {
        let (_, answer) = ask(&client, &at, Some(&session), 8).await;
        assert_eq!(said(&client, &at, &session).await, [text, answer]);
    });
    let health = until(probes, "/healthz", 503);
    assert!(health.body.contains("Cache"), "{health:?}");
    http::get(probes, "/readyz").expect(200, &[]);

    server.start();
    run.until_stderr("the cache is back");
    until(probes, "/healthz", 200);
    server.kill();
    until(probes, "/healthz", 503);
    http::get(probes, "/readyz").expect(200, &[]);
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    let complete = "SELECT count(*) FROM answers WHERE state = 'complete' AND text <> ''";
    let complete = runtime.block_on(count(data.path(), complete));
    assert_eq!(complete, 2 + ANSWERS as i64);
}

#[test]
#[ignore = "needs a Redis server (redis-server from Debian)"]
fn a_hanging_server_delays_one_request_and_not_the_stop() {
    unless_late(|| {
        let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let server = Redis::started(files.path());
        let (program, probes) = with_probes(agent_on(&server, data.path()));
        let (mut run, at) = up(program);
        let runtime = runtime();
        let client = Client::new();
        let (session, text) = runtime.block_on(ask(&client, &at, None, 8));
        server.freeze();
        let read = || {
            let begun = Instant::now();
            assert_eq!(runtime.block_on(said(&client, &at, &session)), [&*text]);
            begun.elapsed()
        };
        let first = read();
        // The best of some runs, because the machine may be busy.
        let next = (0..5).map(|_| read()).min().unwrap_or_default();
        let limit = Duration::from_millis(250);
        assert!(first >= limit && first < 4 * limit, "{first:?}");
        assert!(next < limit, "{next:?}");
        run.until_stderr("did not answer within 250ms");
        http::get(probes, "/healthz").expect(503, &["Cache"]);
        http::get(probes, "/readyz").expect(200, &[]);
        let asked = run.terminate();
        let end = run.end();
        end.expect_code(0);
        end.expect_gone(asked, Duration::from_secs(2));
        server.thaw();
    });
}

#[test]
#[ignore = "needs a Redis server (redis-server from Debian)"]
fn a_start_waits_for_the_server_and_stops_quickly() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Redis::new(files.path());
    let (program, probes) = with_probes(agent_on(&server, data.path()));
    let own = own_address().ip();
    let mut run = program.env("AGENT_ADDR", format!("{own}:8080")).start();
    // Each failed attempt is logged with what it attempted, on what, and why it failed.
    let line = run.until_stderr("refused");
    for part in [
        "the cache cannot be reached",
        "again in",
        "Redis, 127.0.0.1:",
    ] {
        assert!(line.contains(part), "{part} is missing in: {line}");
    }
    expect_not_started(probes, (own, 8080).into());
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0);
    end.expect_gone(asked, Duration::from_secs(2));

    let mut run = agent_on(&server, data.path()).start();
    run.until_stderr("refused");
    server.start();
    let hello = run.until_stdout("REDIS_URL");
    assert!(
        hello.contains("Redis, 127.0.0.1:") && !hello.contains("not connected"),
        "{hello}"
    );
    run.terminate();
    run.end().expect_code(0);
}

#[test]
#[ignore = "needs a Redis server (redis-server from Debian)"]
fn the_agent_starts_without_a_server_after_ten_seconds() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut server = Redis::new(files.path());
    let (program, probes) = with_probes(agent_on(&server, data.path()));
    let begun = Instant::now();
    let (mut run, at) = up(program);
    let waited = begun.elapsed();
    // No attempt begins that could not end within the limit.
    let allowed = Duration::from_secs(7)..Duration::from_secs(20);
    assert!(allowed.contains(&waited), "{waited:?}");
    let hello = run.until_stdout("REDIS_URL");
    assert!(hello.contains("not connected"), "{hello}");
    http::get(probes, "/readyz").expect(200, &[]);
    http::get(probes, "/healthz").expect(503, &["Cache"]);
    let runtime = runtime();
    let client = Client::new();
    let (session, text) = runtime.block_on(ask(&client, &at, None, 8));
    assert_eq!(runtime.block_on(said(&client, &at, &session)), [&*text]);
    // The server is used as soon as it is up.
    server.start();
    run.until_stderr("the cache is back");
    until(probes, "/healthz", 200);
    run.terminate();
    run.end().expect_code(0);
}

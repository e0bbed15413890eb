//! Faults outside of the agent while it runs: the rows of `deploy/FAULTS.md`, cell by cell.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use lifecycle_tests::http;
use lifecycle_tests::postgres::Postgres;

use super::jobs::{submit, until_done};
use super::model::hanging;
use super::postgres::agent_on;
use super::*;

/// A running agent, with its URL and the address of its probes.
pub(super) struct Probed {
    pub(super) run: Run,
    pub(super) at: String,
    admin: SocketAddr,
}

impl Probed {
    pub(super) fn up(program: Program) -> Self {
        let admin = http::own_address();
        let (run, at) = up(program.env("LIFECYCLE_ADMIN", admin.to_string()));
        Self { run, at, admin }
    }

    #[track_caller]
    pub(super) fn expect(&self, path: &str, status: u16, parts: &[&str]) {
        http::get(self.admin, path).expect(status, parts);
    }

    #[track_caller]
    fn until(&self, path: &str, status: u16) -> http::Answer {
        until(self.admin, path, status)
    }

    /// Asks one question, reads the answer to its end, and returns its session.
    async fn ask_whole(&self, client: &Client, session: Option<&str>) -> String {
        let question =
            json!({"question": "What do beans want?", "session": session, "max_tokens": 4});
        let answer = post(client, format!("{}/ask", self.at), question).await;
        let answer = answer.text().await.expect("it has an end");
        assert_eq!(events(&answer).1, json!({"reason": "complete"}), "{answer}");
        let session = super::data(&answer).next().expect("its session");
        session["session"].as_str().expect("its id").to_owned()
    }

    /// Requests `/readyz` until the future is ready. Returns the number of answers, and the statuses other than 200
    /// among them.
    async fn readiness_until<T>(&self, future: impl Future<Output = T>) -> (T, usize, Vec<u16>) {
        let (over, mut is_over) = tokio::sync::oneshot::channel::<()>();
        let admin = self.admin;
        let asking = tokio::task::spawn_blocking(move || {
            let (mut all, mut others) = (0, Vec::new());
            while is_over.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
                let status = http::get(admin, "/readyz").status;
                all += 1;
                others.extend((status != 200).then_some(status));
            }
            (all, others)
        });
        let output = future.await;
        let _ = over.send(());
        let (all, others) = asking.await.expect("no panic");
        (output, all, others)
    }

    pub(super) async fn ask(&self, client: &Client, tokens: usize) -> Response {
        let question = json!({"question": "What do tomatoes want?", "max_tokens": tokens});
        post(client, format!("{}/ask", self.at), question).await
    }
}

/// Repeats the request until it is answered like this. There is no other event to wait for.
#[track_caller]
pub(super) fn until(admin: SocketAddr, path: &str, status: u16) -> http::Answer {
    let begun = Instant::now();
    loop {
        let answer = http::get(admin, path);
        if answer.status == status {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{answer:?}");
    }
}

/// Asserts that an agent that has not come up yet says so, and refuses connections so that a balancer goes elsewhere.
#[track_caller]
pub(super) fn expect_not_started(admin: SocketAddr, own: SocketAddr) {
    for path in ["/readyz", "/startupz"] {
        http::get(admin, path).expect(503, &["starting"]);
    }
    // It stays live: a restart would not help.
    for path in ["/healthz", "/livez"] {
        http::get(admin, path).expect(200, &[]);
    }
    TcpStream::connect(own).expect_err("the port is still closed");
}

/// The session that is named at the beginning of an answer.
pub(super) async fn session_of(answer: &mut Response) -> (String, Vec<u8>) {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some(session) = data(&text).next() {
            let session = session["session"].as_str().expect("it comes first");
            return (session.to_owned(), read);
        }
        let chunk = answer.chunk().await.expect("it goes on");
        read.extend_from_slice(&chunk.expect("it has not ended"));
    }
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn while_the_database_restarts_requests_wait_and_readiness_holds() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let mut agent = Probed::up(agent_on(&server, data.path()));
    runtime().block_on(async {
        let client = Client::new();
        submit(&client, &agent.at, 1).await;
        let answer = agent.ask(&client, 600).await;
        let restart = async {
            server.stop();
            let waiting = tokio::spawn({
                let (client, at) = (client.clone(), agent.at.clone());
                async move { client.get(format!("{at}/jobs/1")).send().await }
            });
            // The health check of the database takes more than a second, and reports the failure.
            let seen = agent.until("/healthz", 503);
            seen.expect(503, &["Database", "PostgreSQL, 127.0.0.1:"]);
            assert!(
                !waiting.is_finished(),
                "there is nothing to be answered from"
            );
            server.start();
            waiting
                .await
                .expect("no panic")
                .expect("an answer")
                .status()
        };
        let (status, asked, others) = agent.readiness_until(restart).await;
        assert_eq!(status, 200, "it was worth the wait");
        assert!(asked > 0 && others.is_empty(), "{others:?} of {asked}");
        let answer = answer.text().await.expect("it has an end");
        let (names, last) = events(&answer);
        assert_eq!(last, json!({"reason": "complete"}), "{answer}");
        assert_eq!(names.iter().filter(|name| **name == "token").count(), 600);
        let session = super::data(&answer).next().expect("its session");
        let session = session["session"].as_str().expect("its id");
        let saved = get(&client, format!("{}/sessions/{session}", agent.at)).await;
        assert_eq!(saved["answers"][0]["state"], "complete", "{saved}");
        assert_eq!(saved["answers"][0]["answer"], texts(&answer), "{saved}");
        until_done(&client, &agent.at, 1).await;
    });
    agent.expect("/healthz", 200, &[]);
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn without_a_database_the_agent_becomes_unready_and_recovers_with_it() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let mut agent = Probed::up(agent_on(&server, data.path()));
    let runtime = runtime();
    let client = Client::new();
    let (session, unready) = runtime.block_on(async {
        submit(&client, &agent.at, 1).await;
        let under_way = agent.ask(&client, 100).await;
        server.stop();
        let gone = Instant::now();
        let admin = agent.admin;
        let readiness = tokio::task::spawn_blocking(move || {
            let answer = until(admin, "/readyz", 503);
            (answer, gone.elapsed())
        });
        // An answer that cannot be saved does not end as if it were.
        let answer = under_way.text().await.expect("it has an end");
        let last = events(&answer).1;
        assert_eq!(last["reason"], "error", "{answer}");
        let message = last["message"].as_str().expect("a reason");
        assert!(
            message.contains("not be saved") && message.contains("PostgreSQL"),
            "{message}"
        );
        for path in ["/jobs/1", "/sessions/1"] {
            let asked = Instant::now();
            let answer = client.get(format!("{}{path}", agent.at)).send().await;
            let (answer, took) = (answer.expect("an answer"), asked.elapsed());
            assert_eq!(answer.status(), 503, "{path}");
            let allowed = Duration::from_secs(4)..Duration::from_secs(10);
            assert!(allowed.contains(&took), "{path} took {took:?}");
            let body: Value = answer.json().await.expect("it is JSON");
            let message = body["message"].as_str().expect("a reason");
            assert!(message.contains("PostgreSQL, 127.0.0.1:"), "{message}");
        }
        let session = super::data(&answer).next().expect("its session");
        let session = session["session"].as_str().expect("its id").to_owned();
        (session, readiness.await.expect("no panic"))
    });
    let (answer, after) = unready;
    let why = [
        "Database",
        "failed 3 times in a row",
        "PostgreSQL, 127.0.0.1:",
    ];
    answer.expect(503, &why);
    let allowed = Duration::from_secs(3)..Duration::from_secs(20);
    assert!(allowed.contains(&after), "not ready after {after:?}");
    eprintln!("not ready after {after:?}");
    agent.expect("/healthz", 503, &["Database"]);
    // It stays live: a restart would not help.
    agent.expect("/livez", 200, &[]);
    server.start();
    agent.until("/readyz", 200);
    runtime.block_on(until_done(&client, &agent.at, 1));
    agent.run.terminate();
    agent.run.end().expect_code(0);

    let mut agent = Probed::up(agent_on(&server, data.path()));
    let saved = get(&client, format!("{}/sessions/{session}", agent.at));
    let saved = runtime.block_on(saved);
    assert_eq!(saved["answers"][0]["state"], "killed", "{saved}");
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_stop_with_a_dead_database_is_graceful_unless_writes_are_pending() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let limit = Duration::from_secs(15);
    let runtime = runtime();
    let client = Client::new();

    let mut agent = Probed::up(agent_on(&server, data.path()));
    let session = runtime.block_on(agent.ask_whole(&client, None));
    server.stop();
    let asked = agent.run.terminate();
    agent.run.end().expect_code(0).expect_gone(asked, limit);

    // The last use of a session is saved once a minute, and by the stop.
    server.start();
    let mut agent = Probed::up(agent_on(&server, data.path()));
    let same = runtime.block_on(agent.ask_whole(&client, Some(&session)));
    assert_eq!(same, session);
    server.stop();
    let asked = agent.run.terminate();
    let end = agent.run.end();
    end.expect_code(3)
        .expect_gone(asked, limit)
        .expect_line(&["did not stop clean", "Sessions"])
        .expect_line(&["  Sessions ", "last used", "PostgreSQL, 127.0.0.1:"]);
    assert!(!end.has_line(&["  Jobs ", "not put back"]), "{end}");

    // The answers themselves are saved.
    server.start();
    let mut agent = Probed::up(agent_on(&server, data.path()));
    let saved = get(&client, format!("{}/sessions/{session}", agent.at));
    let saved = runtime.block_on(saved);
    for answer in 0..2 {
        assert_eq!(saved["answers"][answer]["state"], "complete", "{saved}");
    }
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_stop_with_a_dead_database_and_a_hanging_model_ends_in_time() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let (url, _questions) = hanging(String::new());
    let report = files.path().join("life.json");
    let program = agent_on(&server, data.path())
        .env("AGENT_LLM_URL", &url)
        .env("LIFECYCLE_REPORT", &report);
    let mut agent = Probed::up(program);
    let runtime = runtime();
    let answer = runtime.block_on(async {
        let client = Client::new();
        submit(&client, &agent.at, 1).await;
        while get(&client, format!("{}/jobs/1", agent.at)).await["progress"]["passages"].is_null() {
            tokio::task::yield_now().await;
        }
        agent.ask(&client, 100).await
    });
    server.stop();
    let asked = agent.run.terminate();
    agent
        .until("/readyz", 503)
        .expect(503, &["stopping (SIGTERM)"]);
    let seen = lifecycle_tests::harness::evidence::now() - asked;
    assert!(seen < Duration::from_secs(2), "not ready after {seen:?}");
    agent.until("/healthz", 503).expect(503, &["Database"]);
    // The client receives the end marker all the same.
    let answer = runtime.block_on(answer.text()).expect("it has an end");
    let last = events(&answer).1;
    let message = last["message"].as_str().expect("a reason");
    assert!(
        message.contains("not be saved") && message.contains("PostgreSQL"),
        "{answer}"
    );
    let end = agent.run.end();
    let model = format!("gpt-4o-mini at {url}");
    end.expect_code(3)
        .expect_gone(asked, Duration::from_secs(25))
        // The table of the report.
        .expect_line(&["  Jobs ", "not put back", &model, "PostgreSQL, 127.0.0.1:"]);
    assert!(!end.has_line(&["had to be aborted"]), "{end}");
    let report = std::fs::read(report).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("it is JSON");
    assert_eq!(report["exit_code"], 3, "{report:#}");
    let components = report["components"].as_array().expect("components");
    let jobs = components
        .iter()
        .find(|component| component["name"] == "Jobs");
    let error = jobs
        .and_then(|jobs| jobs["errors"][0].as_str())
        .expect("what went wrong");
    assert!(
        error.contains(&model) && error.contains("PostgreSQL, 127.0.0.1:"),
        "{error}"
    );

    // The next run has the job, and the answer is marked as incomplete.
    server.start();
    let session = super::data(&answer).next().expect("its session");
    let session = session["session"].as_str().expect("its id");
    let mut agent = Probed::up(agent_on(&server, data.path()));
    runtime.block_on(async {
        let client = Client::new();
        until_done(&client, &agent.at, 1).await;
        let saved = get(&client, format!("{}/sessions/{session}", agent.at)).await;
        assert_eq!(saved["answers"][0]["state"], "killed", "{saved}");
    });
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
fn while_the_model_hangs_other_requests_are_answered_and_a_stop_is_graceful() {
    let folder = folder();
    let (url, _questions) = hanging(String::new());
    let program = agent(folder.path())
        .env("AGENT_LLM_URL", &url)
        .env("LIFECYCLE_TIMEOUT_SERVE", "2s")
        .env("LIFECYCLE_TIMEOUT_WORK_JOBS", "3s");
    let mut agent = Probed::up(program);
    let runtime = runtime();
    let client = Client::new();
    let (session, answer) = runtime.block_on(async {
        submit(&client, &agent.at, 1).await;
        let mut answer = agent.ask(&client, 100).await;
        let (session, _) = session_of(&mut answer).await;
        let saved = get(&client, format!("{}/sessions/{session}", agent.at)).await;
        assert_eq!(saved["answers"][0]["state"], "streaming", "{saved}");
        (session, answer)
    });
    agent.expect("/readyz", 200, &[]);
    agent.expect("/healthz", 200, &[]);
    agent.run.terminate();
    agent
        .until("/readyz", 503)
        .expect(503, &["stopping (SIGTERM)"]);
    agent.expect("/healthz", 200, &[]);
    let rest = runtime.block_on(answer.text()).expect("it has an end");
    assert_eq!(events(&rest).1, json!({"reason": "shutdown"}), "{rest}");
    let end = agent.run.end();
    end.expect_code(0).expect_line(&["job put back", &url]);

    // With a model that answers.
    let mut agent = Probed::up(super::agent(folder.path()));
    runtime.block_on(async {
        let job = until_done(&client, &agent.at, 1).await;
        assert_eq!(job[0]["attempts"], 1, "{job:?}");
        let saved = get(&client, format!("{}/sessions/{session}", agent.at)).await;
        assert_eq!(saved["answers"][0]["state"], "shutdown", "{saved}");
    });
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
fn a_taken_port_fails_the_start_and_leaves_the_data_unchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = runtime();
    let client = Client::new();
    let mut first = Probed::up(agent(folder.path()));
    runtime.block_on(async {
        let document = json!({"title": "Garden", "text": "Tomatoes want sun and water."});
        let added = post(&client, format!("{}/documents", first.at), document).await;
        assert_eq!(added.status(), 201);
        submit(&client, &first.at, 1).await;
    });
    first.run.terminate();
    first.run.end().expect_code(0);

    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    let admin = http::own_address();
    let mut run = agent(folder.path())
        .env("AGENT_ADDR", &address)
        .env("LIFECYCLE_ADMIN", admin.to_string())
        .start();
    while !run.ends_within(Duration::ZERO) {
        let limit = Duration::from_secs(10);
        for (path, status) in [("/readyz", 503), ("/healthz", 200)] {
            if let Ok(answer) = http::ask(admin, "GET", path, "", limit) {
                // A check that was under way when the database stopped.
                let cancelled = answer.body.contains("was cancelled");
                assert!(answer.status == status || cancelled, "{answer:?}");
            }
        }
    }
    run.end()
        .expect_code(1)
        .expect_line(&["HttpListener", &address, "in use"]);

    let mut again = Probed::up(agent(folder.path()));
    runtime.block_on(async {
        until_done(&client, &again.at, 1).await;
        let summary = format!("{}/documents/1/summary", again.at);
        assert_eq!(post(&client, summary, json!({})).await.status(), 200);
    });
    again.run.terminate();
    again.run.end().expect_code(0);
}

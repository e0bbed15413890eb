//! What is outside of the agent goes wrong while it runs: the rows of `deploy/FAULTS.md`, each cell of them.

use std::net::{SocketAddr, TcpListener};

use lifecycle_tests::http;
use lifecycle_tests::postgres::Postgres;

use super::jobs::{submit, until_done};
use super::model::hanging;
use super::postgres::agent_on;
use super::*;

/// An agent that is up, and where it is asked and probed.
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

    /// Waits until it is answered so. There is nothing to wait for but the answers.
    fn until(&self, path: &str, status: u16) -> http::Answer {
        loop {
            let answer = http::get(self.admin, path);
            if answer.status == status {
                return answer;
            }
        }
    }

    /// How many answers of `/readyz` there are until the future is ready, and what else than 200 is among them.
    async fn readiness_until<T>(&self, future: impl Future<Output = T>) -> (T, usize, Vec<u16>) {
        let (over, mut told) = tokio::sync::oneshot::channel::<()>();
        let admin = self.admin;
        let asking = tokio::task::spawn_blocking(move || {
            let (mut all, mut others) = (0, Vec::new());
            while told.try_recv() == Err(tokio::sync::oneshot::error::TryRecvError::Empty) {
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

/// The session that an answer names first.
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
fn while_the_database_restarts_requests_wait_and_the_balancer_sees_nothing() {
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
            // It says so to whoever asks how it is, which takes it more than a second.
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
        until_done(&client, &agent.at, 1).await;
    });
    agent.expect("/healthz", 200, &[]);
    agent.run.terminate();
    agent.run.end().expect_code(0);
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn without_a_database_the_agent_is_soon_not_ready_says_why_and_comes_back_with_it() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let mut agent = Probed::up(agent_on(&server, data.path()));
    let runtime = runtime();
    let client = Client::new();
    let session = runtime.block_on(async {
        submit(&client, &agent.at, 1).await;
        let under_way = agent.ask(&client, 100).await;
        server.stop();
        // What cannot be saved does not look as if it was.
        let answer = under_way.text().await.expect("it has an end");
        let last = events(&answer).1;
        assert_eq!(last["reason"], "error", "{answer}");
        let message = last["message"].as_str().expect("a reason");
        assert!(
            message.contains("not be saved") && message.contains("PostgreSQL"),
            "{message}"
        );
        for path in ["/jobs/1", "/sessions/1"] {
            let answer = client.get(format!("{}{path}", agent.at)).send().await;
            let answer = answer.expect("an answer");
            assert_eq!(answer.status(), 503, "{path}");
            let body: Value = answer.json().await.expect("it is JSON");
            let message = body["message"].as_str().expect("a reason");
            assert!(message.contains("PostgreSQL, 127.0.0.1:"), "{message}");
        }
        let session = super::data(&answer).next().expect("its session");
        session["session"].as_str().expect("its id").to_owned()
    });
    agent
        .until("/readyz", 503)
        .expect(503, &["Database", "PostgreSQL, 127.0.0.1:"]);
    agent.expect("/healthz", 503, &["Database"]);
    // No reason to be killed.
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
fn a_stop_with_a_dead_database_and_a_hanging_model_ends_in_time_and_names_both() {
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
    let told = agent.run.terminate();
    agent.until("/readyz", 503);
    // Whoever reads it is told how it ended, all the same.
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
        .expect_gone(told, Duration::from_secs(25))
        // The table.
        .expect_line(&["  Jobs ", "not put back", &model, "PostgreSQL, 127.0.0.1:"]);
    assert!(!end.has_line(&["had to be cut"]), "{end}");
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

    // Nothing is lost: the next life has the job, and knows the answer for what it is.
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
fn while_the_model_hangs_all_else_is_answered_and_a_stop_is_a_clean_one() {
    let folder = tempfile::tempdir().expect("a folder");
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
fn a_taken_port_ends_the_start_which_never_was_ready_and_leaves_the_data_as_they_were() {
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
        if let Ok(answer) = http::ask(admin, "GET", "/readyz", "", limit) {
            assert_eq!(answer.status, 503, "{answer:?}");
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

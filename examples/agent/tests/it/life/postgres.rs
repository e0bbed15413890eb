//! Agents on PostgreSQL: a server that comes up late or fails, and several agents on one server.

use lifecycle_tests::http;
use lifecycle_tests::postgres::Postgres;
use sqlx::PgConnection;

use super::faults::expect_not_started;
use super::jobs::{submit, until_done};
use super::*;

/// An agent with a folder of its own.
pub(super) fn agent_on(server: &Postgres, data: &Path) -> Program {
    agent(data).env("DATABASE_URL", server.url("postgres"))
}

/// Returns the number that a statement finds in the database.
async fn ask(server: &Postgres, statement: &str) -> i64 {
    let url = server.url("postgres");
    let mut connection = PgConnection::connect(&url).await.expect("it is up");
    let (count,) = sqlx::query_as(statement)
        .fetch_one(&mut connection)
        .await
        .expect("a number");
    connection.close().await.expect("it closes");
    count
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_start_waits_for_the_server_and_a_stop_closes_all_connections() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::new(files.path());
    let (admin, own) = (http::own_address(), http::own_address().ip());
    let mut run = agent_on(&server, data.path())
        .env("LIFECYCLE_ADMIN", admin.to_string())
        .env("AGENT_ADDR", format!("{own}:8080"))
        .start();
    // Each failed attempt is logged with what it attempted, on what, and why it failed.
    let line = run.until_stderr("refused");
    for part in [
        "Database",
        "cannot open the database",
        "PostgreSQL, 127.0.0.1:",
        "again",
    ] {
        assert!(line.contains(part), "{part} is missing in: {line}");
    }
    expect_not_started(admin, (own, 8080).into());
    server.start();
    run.until_stdout("PostgreSQL, 127.0.0.1:");
    http::get(admin, "/readyz").expect(200, &[]);
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agent'";
    runtime().block_on(async { assert!(ask(&server, connections).await > 0) });
    run.terminate();
    let end = run.end();
    end.expect_code(0);
    expect_reverse(&end);
    runtime().block_on(async {
        // The server notices closed connections only when it looks.
        while ask(&server, connections).await > 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_stop_while_waiting_for_the_server_is_quick_and_graceful() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::new(files.path());
    let mut run = agent_on(&server, data.path()).start();
    run.until_stderr("refused");
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(0);
    end.expect_gone(asked, Duration::from_secs(2));
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_server_that_crashes_and_recovers_loses_no_job() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let (mut run, at) = up(agent_on(&server, data.path()));
    runtime().block_on(async {
        let client = Client::new();
        for goal in 0..3 {
            submit(&client, &at, goal).await;
        }
        server.restart();
        let done = until_done(&client, &at, 3).await;
        assert!(done.iter().all(|job| job["result"].is_string()), "{done:?}");
    });
    run.terminate();
    run.end().expect_code(0);
}

#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn a_stop_while_the_server_is_dead_ends_in_time_and_names_the_held_job() {
    let (files, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = Postgres::started(files.path());
    let (mut run, at) = up(agent_on(&server, data.path()));
    runtime().block_on(async {
        let client = Client::new();
        // Three jobs, so that one is under way for some seconds.
        for goal in 0..3 {
            submit(&client, &at, goal).await;
        }
        while get(&client, format!("{at}/jobs/1")).await["state"] == "queued" {
            tokio::task::yield_now().await;
        }
    });
    server.stop();
    let asked = run.terminate();
    let end = run.end();
    end.expect_code(3)
        .expect_line(&["did not stop clean", "Jobs"])
        .expect_gone(asked, Duration::from_secs(25));

    // The next run finds the job that could not be put back.
    server.start();
    let (mut run, at) = up(agent_on(&server, data.path()));
    let done = runtime().block_on(until_done(&Client::new(), &at, 3));
    let twice = done.iter().filter(|job| job["attempts"] == 2).count();
    assert_eq!(twice, 1, "{done:?}");
    run.terminate();
    run.end().expect_code(0);
}

/// Two agents share a queue; one is killed in the middle of a job.
#[test]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
fn the_job_of_a_killed_agent_is_taken_over_when_its_lease_expires() {
    const JOBS: usize = 8;
    let files = tempfile::tempdir().unwrap();
    let server = Postgres::started(files.path());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (mut first, at) = up(agent_on(&server, folders[0].path()));
    let (mut second, other) = up(agent_on(&server, folders[1].path()));
    runtime().block_on(async {
        let client = Client::new();
        for goal in 0..JOBS {
            submit(&client, &at, goal).await;
        }
        // Both agents have a job under way.
        let running = "SELECT count(DISTINCT worker) FROM jobs WHERE state = 'running'";
        while ask(&server, running).await < 2 {
            tokio::task::yield_now().await;
        }
        first.signal(Signal::KILL);
        let done = until_done(&client, &other, JOBS).await;
        let attempts: Vec<_> = done.iter().map(|job| job["attempts"].as_i64()).collect();
        // The job of the killed agent was begun twice, every other job once.
        let twice = attempts
            .iter()
            .filter(|attempts| **attempts == Some(2))
            .count();
        let once = attempts
            .iter()
            .filter(|attempts| **attempts == Some(1))
            .count();
        assert_eq!((once, twice), (JOBS - 1, 1), "{attempts:?}");
    });
    assert_eq!(first.end().signal, Some(9));
    second.terminate();
    let end = second.end();
    end.expect_code(0)
        .expect_line(&["abandoned jobs are queued again"]);
}

#[test]
#[ignore = "needs a PostgreSQL server with pgvector (pgserver from PyPI, where Debian has none)"]
fn documents_of_a_killed_agent_are_found_by_another_through_pgvector() {
    let files = tempfile::tempdir().unwrap();
    let server = Postgres::with_vector(files.path());
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (mut first, at) = up(agent_on(&server, folders[0].path()));
    first.until_stdout("pgvector");
    let (mut second, other) = up(agent_on(&server, folders[1].path()));
    runtime().block_on(async {
        let client = Client::new();
        let text = "Tomatoes want sun and water.\n\nBeans want poles.";
        let garden = json!({"title": "Garden", "text": text});
        let added = post(&client, format!("{at}/documents"), garden).await;
        assert_eq!(added.status(), 201);
        first.signal(Signal::KILL);
        let summary = format!("{other}/documents/1/summary");
        assert_eq!(post(&client, summary, json!({})).await.status(), 200);
        let vectors = "SELECT count(*) FROM passage_vectors";
        assert_eq!(ask(&server, vectors).await, 2);
    });
    assert_eq!(first.end().signal, Some(9));
    second.terminate();
    second.end().expect_code(0);
    let (mut first, _) = up(agent_on(&server, folders[0].path()));
    first.terminate();
    let end = first.end();
    end.expect_code(0);
    assert!(!end.has_line(&["have no vectors"]), "{end}");
    for folder in folders {
        assert!(!folder.path().join("vectors.bin").exists());
    }
}

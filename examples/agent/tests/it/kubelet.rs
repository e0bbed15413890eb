//! The agent in Kubernetes, run by the printed manifest (`LIFECYCLE_PRINT=kubernetes`): probed, used, deleted.

mod pod;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lifecycle_tests::harness::{Program, folder};
use pod::{Pod, Status};
use reqwest::Client;
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::agent;

/// Returns the program, and the manifest that it prints with these variables.
fn agent(data: &Path, limits: &[(&str, &str)]) -> (Program, String) {
    let printing = limits
        .iter()
        .fold(agent::agent(data), |program, (name, value)| {
            program.env(name, value)
        });
    let printed = printing.env("LIFECYCLE_PRINT", "kubernetes").run();
    printed.expect_code(0);
    (agent::agent(data), printed.stdout)
}

/// Asks for an answer with that many tokens, and reads it to its end.
async fn ask(client: &Client, at: &str, tokens: usize, begun: oneshot::Sender<()>) -> String {
    let question = json!({"question": "What does a pod want?", "max_tokens": tokens});
    let answer = client
        .post(format!("{at}/ask"))
        .json(&question)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    let _ = begun.send(());
    answer.text().await.expect("a complete answer")
}

/// Sends one request after the other for as long as a balancer would.
async fn use_it(at: String, status: Arc<Status>, answered: Arc<AtomicUsize>) {
    let client = Client::new();
    while status.in_service() {
        let (begun, _) = oneshot::channel();
        let answer = ask(&client, &at, 20, begun).await;
        assert!(answer.contains(r#"{"reason":"complete"}"#), "{answer}");
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_pod_starts_serves_drains_and_ends_in_its_grace_period() {
    let folder = folder();
    let (program, manifest) = agent(folder.path(), &[]);
    let mut pod = Pod::create(program, &manifest);
    let at = agent::url(pod.run());
    pod.until_ready();

    let runtime = Runtime::new().expect("a runtime for the clients");
    let answered = Arc::new(AtomicUsize::new(0));
    let users: Vec<_> = (0..8)
        .map(|_| runtime.spawn(use_it(at.clone(), pod.status(), Arc::clone(&answered))))
        .collect();
    pod.until_probed();
    // An answer that takes 20 s, longer than the drain waits for requests.
    let (begun, has_begun) = oneshot::channel();
    let long = runtime.spawn(async move { ask(&Client::new(), &at, 4_000, begun).await });
    runtime.block_on(has_begun).expect("it begins");

    let ended = pod.delete();
    println!(
        "{} requests answered; gone after {:?}; probes (good, not): {:?}",
        answered.load(Ordering::Relaxed),
        ended.took,
        ended.answers
    );
    for user in users {
        runtime.block_on(user).expect("none of its requests failed");
    }
    assert!(answered.load(Ordering::Relaxed) > 0);
    let long = runtime.block_on(long).expect("it has an end");
    assert!(long.contains(r#"{"reason":"shutdown"}"#), "{long:.200}");

    assert!(!ended.killed, "{}", ended.end);
    assert_eq!(ended.failed, None);
    ended.end.expect_code(0);
    let [_, liveness, readiness] = ended.answers;
    // One probe may fail on a busy machine; three in a row would have restarted the container.
    assert!(liveness.0 > 0 && liveness.1 <= 1, "{liveness:?}");
    // The readiness probe failed while the agent drained.
    assert!(readiness.1 >= 2, "{readiness:?}");
}

#[test]
fn a_pod_that_cannot_start_fails_before_the_startup_probe_does() {
    let folder = folder();
    let limits = [("LIFECYCLE_STARTUP_TIMEOUT", "4s")];
    let (program, manifest) = agent(folder.path(), &limits);
    // There is no server at this port.
    let program = program
        .env("DATABASE_URL", "postgres://agent@127.0.0.1:1/agents")
        .env("LIFECYCLE_STARTUP_TIMEOUT", "4s");
    let ended = Pod::create(program, &manifest).ends();
    println!("gone after {:?}: {:?}", ended.took, ended.answers);
    assert_eq!(ended.failed, None, "{}", ended.end);
    ended.end.expect_code(1);
    ended.end.expect_line(&["Database"]);
    assert!(ended.took < Duration::from_secs(10), "{:?}", ended.took);
    let [startup, liveness, readiness] = ended.answers;
    assert!(startup.1 > 0 && startup.0 == 0, "{startup:?}");
    assert_eq!((liveness, readiness), ((0, 0), (0, 0)));
}

//! The agent as OpenAI's own client for Python sees it.

use lifecycle_tests::run::{Program, folder};
use reqwest::Client;
use serde_json::Value;

fn up(data: &std::path::Path) -> (lifecycle_tests::run::Run, String) {
    let program = Program::new(env!("CARGO_BIN_EXE_agent"))
        .env("AGENT_ADDR", "127.0.0.1:0")
        .env("AGENT_DATA", data)
        .env("LIFECYCLE_TIMEOUT_SERVE", "2s")
        .env("RUST_LOG", "info");
    let mut run = program.start();
    let hello = run.until_stdout("agent on http://");
    let address = hello
        .split_whitespace()
        .find(|word| word.starts_with("http://"));
    (run, address.expect("it says where").to_owned())
}

/// Lists, streams, embeds; then the agent is told to stop in the middle of a stream. The client gets a proper end of it,
/// and what it has read is in the session when the agent is back.
#[test]
#[ignore = "needs python3 with OpenAI's client (pip install openai)"]
fn the_official_client_lists_streams_embeds_and_gets_an_end_when_the_agent_stops() {
    let folder = folder();
    let (mut agent, at) = up(folder.path());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openai/client.py");
    let mut client = Program::new("python3")
        .env("AGENT", &at)
        .env("SCRIPT", script)
        .through("exec \"$@\" \"$SCRIPT\"")
        .start();
    let under_way = client.until_stdout("under way ");
    let session = under_way
        .rsplit_once("chatcmpl-")
        .expect("an id of a session")
        .1;
    agent.terminate();
    let client = client.end();
    client.expect_code(0);
    agent.end().expect_code(0);

    let read = client
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("text "))
        .expect("it says what it has read");
    assert!(!read.is_empty(), "{client}");
    let (mut agent, at) = up(folder.path());
    let saved: Value = tokio::runtime::Runtime::new()
        .expect("a runtime for the client")
        .block_on(async {
            let url = format!("{at}/sessions/{session}");
            let response = Client::new().get(url).send().await.expect("an answer");
            response.json().await.expect("it is JSON")
        });
    assert_eq!(saved["answers"][0]["state"], "shutdown", "{saved}");
    assert_eq!(saved["answers"][0]["answer"], read, "{saved}");
    agent.terminate();
    agent.end().expect_code(0);
}

//! The agent as used by OpenAI's own client for Python.

use std::path::Path;

use lifecycle_tests::harness::{Program, Run, folder};
use reqwest::Client;
use serde_json::Value;

use crate::agent;

fn up(data: &Path) -> (Run, String) {
    agent::up(agent::agent(data).env("LIFECYCLE_TIMEOUT_SERVE", "2s"))
}

/// The client lists, streams and embeds; then the agent is asked to stop in the middle of a stream. The client receives
/// the end of the stream, and the restarted agent has what the client has read.
#[test]
#[ignore = "needs python3 with OpenAI's client (pip install openai)"]
fn the_official_client_receives_the_end_of_a_stream_when_the_agent_stops() {
    let folder = folder();
    let (mut agent, at) = up(folder.path());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/openai/client.py");
    let mut client = Program::python(script).env("AGENT", &at).start();
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

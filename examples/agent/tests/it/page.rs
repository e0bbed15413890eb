//! The agent's page in a browser.

use std::path::Path;

use lifecycle_tests::harness::{Program, Run, Signal, folder};

use crate::agent;

fn up(data: &Path, address: &str) -> (Run, String) {
    let program = agent::agent(data)
        .env("AGENT_ADDR", address)
        .env("LIFECYCLE_TIMEOUT_SERVE", "2s");
    agent::up(program)
}

/// Tokens arrive; the agent is asked to stop, and later killed, each time in the middle of an answer. The page shows
/// how the answer ended, and the saved part of it when the agent is up again.
#[test]
#[ignore = "needs Debian's chromium and python3 with playwright (pip install playwright)"]
fn the_page_shows_the_agent_stop_and_return_with_the_saved_answer() {
    let folder = folder();
    let (mut agent, url) = up(folder.path(), "127.0.0.1:0");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/page/browser.py");
    let mut browser = Program::python(script).env("AGENT", &url).start();
    let address = url.strip_prefix("http://").expect("a URL");
    for (answer, signal) in [("first", Signal::TERM), ("second", Signal::KILL)] {
        browser.until_stdout(&format!("{answer} under way"));
        agent.signal(signal);
        drop(agent.end());
        agent = up(folder.path(), address).0;
    }
    let browser = browser.end();
    browser.expect_code(0);
    agent.terminate();
    agent.end().expect_code(0);
}

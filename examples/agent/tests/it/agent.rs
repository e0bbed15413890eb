//! The agent under test: how it is started, and what its log says.

use std::path::Path;

use lifecycle_tests::harness::{End, Program, Run};

/// The agent on a free port, with its data in this folder, and without a server.
pub(crate) fn agent(data: &Path) -> Program {
    Program::new(env!("CARGO_BIN_EXE_agent"))
        .env("AGENT_ADDR", "127.0.0.1:0")
        .env("AGENT_DATA", data)
        .env("DATABASE_URL", "")
        .env("REDIS_URL", "")
        .env("RUST_LOG", "info")
}

/// Starts it, and waits until it serves at the returned URL.
pub(crate) fn up(program: Program) -> (Run, String) {
    let mut run = program.start();
    let url = url(&mut run);
    (run, url)
}

/// Waits until the agent serves, and returns its URL.
pub(crate) fn url(run: &mut Run) -> String {
    let hello = run.until_stdout("agent on http://");
    let mut words = hello.split_whitespace();
    let url = words.find(|word| word.starts_with("http://"));
    url.expect("the first line has the URL").to_owned()
}

/// The components that stopped, in the order of the log.
pub(crate) fn stopped(end: &End) -> Vec<&str> {
    let lines = end
        .stderr
        .lines()
        .filter(|line| line.contains(" stopped component="));
    lines.filter_map(|line| line.split('"').nth(1)).collect()
}

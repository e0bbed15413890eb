//! HAProxy with the configuration of `deploy`.

use std::net::IpAddr;
use std::path::Path;

use lifecycle_tests::http::own_address;
use lifecycle_tests::run::{Program, Run};

use super::AGENTS;

pub(crate) struct Balancer {
    run: Run,
    /// Where it is asked.
    pub(crate) at: String,
}

/// What it calls that agent, in `x-agent`, too.
pub(crate) fn name(agent: usize) -> String {
    format!("agent-{}", agent + 1)
}

impl Balancer {
    /// Takes each agent as ready until a check says otherwise.
    pub(crate) fn start(folder: &Path, hosts: [IpAddr; AGENTS]) -> Self {
        let configuration = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy.cfg");
        let bind = format!("{}:8080", own_address().ip());
        let mut program = Program::new("haproxy")
            .env("CONFIGURATION", configuration)
            .through("exec \"$@\" -db -f \"$CONFIGURATION\"")
            .env("HAPROXY_BIND", &bind)
            .env("HAPROXY_SOCKET", folder.join("haproxy.sock"))
            .env("HAPROXY_CHECK", "100ms")
            .env("HAPROXY_CHECK_FAST", "50ms");
        for (agent, host) in (1..).zip(hosts) {
            program = program.env(format!("AGENT_{agent}"), host.to_string());
        }
        let run = program.start();
        let at = format!("http://{bind}");
        // It says nothing when it is up: the port is open then.
        while std::net::TcpStream::connect(&bind).is_err() {
            std::thread::yield_now();
        }
        Self { run, at }
    }

    /// Waits until it has seen once more that the agent is `UP`, or `DOWN`.
    pub(crate) fn until(&mut self, agent: usize, state: &str) -> String {
        let name = name(agent);
        self.run
            .next_stderr(&format!("Server agents/{name} is {state}"))
    }

    /// All that it has seen.
    pub(crate) fn end(mut self) -> String {
        self.run.terminate();
        self.run.end().stderr
    }
}

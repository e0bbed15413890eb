//! HAProxy with the configuration of `deploy`.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use lifecycle_tests::harness::{Program, Run};
use lifecycle_tests::http::own_address;

use super::AGENTS;

pub(crate) struct Balancer {
    run: Run,
    /// Where it is asked how it is.
    socket: PathBuf,
    /// Where the agents are asked.
    pub(crate) at: String,
}

/// What it has met with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Connections that were tried again.
    pub(crate) retried: u64,
    /// At another agent.
    pub(crate) redispatched: u64,
    /// Requests without a connection in the end, or without a whole answer.
    pub(crate) failed: u64,
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
        let socket = folder.join("haproxy.sock");
        let mut program = Program::new("haproxy")
            .env("CONFIGURATION", configuration)
            .through("exec \"$@\" -db -f \"$CONFIGURATION\"")
            .env("HAPROXY_BIND", &bind)
            .env("HAPROXY_SOCKET", &socket)
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
        Self { run, socket, at }
    }

    /// Waits until it has seen once more that the agent is `UP`, or `DOWN`.
    pub(crate) fn until(&mut self, agent: usize, state: &str) -> String {
        let name = name(agent);
        self.run
            .next_stderr(&format!("Server agents/{name} is {state}"))
    }

    pub(crate) fn figures(&self) -> Figures {
        let mut socket = UnixStream::connect(&self.socket).expect("it is there");
        socket.write_all(b"show stat\n").expect("it listens");
        let mut table = String::new();
        socket.read_to_string(&mut table).expect("it answers");
        let mut rows = table.lines().map(|row| row.split(','));
        let names = rows.next().expect("names");
        let mut backend = rows.filter_map(|row| {
            let row: HashMap<_, _> = names.clone().zip(row).collect();
            (row.get("svname") == Some(&"BACKEND")).then_some(row)
        });
        let backend = backend.next().expect("a row of all agents");
        let figure = |name: &str| -> u64 { backend[name].parse().expect("a number") };
        Figures {
            retried: figure("wretr"),
            redispatched: figure("wredis"),
            failed: figure("econ") + figure("eresp"),
        }
    }

    /// All that it has seen.
    pub(crate) fn end(mut self) -> String {
        self.run.terminate();
        self.run.end().stderr
    }
}

//! HAProxy with the configuration in `deploy`.

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
    /// The socket for its statistics.
    socket: PathBuf,
    /// The URL at which the agents are reached.
    pub(crate) at: String,
}

/// What the balancer counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Retried connections.
    pub(crate) retried: u64,
    /// Connections retried at another agent.
    pub(crate) redispatched: u64,
    /// Requests without a connection in the end, or without a complete answer.
    pub(crate) failed: u64,
}

/// The name of an agent in the configuration and in the header `x-agent`.
pub(crate) fn name(agent: usize) -> String {
    format!("agent-{}", agent + 1)
}

impl Balancer {
    /// Starts the balancer, which regards each agent as ready until a check fails.
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
        // HAProxy prints nothing when it is up; the open port shows it.
        while std::net::TcpStream::connect(&bind).is_err() {
            std::thread::yield_now();
        }
        Self { run, socket, at }
    }

    /// Waits for the next log line that says that the agent is `UP`, or `DOWN`.
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

    /// Stops the balancer, and returns its log.
    pub(crate) fn end(mut self) -> String {
        self.run.terminate();
        self.run.end().stderr
    }
}

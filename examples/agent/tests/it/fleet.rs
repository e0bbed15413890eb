//! Three agents that share PostgreSQL and Redis behind HAProxy, restarted and killed one after the other under load.
//!
//! `RUNS=10 cargo test -p agent --test it -- --ignored --nocapture --test-threads=1 fleet::`

mod balancer;
mod load;
mod rows;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use lifecycle_tests::harness::evidence::now;
use lifecycle_tests::harness::{Run, Signal};
use lifecycle_tests::http::own_address;
use lifecycle_tests::postgres::Postgres;
use lifecycle_tests::random::{rng, runs};
use lifecycle_tests::redis::Redis;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use balancer::{Balancer, Figures};
use load::Load;
use rows::Rows;

use crate::agent;

const AGENTS: usize = 3;
/// Concurrent users. Each has a stream under way most of the time.
const USERS: usize = 8;

/// The limit of a wait, far beyond what a test expects.
const LIMIT: Duration = Duration::from_secs(60);

/// One of the agents. A restarted agent has the same folder and the same address.
struct Agent {
    data: TempDir,
    host: IpAddr,
    /// The number of its answers when it was stopped last.
    answered: usize,
    /// `None` while it is down.
    run: Option<Run>,
}

impl Agent {
    fn new() -> Self {
        Self {
            data: tempfile::tempdir().expect("a folder"),
            host: own_address().ip(),
            answered: 0,
            run: None,
        }
    }

    fn start(&mut self, rows: &Postgres, cache: &Redis) {
        let program = agent::agent(self.data.path())
            .env("AGENT_ADDR", format!("{}:8080", self.host))
            .env("DATABASE_URL", rows.url("postgres"))
            .env("REDIS_URL", cache.url())
            .env("LIFECYCLE_ADMIN", format!("{}:9000", self.host))
            // Much longer than the balancer takes to notice, with the interval of checks that it has here.
            .env("LIFECYCLE_LAME_DUCK", "2s")
            // Short enough to interrupt the longer answers and jobs.
            .env("LIFECYCLE_TIMEOUT_SERVE", "1500ms")
            .env("LIFECYCLE_TIMEOUT_WORK_JOBS", "2500ms");
        self.run = Some(agent::up(program).0);
    }

    fn take(&mut self) -> Run {
        self.run.take().expect("it is up")
    }
}

/// An agent that was killed, and when.
struct Killed {
    name: String,
    from: Duration,
    /// The instant at which the process was certainly gone.
    until: Duration,
}

/// The servers, the agents and the balancer.
struct Fleet {
    rows: Postgres,
    cache: Redis,
    agents: [Agent; AGENTS],
    balancer: Balancer,
    // Declared last, so that the folder is removed after the servers that use it.
    files: TempDir,
}

impl Fleet {
    fn start() -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let folder = files.path().join("rows");
        std::fs::create_dir(&folder).expect("a folder");
        // PostgreSQL runs as another user.
        open(files.path());
        let rows = Postgres::started(&folder);
        let cache = Redis::started(files.path());
        let mut agents: [Agent; AGENTS] = std::array::from_fn(|_| Agent::new());
        for agent in &mut agents {
            agent.start(&rows, &cache);
        }
        let balancer = Balancer::start(files.path(), agents.each_ref().map(|agent| agent.host));
        Self {
            rows,
            cache,
            agents,
            balancer,
            files,
        }
    }

    /// Starts an agent, and waits until the balancer sends it requests again.
    fn up(&mut self, agent: usize) {
        self.agents[agent].start(&self.rows, &self.cache);
        self.balancer.until(agent, "UP");
    }

    /// Stops everything, and returns the log of the balancer.
    fn end(mut self) -> String {
        let log = self.balancer.end();
        for agent in &mut self.agents {
            let mut run = agent.take();
            run.terminate();
            run.end().expect_code(0);
        }
        drop(self.files);
        log
    }
}

fn open(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, all).expect("it is ours");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and HAProxy"]
fn a_rolling_restart_fails_no_request_and_no_stream_and_completes_each_job_once() {
    let rounds = runs(10);
    let runtime = Runtime::new().expect("a runtime for the clients");
    // The runtime in which connections are dropped.
    let _inside = runtime.enter();
    let mut fleet = Fleet::start();
    let mut rows = runtime.block_on(Rows::of(&fleet.rows));
    let begun = Instant::now();
    let load = Load::start(&runtime, &fleet.balancer.at, USERS);
    for _ in 0..rounds {
        for agent in 0..AGENTS {
            // The agent serves as many requests as the others. It is asked once only: the balancer avoids an agent with
            // many long answers under way until they have ended, and some of them must be interrupted.
            let so_far = fleet.agents[agent].answered;
            runtime.block_on(load.until_answered(agent, so_far));
            let mut run = fleet.agents[agent].take();
            run.terminate();
            run.end().expect_code(0);
            fleet.agents[agent].answered = load.answered(agent);
            fleet.up(agent);
        }
    }
    let tally = runtime.block_on(load.end());
    let took = begun.elapsed();
    let jobs = runtime.block_on(rows.until_all_are_done());
    let answers = runtime.block_on(rows.answers());
    let figures = fleet.balancer.figures();
    let log = fleet.end();
    eprintln!("{rounds} rounds in {took:.1?}: {tally}\n{jobs}\n{answers:?}\n{figures:?}");

    tally.expect_all_well();
    tally.expect_saved_as_read();
    assert!(tally.went_on() > 0, "no session went on at another agent");
    jobs.expect_each_once(&tally.jobs);
    assert_eq!(jobs.begun_again, 0, "{jobs:?}");
    let known: i64 = ["complete", "shutdown"]
        .iter()
        .map(|state| answers.in_state(state))
        .sum();
    assert_eq!(known, answers.all(), "{answers:?}");
    assert!(
        answers.in_state("shutdown") > 0,
        "none was interrupted: {answers:?}"
    );
    // The balancer learned of each stop from `/readyz`, and never from a failed connection.
    let down: Vec<_> = log
        .lines()
        .filter(|line| line.contains("is DOWN"))
        .collect();
    assert_eq!(down.len(), rounds * AGENTS, "{log}");
    assert!(down.iter().all(|line| line.contains("code: 503")), "{log}");
    let nothing = Figures {
        retried: 0,
        redispatched: 0,
        failed: 0,
    };
    assert_eq!(figures, nothing, "{log}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and HAProxy"]
fn kill_9_fails_only_requests_under_way_there_and_completes_each_job_once() {
    let rounds = runs(10);
    let runtime = Runtime::new().expect("a runtime for the clients");
    // The runtime in which connections are dropped.
    let _inside = runtime.enter();
    let mut fleet = Fleet::start();
    let mut rows = runtime.block_on(Rows::of(&fleet.rows));
    let mut random = rng();
    let begun = Instant::now();
    let load = Load::start(&runtime, &fleet.balancer.at, USERS);
    let mut killed = Vec::new();
    for _ in 0..rounds {
        for agent in 0..AGENTS {
            for _ in 0..=random.u64(..3) {
                let so_far = load.answered(agent);
                runtime.block_on(load.until_answered(agent, so_far));
            }
            let mut run = fleet.agents[agent].take();
            runtime.block_on(rows.until_none_is_in_danger());
            let from = run.signal(Signal::KILL);
            let end = run.end();
            assert_eq!(end.signal, Some(9), "{end}");
            killed.push(Killed {
                name: balancer::name(agent),
                from,
                until: now(),
            });
            // Otherwise the balancer would not log that the agent is up again.
            fleet.balancer.until(agent, "DOWN");
            fleet.up(agent);
        }
    }
    let tally = runtime.block_on(load.end());
    let took = begun.elapsed();
    let jobs = runtime.block_on(rows.until_all_are_done());
    let answers = runtime.block_on(rows.answers());
    let figures = fleet.balancer.figures();
    eprintln!("{rounds} rounds in {took:.1?}: {tally}\n{jobs}\n{answers:?}\n{figures:?}");

    tally.expect_failures_only_on(&killed);
    tally.expect_saved_as_read();
    runtime.block_on(load::expect_marked(&tally, &fleet.balancer.at));
    jobs.expect_each_once(&tally.jobs);
    // In a few rounds, no kill may have met a job under way.
    let some = jobs.begun_again > 0 || rounds < 5;
    assert!(some && jobs.begun_again <= killed.len(), "{jobs:?}");
    let known: i64 = ["complete", "killed"]
        .iter()
        .map(|state| answers.in_state(state))
        .sum();
    assert_eq!(known, answers.all(), "{answers:?}");
    fleet.end();
}

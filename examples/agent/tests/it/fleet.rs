//! Three agents on one PostgreSQL and one Redis server behind HAProxy, restarted and killed one after the other while they are asked.
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

use crate::start;

const AGENTS: usize = 3;
/// Users at a time, each of whom has a stream under way most of the time.
const USERS: usize = 8;

/// Far beyond anything that is waited for here.
const LIMIT: Duration = Duration::from_secs(60);

/// One of the agents. Started again, it has the same folder and the same address.
struct Agent {
    data: TempDir,
    host: IpAddr,
    /// How often it had answered when it was stopped last.
    answered: usize,
    /// None while it is down.
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
        let program = start::agent(self.data.path())
            .env("AGENT_ADDR", format!("{}:8080", self.host))
            .env("DATABASE_URL", rows.url("postgres"))
            .env("REDIS_URL", cache.url())
            .env("LIFECYCLE_ADMIN", format!("{}:9000", self.host))
            // Many times what the balancer takes to see it, as it is told to look here.
            .env("LIFECYCLE_LAME_DUCK", "2s")
            // Little enough for the longer answers and jobs to be interrupted.
            .env("LIFECYCLE_TIMEOUT_SERVE", "1500ms")
            .env("LIFECYCLE_TIMEOUT_WORK_JOBS", "2500ms");
        self.run = Some(start::up(program).0);
    }

    fn take(&mut self) -> Run {
        self.run.take().expect("it is up")
    }
}

/// An agent that was killed, and when.
struct Killed {
    name: String,
    from: Duration,
    /// From then on nothing of it was left.
    until: Duration,
}

/// All of it, up.
struct Fleet {
    rows: Postgres,
    cache: Redis,
    agents: [Agent; AGENTS],
    balancer: Balancer,
    // Last, so that it is there for as long as who uses it.
    files: TempDir,
}

impl Fleet {
    fn start() -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let folder = files.path().join("rows");
        std::fs::create_dir(&folder).expect("a folder");
        // PostgreSQL runs as somebody else.
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

    /// Starts the agent, and waits until it is asked again.
    fn up(&mut self, agent: usize) {
        self.agents[agent].start(&self.rows, &self.cache);
        self.balancer.until(agent, "UP");
    }

    /// Ends what is left, and tells what the balancer has seen.
    fn end(mut self) -> String {
        let told = self.balancer.end();
        for agent in &mut self.agents {
            let mut run = agent.take();
            run.terminate();
            run.end().expect_code(0);
        }
        drop(self.files);
        told
    }
}

fn open(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let all = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, all).expect("it is ours");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and HAProxy"]
fn a_rolling_restart_fails_no_request_cuts_no_stream_and_does_each_job_once() {
    let rounds = runs(10);
    let runtime = Runtime::new().expect("a runtime for the clients");
    // Connections are dropped in it.
    let _inside = runtime.enter();
    let mut fleet = Fleet::start();
    let mut rows = runtime.block_on(Rows::of(&fleet.rows));
    let begun = Instant::now();
    let load = Load::start(&runtime, &fleet.balancer.at, USERS);
    for _ in 0..rounds {
        for agent in 0..AGENTS {
            // It is in use as any other. Not once more from now on: whoever has many long answers under way is asked
            // again only when they are over, and some of them are to be interrupted.
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
    let told = fleet.end();
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
    // The balancer was told by `/readyz`, each time, and found nobody gone.
    let down: Vec<_> = told
        .lines()
        .filter(|line| line.contains("is DOWN"))
        .collect();
    assert_eq!(down.len(), rounds * AGENTS, "{told}");
    assert!(down.iter().all(|line| line.contains("code: 503")), "{told}");
    let nothing = Figures {
        retried: 0,
        redispatched: 0,
        failed: 0,
    };
    assert_eq!(figures, nothing, "{told}");
}

#[test]
#[ignore = "needs PostgreSQL, Redis and HAProxy"]
fn kill_9_fails_what_was_under_way_there_and_nothing_else_and_does_each_job_once() {
    let rounds = runs(10);
    let runtime = Runtime::new().expect("a runtime for the clients");
    // Connections are dropped in it.
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
            // Else it would not see that it is up again.
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
    // In a few rounds no kill need have met a job that was under way.
    let some = jobs.begun_again > 0 || rounds < 5;
    assert!(some && jobs.begun_again <= killed.len(), "{jobs:?}");
    let known: i64 = ["complete", "killed"]
        .iter()
        .map(|state| answers.in_state(state))
        .sum();
    assert_eq!(known, answers.all(), "{answers:?}");
    fleet.end();
}

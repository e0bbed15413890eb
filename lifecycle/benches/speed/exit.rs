//! Measures the time from SIGTERM to the exit of an idle app.

use std::env;
use std::io::Read as _;
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = "SPEED_PROGRAM";
/// How long to wait after the program has printed that it is up, until its threads are idle.
const REST: Duration = Duration::from_millis(3);

/// The program with `lifecycle`.
mod with_lifecycle {
    use lifecycle::Shutdown;

    #[lifecycle::main(registered = false)]
    pub(super) async fn main(shutdown: Shutdown) {
        super::say_up();
        shutdown.requested().await;
    }
}

/// The same program with tokio alone.
mod by_hand {
    use std::process::ExitCode;

    use tokio::signal::unix::{SignalKind, signal};

    #[tokio::main]
    pub(super) async fn main() -> ExitCode {
        let mut terminate = signal(SignalKind::terminate()).expect("a handler");
        super::say_up();
        tokio::select! {
            _ = terminate.recv() => ExitCode::SUCCESS,
            _ = tokio::signal::ctrl_c() => ExitCode::SUCCESS,
        }
    }
}

fn say_up() {
    println!("up");
}

/// The program that this process is to run instead of the benchmarks.
pub(crate) fn requested() -> Option<fn() -> ExitCode> {
    match env::var(PROGRAM).ok()?.as_str() {
        "lifecycle" => Some(with_lifecycle::main),
        "tokio" => Some(by_hand::main),
        program => unreachable!("there is no program {program}"),
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exit");
    group.sampling_mode(SamplingMode::Flat);
    for (name, program) in [("tokio select!", "tokio"), ("lifecycle", "lifecycle")] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| terminate(program)).sum());
        });
    }
    group.finish();
}

fn terminate(program: &str) -> Duration {
    let mut child = Command::new(env::current_exe().expect("this program"))
        .env(PROGRAM, program)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts");
    let mut output = child.stdout.take().expect("a pipe");
    let mut up = [0; 3];
    output
        .read_exact(&mut up)
        .expect("the program prints that it is up");
    thread::sleep(REST);
    let id = Pid::from_child(&child);
    let begun = Instant::now();
    kill_process(id, Signal::TERM).expect("the child runs");
    let status = child.wait().expect("its exit status");
    let took = begun.elapsed();
    assert!(status.success(), "{status}");
    took
}

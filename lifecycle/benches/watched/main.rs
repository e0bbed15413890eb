//! Measures the cost of each viewer: the start and the stop of an app with fifty resources that do nothing, without a
//! viewer and with each of them.
//!
//! ```text
//! cargo bench -p lifecycle --features admin,json --bench watched
//! ```
//!
//! Each run is a process, because the console, the report and the probes exist once per process.

mod parts;

use std::env;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use lifecycle::Shutdown;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

const PROGRAM: &str = "WATCHED_PROGRAM";
/// How long to wait after the program has printed that it is up, until its threads are idle.
const REST: Duration = Duration::from_millis(3);
const ADDRESS: &str = "127.83.7.1:9000";
/// The pause between two requests of a client that polls.
const PAUSE: Duration = Duration::from_millis(1);

#[lifecycle::main]
async fn app(shutdown: Shutdown) {
    println!("up");
    shutdown.requested().await;
}

/// The viewer of a run.
#[derive(Clone, Copy)]
enum Watch {
    None,
    Terminal,
    Report(&'static str),
    Admin,
    /// A client polls probes and metrics.
    Polled,
}

const WATCHES: [(&str, Watch); 8] = [
    ("no viewer", Watch::None),
    ("console on a terminal", Watch::Terminal),
    ("report as text", Watch::Report("txt")),
    ("report as JSON", Watch::Report("json")),
    ("report as SVG", Watch::Report("svg")),
    ("report as HTML", Watch::Report("html")),
    ("probes", Watch::Admin),
    ("probes and metrics, polled", Watch::Polled),
];

fn main() -> ExitCode {
    // The benchmarks start this program again as the app.
    if env::var_os(PROGRAM).is_some() {
        return app();
    }
    let mut criterion = Criterion::default().configure_from_args();
    for (part, which) in [("watched/start", 0), ("watched/stop", 1)] {
        let mut group = criterion.benchmark_group(part);
        group.sampling_mode(SamplingMode::Flat).sample_size(50);
        for (name, watch) in WATCHES {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| run(watch)[which]).sum());
            });
        }
        group.finish();
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// Runs the app, and returns the times from its start until it is up, and from SIGTERM until its exit.
fn run(watch: Watch) -> [Duration; 2] {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .env(PROGRAM, "app")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    match watch {
        Watch::None => {}
        Watch::Terminal => {
            command.stderr(terminal());
        }
        Watch::Report(ending) => {
            command.env("LIFECYCLE_REPORT", report(ending));
        }
        Watch::Admin | Watch::Polled => {
            command.env("LIFECYCLE_ADMIN", ADDRESS);
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let (answered, answers) = channel();
    let polling = matches!(watch, Watch::Polled).then(|| {
        let over = Arc::clone(&over);
        thread::spawn(move || poll(&over, &answered))
    });
    let begun = Instant::now();
    let mut child = command.spawn().expect("the child starts");
    // It holds a copy of the terminal's other end, without which the reader would not end.
    drop(command);
    let start = until_up(&mut child, begun);
    thread::sleep(REST);
    if polling.is_some() {
        answers.recv().expect("an answer");
    }
    let id = Pid::from_child(&child);
    let requested = Instant::now();
    kill_process(id, Signal::TERM).expect("the child runs");
    let status = child.wait().expect("its exit status");
    let stop = requested.elapsed();
    assert!(status.success(), "{status}");
    over.store(true, Ordering::Relaxed);
    if let Some(polling) = polling {
        polling.join().expect("no panic");
    }
    [start, stop]
}

fn until_up(child: &mut Child, begun: Instant) -> Duration {
    let mut output = child.stdout.take().expect("a pipe");
    let mut up = [0; 3];
    output
        .read_exact(&mut up)
        .expect("the program prints that it is up");
    begun.elapsed()
}

/// A terminal whose output is read by a thread.
fn terminal() -> File {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("a terminal of this process");
    unlockpt(&ours).expect("an open terminal");
    let path = ptsname(&ours, Vec::new()).expect("its name");
    let path = PathBuf::from(path.into_string().expect("a path in ASCII"));
    let theirs = File::options().read(true).write(true).open(path);
    let mut ours = File::from(ours);
    // Ends with an error when the other end has been closed.
    thread::spawn(move || while ours.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {});
    theirs.expect("an open terminal")
}

fn report(ending: &str) -> PathBuf {
    env::temp_dir().join(format!("watched-{}.{ending}", std::process::id()))
}

/// Polls one path after the other until `over`, and sends a message for each response.
fn poll(over: &AtomicBool, answered: &Sender<()>) {
    let paths = ["/livez", "/readyz", "/startupz", "/metrics"];
    for path in paths.into_iter().cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        if let Ok(mut connection) = TcpStream::connect(ADDRESS) {
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let mut answer = Vec::new();
            let asked = connection.write_all(request.as_bytes());
            let read = asked.and_then(|()| connection.read_to_end(&mut answer));
            if read.is_ok_and(|read| read > 0) {
                let _ = answered.send(());
            }
        }
        thread::sleep(PAUSE);
    }
}

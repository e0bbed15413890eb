//! What it costs to be watched: the start and the stop of an app of fifty resources that do nothing, with nobody looking
//! and with each who may look.
//!
//! ```text
//! cargo bench -p lifecycle --features admin,json --bench watched
//! ```
//!
//! Programs of their own, since the console, the report and the probes are those of a process.

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
/// After it has said that it is up: until then its threads have come to rest.
const REST: Duration = Duration::from_millis(3);
const ADDRESS: &str = "127.83.7.1:9000";
/// Between two requests of one who asks all the time.
const PAUSE: Duration = Duration::from_millis(1);

#[lifecycle::main]
async fn app(shutdown: Shutdown) {
    println!("up");
    shutdown.requested().await;
}

/// Who looks.
#[derive(Clone, Copy)]
enum Watch {
    Nobody,
    Terminal,
    Report(&'static str),
    Admin,
    /// Probes and metrics are asked for all the time.
    Asked,
}

const WATCHES: [(&str, Watch); 8] = [
    ("nobody", Watch::Nobody),
    ("console on a terminal", Watch::Terminal),
    ("report as text", Watch::Report("txt")),
    ("report as JSON", Watch::Report("json")),
    ("report as SVG", Watch::Report("svg")),
    ("report as HTML", Watch::Report("html")),
    ("probes", Watch::Admin),
    ("probes and metrics, asked all the time", Watch::Asked),
];

fn main() -> ExitCode {
    // This program is started again as the app.
    if env::var_os(PROGRAM).is_some() {
        return app();
    }
    let mut criterion = Criterion::default().configure_from_args();
    for (part, which) in [("watched/start", 0), ("watched/stop", 1)] {
        let mut group = criterion.benchmark_group(part);
        group.sampling_mode(SamplingMode::Flat).sample_size(50);
        for (name, watch) in WATCHES {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| (0..times).map(|_| live(watch)[which]).sum());
            });
        }
        group.finish();
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}

/// A life: from its begin until it is up, and from SIGTERM until it is gone.
fn live(watch: Watch) -> [Duration; 2] {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .env(PROGRAM, "app")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    match watch {
        Watch::Nobody => {}
        Watch::Terminal => {
            command.stderr(terminal());
        }
        Watch::Report(ending) => {
            command.env("LIFECYCLE_REPORT", report(ending));
        }
        Watch::Admin | Watch::Asked => {
            command.env("LIFECYCLE_ADMIN", ADDRESS);
        }
    }
    let over = Arc::new(AtomicBool::new(false));
    let (answer, answers) = channel();
    let asking = matches!(watch, Watch::Asked).then(|| {
        let over = Arc::clone(&over);
        thread::spawn(move || ask(&over, &answer))
    });
    let begun = Instant::now();
    let mut child = command.spawn().expect("it starts");
    // It holds the test's copy of the terminal's other end.
    drop(command);
    let start = until_up(&mut child, begun);
    thread::sleep(REST);
    if asking.is_some() {
        answers.recv().expect("an answer");
    }
    let id = Pid::from_child(&child);
    let told = Instant::now();
    kill_process(id, Signal::TERM).expect("it is there");
    let status = child.wait().expect("it is our child");
    let stop = told.elapsed();
    assert!(status.success(), "{status}");
    over.store(true, Ordering::Relaxed);
    if let Some(asking) = asking {
        asking.join().expect("it does not panic");
    }
    [start, stop]
}

fn until_up(child: &mut Child, begun: Instant) -> Duration {
    let mut output = child.stdout.take().expect("it is piped");
    let mut up = [0; 3];
    output.read_exact(&mut up).expect("it says that it is up");
    begun.elapsed()
}

/// A terminal, of which somebody reads what is shown.
fn terminal() -> File {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("it is ours");
    unlockpt(&ours).expect("it can be opened");
    let path = ptsname(&ours, Vec::new()).expect("its name");
    let path = PathBuf::from(path.into_string().expect("a path in ASCII"));
    let theirs = File::options().read(true).write(true).open(path);
    let mut ours = File::from(ours);
    // It ends with an error when nobody has the other end any more.
    thread::spawn(move || while ours.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {});
    theirs.expect("it can be opened")
}

fn report(ending: &str) -> PathBuf {
    env::temp_dir().join(format!("watched-{}.{ending}", std::process::id()))
}

/// Asks one after the other until it is over, and tells of each answer.
fn ask(over: &AtomicBool, answered: &Sender<()>) {
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

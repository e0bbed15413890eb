//! Ten thousand connections to the admin port, which send nothing, send half of a request, or never read.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use lifecycle_tests::harness::canary::unless_late;
use lifecycle_tests::http::{Answer, ask, own_address};
use lifecycle_tests::program;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::MACHINE;

const CONNECTIONS: usize = 10_000;
/// The default timeout of a kubelet's probe, and the number of consecutive failures that it tolerates.
const PROBE: Duration = Duration::from_secs(1);
const TRIES: usize = 3;
/// The limit of a wait, far beyond what a test expects.
const LONG: Duration = Duration::from_secs(30);

/// Threads that open connections.
const LANES: usize = 4;
/// Kinds of connections: silent ones, ones with half of a request, and ones that request and do not read.
const SILENT: usize = 0;
const HALF: usize = 1;
const ASKED: [&str; 3] = [
    "GET /readyz HTTP/1.1\r\nhost: test\r\n\r\n",
    "GET / HTTP/1.1\r\nhost: test\r\naccept: text/html\r\n\r\n",
    "GET /live HTTP/1.1\r\nhost: test\r\n\r\n",
];

/// Raises the limit of descriptors; returns how many connections can be held. An unprivileged user may have a lower
/// limit, and then opens the connections one after the other.
fn raise_limit() -> usize {
    let wanted = CONNECTIONS as u64 + 200;
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let raise = |most: u64| {
        let raised = Rlimit {
            current: Some(most),
            maximum: Some(hard.max(most)),
        };
        setrlimit(Resource::Nofile, raised)
    };
    if raise(wanted).is_ok() {
        return CONNECTIONS;
    }
    raise(hard).expect("up to its hard limit it may be raised");
    usize::try_from(hard).map_or(CONNECTIONS, |most| most.saturating_sub(200))
}

fn connect(address: SocketAddr, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&address, LONG).ok()?;
    // A connection that the server has evicted may be closed.
    let _ = match number % 3 {
        SILENT => Ok(()),
        HALF => stream.write_all(b"GET /livez HTTP/1.1\r\nhost: "),
        _ => stream.write_all(ASKED[number / 3 % ASKED.len()].as_bytes()),
    };
    Some(stream)
}

/// Probes until there is an answer; returns it with the number of failures.
#[track_caller]
fn probe(address: SocketAddr, path: &str) -> (Answer, usize) {
    for failed in 0..TRIES {
        if let Ok(answer) = ask(address, "GET", path, "", PROBE) {
            return (answer, failed);
        }
    }
    panic!("{TRIES} probes of {path} in a row had no answer");
}

/// Ends the flood, also if an assertion fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn d9_ten_thousand_connections_delay_neither_start_nor_probes_nor_stop() {
    let _machine = MACHINE.blocking_lock();
    unless_late(|| {
        let held = raise_limit();
        let address = own_address();
        let mut run = program!("probed")
            .env("LIFECYCLE_ADMIN", address.to_string())
            .with("database.start=slow:500 database.stop=slow:500")
            .start();
        run.until("database.start");
        let (made, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (digests, digested) = channel();
        let (begun, up, asked, end) = thread::scope(|scope| {
            let over_at_the_end = Over(&over);
            for lane in 0..LANES {
                let (made, over) = (&made, &over);
                let mut digests = Some(digests.clone());
                scope.spawn(move || {
                    let most = held / LANES;
                    let mut open = Vec::with_capacity(most);
                    // As fast as possible, without regard to answers; then one after the other.
                    while open.len() < most {
                        let number = lane + open.len();
                        open.push(connect(address, number).expect("the program listens"));
                        made.fetch_add(1, Ordering::Relaxed);
                    }
                    for number in 0.. {
                        let last = ask(address, "GET", "/readyz", "", LONG);
                        // Dropped, so that the test does not wait for a lane that fails.
                        if let Some(digests) = digests.take() {
                            let _ = digests.send(());
                        }
                        if last.is_err() || over.load(Ordering::Relaxed) {
                            break;
                        }
                        for kind in [SILENT, HALF] {
                            let place = (2 * number + kind) % most;
                            if let Some(stream) = connect(address, kind) {
                                open[place] = stream;
                            }
                        }
                        made.fetch_add(3, Ordering::Relaxed);
                    }
                });
            }
            drop(digests);
            let begun = run.until("database.start");
            let up = run.until("main");
            for _ in 0..LANES {
                digested.recv().expect("no lane has failed");
            }
            let (mut probes, mut failed, mut slowest) = (0, 0, Duration::ZERO);
            while probes < 100 || made.load(Ordering::Relaxed) < CONNECTIONS {
                for path in ["/livez", "/readyz"] {
                    let (answer, failures) = probe(address, path);
                    answer.expect(200, &[]);
                    slowest = slowest.max(answer.took);
                    failed += failures;
                    probes += 1;
                }
            }
            let asked = run.terminate();
            let end = run.end();
            println!(
                "{} connections, {held} held, {probes} probes, {failed} failed and tried again, slowest {slowest:?}",
                made.load(Ordering::Relaxed)
            );
            // Some probes may fail on a machine that is saturated.
            assert!(3 * failed <= probes, "{failed} of {probes} failed");
            drop(over_at_the_end);
            (begun, up, asked, end)
        });
        // Its own stop, and the time of a machine that is saturated.
        end.expect_code(0)
            .expect_took("up", begun, up, 0..3000)
            .expect_gone(asked, Duration::from_secs(5));
    });
}

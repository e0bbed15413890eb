//! The steps that hooks of the programs run. By default a hook only leaves evidence; arguments add steps:
//! `c.stop=hang`, `main=slow:100,error`.
//!
//! | step | what happens |
//! | --- | --- |
//! | `error`, `expected`, `disconnect`, `config` | returns that error |
//! | `panic` | panics |
//! | `hang` | never completes |
//! | `slow:100` | takes that many milliseconds |
//! | `block`, `block:100` | blocks its thread, forever or for that many milliseconds |
//! | `spin` | computes forever |
//! | `abort`, `overflow`, `double` | ends the process by `abort`, by a stack overflow, by a panic while panicking |
//! | `exit:0`, `fork:TERM`, `daemonize`, .. | makes or ends processes: see [`processes`] |
//! | `bridge` | blocks on a future forever, within `block_in_place` |
//! | `leave:512` | spawns that many blocking tasks that never end |
//! | `print:text` | writes the text to standard output, without a newline |
//! | `say:text` | the same, and flushes it |
//! | `note:text` | leaves the text as evidence |
//! | `asked` | waits until its scope is asked to stop |
//! | `request` | requests the stop of the app |
//! | `fail` | fails the app |
//! | `foreign:panic`, `foreign:block` | waits on a thread with a waker that panics, or never returns |
//! | `oom`, `allocator`, `close`, .. | breaks the process: see [`faults`] |
//!
//! A hook leaves its name when it begins, `{name} ok` or `{name} error` when it ends, and `{name} dropped` if it is
//! dropped before that.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, Write as _};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use lifecycle::{ConfigError, Settings, Setup, Shutdown};

use tokio::runtime::Handle;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::faults;
use crate::harness::evidence::note;
use crate::hostile::{Hostile, await_request};
use crate::processes;

const LONG: Duration = Duration::from_secs(3600);

/// Read once, because a process that has no memory left looks up the steps of its hooks without allocating.
static STEPS: LazyLock<BTreeMap<String, Vec<String>>> = LazyLock::new(|| {
    let mut table = BTreeMap::<String, Vec<String>>::new();
    for argument in std::env::args().skip(1) {
        if let Some((hook, steps)) = argument.split_once('=') {
            let of_hook = table.entry(hook.to_owned()).or_default();
            of_hook.extend(steps.split(',').map(str::to_owned));
        }
    }
    table
});

/// The errors that hooks return.
#[derive(Debug)]
pub enum Fault {
    /// An error of the hook itself, which names the hook.
    Broken(String),
    /// An error that `expects` accepts.
    Expected,
    /// An error caused by a reset connection.
    Disconnected(io::Error),
    /// An error caused by a wrong configuration.
    Misconfigured(ConfigError),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(hook) => write!(f, "{hook} is broken"),
            Self::Expected => f.write_str("the cushion is flat"),
            Self::Disconnected(_) => f.write_str("the line went dead"),
            Self::Misconfigured(_) => f.write_str("the settings are no good"),
        }
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(_) | Self::Expected => None,
            Self::Disconnected(error) => Some(error),
            Self::Misconfigured(error) => Some(error),
        }
    }
}

/// Returns the steps of a hook; an empty list if the arguments do not name it.
#[must_use]
pub fn steps(hook: &str) -> &'static [String] {
    STEPS.get(hook).map_or(&[], Vec::as_slice)
}

/// Runs the steps of an `async` hook.
///
/// # Errors
///
/// The error that the arguments name.
pub async fn act(hook: &str) -> Result<(), Fault> {
    perform(hook, steps(hook), None).await
}

/// Runs the steps of an `async` hook, worker or body with the handle of its scope. Without steps it waits for the stop
/// request.
///
/// # Errors
///
/// The error that the arguments name.
pub async fn serve(hook: &str, shutdown: &Shutdown) -> Result<(), Fault> {
    perform(hook, &steps_or_told(hook), Some(shutdown)).await
}

async fn perform(hook: &str, steps: &[String], shutdown: Option<&Shutdown>) -> Result<(), Fault> {
    let under_way = UnderWay::new(hook);
    let mut result = Ok(());
    for step in steps {
        let (step, detail) = step.split_once(':').unwrap_or((step, ""));
        result = match (step, shutdown) {
            ("hang", _) => std::future::pending().await,
            ("slow", _) => {
                tokio::time::sleep(millis(detail)).await;
                Ok(())
            }
            ("asked", Some(shutdown)) => {
                shutdown.requested().await;
                note(format_args!("{hook} asked"));
                Ok(())
            }
            ("request", Some(shutdown)) => {
                shutdown.request();
                Ok(())
            }
            ("foreign", Some(shutdown)) => {
                let hostile = match detail {
                    "panic" => Hostile::Panics,
                    _ => Hostile::Blocks,
                };
                await_request(shutdown, hostile, || ());
                Ok(())
            }
            ("fail", Some(shutdown)) => {
                shutdown.fail(Fault::Broken(hook.to_owned()));
                Ok(())
            }
            _ => step_now(hook, step, detail),
        };
    }
    under_way.end(result)
}

/// Runs the steps of a hook that is a plain function. It allocates only for steps that need it.
///
/// # Errors
///
/// The error that the arguments name.
pub fn act_blocking(hook: &str) -> Result<(), Fault> {
    let under_way = UnderWay::new(hook);
    let result = steps(hook).iter().try_for_each(|step| {
        let (step, detail) = step.split_once(':').unwrap_or((step, ""));
        let step = match step {
            "slow" | "hang" => "block",
            step => step,
        };
        step_now(hook, step, detail)
    });
    under_way.end(result)
}

/// Runs the steps of a hook on a thread with the handle of its scope and the runtime entered. Without steps it waits for
/// the stop request.
///
/// # Errors
///
/// The error that the arguments name.
pub fn serve_blocking(hook: &str, shutdown: &Shutdown) -> Result<(), Fault> {
    Handle::current().block_on(perform(hook, &steps_or_told(hook), Some(shutdown)))
}

fn steps_or_told(hook: &str) -> Cow<'static, [String]> {
    match steps(hook) {
        [] => Cow::Owned(vec!["asked".to_owned()]),
        steps => Cow::Borrowed(steps),
    }
}

fn step_now(hook: &str, step: &str, detail: &str) -> Result<(), Fault> {
    match step {
        "ok" => Ok(()),
        "error" => Err(Fault::Broken(hook.to_owned())),
        "expected" => Err(Fault::Expected),
        "disconnect" => Err(Fault::Disconnected(io::ErrorKind::ConnectionReset.into())),
        "config" => Err(Fault::Misconfigured(ConfigError::new(
            "CUSHIONS=0: allowed is a number above 0",
        ))),
        "panic" => panic!("{hook} panics"),
        "block" => {
            thread::sleep(if detail.is_empty() {
                LONG
            } else {
                millis(detail)
            });
            Ok(())
        }
        "abort" => std::process::abort(),
        "overflow" => {
            overflow(0);
            Ok(())
        }
        "double" => {
            let _second = PanicsAgain;
            panic!("{hook} panics")
        }
        "spin" => loop {
            std::hint::spin_loop();
        },
        "bridge" => {
            tokio::task::block_in_place(|| Handle::current().block_on(std::future::pending()))
        }
        "leave" => {
            let tasks: usize = detail.parse().expect("a number of tasks");
            (0..tasks).for_each(|_| drop(tokio::task::spawn_blocking(|| thread::sleep(LONG))));
            Ok(())
        }
        "note" => {
            note(detail);
            Ok(())
        }
        "print" => {
            let _ = io::stdout().write_all(detail.as_bytes());
            Ok(())
        }
        "say" => {
            let mut stdout = io::stdout().lock();
            let _ = stdout.write_all(detail.as_bytes());
            let _ = stdout.flush();
            Ok(())
        }
        _ if faults::inject(step, detail) || processes::inject(step, detail) => Ok(()),
        _ => panic!("there is no step `{step}` for `{hook}`"),
    }
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().expect("a number of milliseconds"))
}

/// Records how a hook ended, also if it was dropped before its end.
struct UnderWay<'a>(Option<&'a str>);

impl<'a> UnderWay<'a> {
    fn new(hook: &'a str) -> Self {
        note(hook);
        Self(Some(hook))
    }

    fn end(mut self, result: Result<(), Fault>) -> Result<(), Fault> {
        if let Some(hook) = self.0.take() {
            note(format_args!(
                "{hook} {}",
                if result.is_ok() { "ok" } else { "error" }
            ));
        }
        result
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(hook) = self.0 {
            note(format_args!(
                "{hook} {}",
                if thread::panicking() {
                    "panicked"
                } else {
                    "dropped"
                }
            ));
        }
    }
}

/// The `init` of the programs.
///
/// `LOG=debug` installs a subscriber, which prints the ends of spans if `SPANS` is set. `disable=a,b` disables components,
/// `init=..` runs steps, `settings=2000` sets `shutdown_timeout` in milliseconds, `writer=ok` adds a buffered writer.
///
/// # Errors
///
/// The error that the arguments name.
pub fn init(setup: &mut Setup) -> Result<(), Fault> {
    LazyLock::force(&STEPS);
    if let Ok(filter) = std::env::var("LOG") {
        let ends = match std::env::var_os("SPANS") {
            Some(_) => FmtSpan::CLOSE,
            None => FmtSpan::NONE,
        };
        tracing_subscriber::fmt()
            .with_span_events(ends)
            .with_env_filter(filter)
            .with_ansi(false)
            .with_writer(io::stderr)
            .init();
    }
    if let Some(time) = steps("settings").first() {
        setup.settings(Settings::default().shutdown_timeout(millis(time)));
    }
    if !steps("writer").is_empty() {
        setup.flush_at_exit(Writer);
    }
    steps("disable").iter().for_each(|name| setup.disable(name));
    act_blocking("init")
}

/// The guard of a buffered writer.
struct Writer;

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = act_blocking("writer");
    }
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("and again");
    }
}

/// Exhausts the stack.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(depth: usize) -> usize {
    std::hint::black_box([0_u8; 4096]);
    std::hint::black_box(overflow(depth + 1)) + depth
}

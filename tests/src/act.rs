//! What the programs' hooks do. Each does nothing but leave evidence, unless an argument says otherwise:
//! `c.stop=hang`, `main=slow:100,error`.
//!
//! | step | what happens |
//! | --- | --- |
//! | `error`, `expected`, `disconnect`, `config` | the hook returns that error |
//! | `panic` | it panics |
//! | `hang` | it never completes |
//! | `slow:100` | it takes so many milliseconds |
//! | `block`, `block:100` | it sleeps on its thread, for ever or so long |
//! | `spin` | it computes for ever |
//! | `abort`, `overflow`, `double` | it ends the process: by `abort`, by a full stack, by a panic while panicking |
//! | `exit` | it ends the process by `exit` |
//! | `bridge` | it blocks on a future for ever, within `block_in_place` |
//! | `leave:512` | it leaves that many blocking tasks behind that never end |
//! | `print:text` | it writes the text to standard output, without an end of line |
//! | `say:text` | the same, and sees to it that it gets there |
//! | `note:text` | it leaves the text as evidence |
//! | `told` | it waits until its scope is told to stop |
//! | `request` | it asks the app to stop |
//! | `fail` | it has the app fail |
//! | `oom`, `allocator`, `close`, .. | it breaks the process: see [`faults`] |
//!
//! A hook leaves its name when it begins, `{name} ok` or `{name} error` at its end, and `{name} dropped` when it does
//! not get there.

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

const LONG: Duration = Duration::from_secs(3600);

/// Read once: the hooks of a process that has no memory left look up their steps without taking any.
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
    /// One of the hook's own, which names the hook.
    Broken(String),
    /// One that `expects` accepts.
    Expected,
    /// One with a reset connection as its cause.
    Disconnected(io::Error),
    /// One with a wrong configuration as its cause.
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

/// What the arguments say about the hook; nothing where they do not name it.
#[must_use]
pub fn steps(hook: &str) -> &'static [String] {
    STEPS.get(hook).map_or(&[], Vec::as_slice)
}

/// An `async` hook.
///
/// # Errors
///
/// The one that the arguments ask for.
pub async fn act(hook: &str) -> Result<(), Fault> {
    perform(hook, steps(hook), None).await
}

/// An `async` hook, worker or body that has the handle of its scope. It waits to be told where no argument names it.
///
/// # Errors
///
/// The one that the arguments ask for.
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
            ("told", Some(shutdown)) => {
                shutdown.requested().await;
                note(format_args!("{hook} told"));
                Ok(())
            }
            ("request", Some(shutdown)) => {
                shutdown.request();
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

/// A hook that is no future. Where its steps are well it allocates nothing.
///
/// # Errors
///
/// The one that the arguments ask for.
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

/// A hook on a thread that has the handle of its scope, and the runtime entered. It waits to be told where no argument
/// names it.
///
/// # Errors
///
/// The one that the arguments ask for.
pub fn serve_blocking(hook: &str, shutdown: &Shutdown) -> Result<(), Fault> {
    Handle::current().block_on(perform(hook, &steps_or_told(hook), Some(shutdown)))
}

fn steps_or_told(hook: &str) -> Cow<'static, [String]> {
    match steps(hook) {
        [] => Cow::Owned(vec!["told".to_owned()]),
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
        "exit" => std::process::exit(7),
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
        _ if faults::inject(step, detail) => Ok(()),
        _ => panic!("there is no step `{step}` for `{hook}`"),
    }
}

fn millis(text: &str) -> Duration {
    Duration::from_millis(text.parse().expect("a number of milliseconds"))
}

/// Says how a hook ended, also when it was dropped before.
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

/// The `init` of the programs: `LOG=debug` subscribes, with `SPANS` to the ends of spans, too; `disable=a,b` leaves components out, `init=..` does what a hook
/// can do, `settings=2000` sets `shutdown_timeout` in milliseconds, `writer=ok` hands over a writer.
///
/// # Errors
///
/// The one that the arguments ask for.
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

/// Takes more stack than there is.
#[expect(unconditional_recursion, reason = "that is what it is for")]
fn overflow(depth: usize) -> usize {
    std::hint::black_box([0_u8; 4096]);
    std::hint::black_box(overflow(depth + 1)) + depth
}

//! Signals: a handler that only stores and wakes, and a thread that passes on what it stored.
//!
//! Invariants:
//!
//! 1. The handler allocates nothing, locks nothing and calls no user code: it may interrupt any thread anywhere.
//! 2. TERM and INT: the first asks to stop; those within 300 ms of it are the same one (a terminal and a parent often
//!    both send one); the next forces; the one after ends the process there and then.
//! 3. The runtime's own signal driver is not relied on: it stands still when the runtime does.
//! 4. SIGABRT (a double panic, `panic = "abort"`, a stack overflow, a failed allocation) forces too; the thread that
//!    aborts waits in the handler until they are through, and then ends the process by the signal's default effect.
//! 5. Until a life is attached nothing has started, and a signal has its default effect.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGABRT, SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level;
use tokio::sync::mpsc::UnboundedSender;

use crate::life::input::Input;
use crate::process::watchdog;
use crate::sys;

/// Signals this soon after the first one count as the same.
const SAME: Duration = Duration::from_millis(300);

static CLOCK: OnceLock<Instant> = OnceLock::new();
static RELAY: OnceLock<Thread> = OnceLock::new();
static LIFE: Mutex<Option<UnboundedSender<Input>>> = Mutex::new(None);
/// When the first signal came, in nanoseconds of `CLOCK` plus one; 0: none has.
static FIRST_AT: AtomicU64 = AtomicU64::new(0);
static FIRST: AtomicI32 = AtomicI32::new(0);
/// A signal that forces has come.
static FORCES: AtomicBool = AtomicBool::new(false);
static ON_TERMINAL: AtomicBool = AtomicBool::new(false);
static ATTACHED: AtomicBool = AtomicBool::new(false);
static HANGUPS: AtomicU64 = AtomicU64::new(0);

fn handler(signal: i32) {
    if signal == SIGHUP {
        HANGUPS.fetch_add(1, SeqCst);
    } else {
        let now = now();
        match FIRST_AT.compare_exchange(0, now, SeqCst, SeqCst) {
            // The instant decides which handler is the first. The relay looks at `FIRST` alone, which is set by that one.
            Ok(_) => {
                FIRST.store(signal, SeqCst);
                if let Some(relay) = RELAY.get() {
                    relay.unpark();
                }
                // Not delegated to the thread that passes it on, which may stand still.
                watchdog::arm_for_signal();
                return;
            }
            Err(first) if Duration::from_nanos(now.saturating_sub(first)) < SAME => return,
            // An abort may have forced before.
            Err(_) if !FORCES.swap(true, SeqCst) => drop(watchdog::force(signal)),
            Err(_) => low_level::exit(128 + signal),
        }
    }
    if let Some(relay) = RELAY.get() {
        relay.unpark();
    }
}

/// In nanoseconds of `CLOCK` plus one, so that 0 can say that no signal has come.
fn now() -> u64 {
    CLOCK.get().map_or(1, |clock| {
        u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX - 1) + 1
    })
}

/// How many of those that stop have counted so far, and in how long another one will.
pub(crate) fn counted() -> (usize, Duration) {
    match FIRST_AT.load(SeqCst) {
        0 => (0, Duration::ZERO),
        _ if watchdog::forced().is_some() => (2, Duration::ZERO),
        first => {
            let since = Duration::from_nanos(now().saturating_sub(first));
            (1, SAME.saturating_sub(since))
        }
    }
}

/// The process aborts. What has started gets its emergency hooks, and then the signal its default effect.
fn on_abort(signal: i32) {
    if !ATTACHED.load(SeqCst) || watchdog::is_over() {
        sys::default_effect::take(signal);
    }
    // Other threads handle them: after an overflow this is the second handler on a stack that has no room for a third.
    sys::signals::block_all();
    // It may be the first cause to stop.
    watchdog::arm_for_signal();
    watchdog::force(signal);
    if let Some(relay) = RELAY.get() {
        relay.unpark();
    }
    sys::default_effect::wait_in_abort()
}

/// Starts the thread that passes signals on, then takes them over.
pub(crate) fn install() -> std::io::Result<()> {
    CLOCK.get_or_init(Instant::now);
    // Looked at now: when it hangs up it is no controlling terminal any more.
    ON_TERMINAL.store(std::fs::File::open("/dev/tty").is_ok(), SeqCst);
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new()
        .name("lifecycle-signals".into())
        .spawn(move || {
            let _ = RELAY.set(thread::current());
            let _ = ready.send(());
            relay();
        })?;
    let _ = is_ready.recv();
    for signal in [SIGTERM, SIGINT] {
        sys::signals::handle(signal, handler)?;
    }
    sys::signals::handle(SIGABRT, on_abort)?;
    if !sys::signals::is_ignored(SIGHUP) {
        sys::signals::handle(SIGHUP, handler)?;
    }
    Ok(())
}

/// Has signals reach this life from now on.
pub(crate) fn attach(life: UnboundedSender<Input>) {
    *LIFE.lock().unwrap_or_else(PoisonError::into_inner) = Some(life);
    // A second flag, since a handler must not lock.
    ATTACHED.store(true, SeqCst);
    // One that came before found no deadline to fix.
    if FIRST_AT.load(SeqCst) != 0 {
        watchdog::arm_for_signal();
    }
    if let Some(relay) = RELAY.get() {
        relay.unpark();
    }
}

/// Nothing has started: the default effect, so that a parent sees what it expects.
fn default_effect(signal: i32) -> ! {
    let _ = low_level::emulate_default_handler(signal);
    low_level::exit(128 + signal)
}

fn relay() {
    let mut first_sent = false;
    let mut forced_sent = false;
    let mut hangups_sent = 0;
    loop {
        // Loaded before the lock is taken: a signal that came after `attach` finds the life.
        let (first, hangups) = (FIRST.load(SeqCst), HANGUPS.load(SeqCst));
        let life = {
            let life = LIFE.lock().unwrap_or_else(PoisonError::into_inner);
            // Under the lock: a thread that attaches a life meanwhile waits for it until the process ends, and starts
            // nothing.
            if life.is_none() && first != 0 {
                default_effect(first);
            }
            if life.is_none() && hangups != 0 {
                default_effect(SIGHUP);
            }
            life.clone()
        };
        let send = |event| life.as_ref().is_some_and(|life| life.send(event).is_ok());
        if first != 0 && !first_sent {
            // It may have come before there was a limit.
            watchdog::arm_for_signal();
            first_sent = send(Input::Signal(first));
        }
        if let (Some(signal), false) = (watchdog::forced(), forced_sent) {
            forced_sent = send(Input::Forced(signal));
        }
        if hangups != hangups_sent {
            hangups_sent = hangups;
            // A terminal that hangs up takes its programs with it.
            send(if ON_TERMINAL.load(SeqCst) {
                Input::Signal(SIGHUP)
            } else {
                Input::Hangup
            });
        }
        thread::park();
    }
}

//! `exit` that user code calls, or a library of it: the emergency hooks run before the process ends, and the exit code says
//! that it did not stop gracefully.
//!
//! The handler runs on the thread that called `exit`. It begins the emergency layer, and waits until the life has ended and
//! its end is written. Then the thread goes on with what else was registered with `exit`, until the watchdog ends the
//! process.
//!
//! Handlers run in the reverse of the order in which they were registered. This one is registered before the first start,
//! and again when all components are up: it runs before the clean-up of C libraries that the components initialised, which
//! their emergency hooks may need.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use super::watchdog;
use crate::api::event::{EventKind, Observer};
use crate::error::escape::escape;
use crate::error::panic::caught;
use crate::life::input::Input;
use crate::life::instances::Instances;
use crate::scope::reason::Reason;
use crate::sys;

/// How long the end of a life that has ended is waited for, should the thread that writes it wait for this one.
const WRITTEN: Duration = Duration::from_millis(500);
/// How many threads may call `exit` at the same instant.
const AT_ONCE: usize = 8;
/// A bound for its own sake: the watchdog ends the process before.
const LONGEST: Duration = Duration::from_secs(3600);

enum State {
    /// Nothing is decided.
    Lives,
    /// The life has ended, with this exit code. Its end is being written.
    Ended(i32),
    /// A thread of user code has called `exit`.
    Exiting,
    /// The process ends with this code, on the thread that has called `exit` if there is one.
    Decided { code: i32, exiting: bool },
}

static STATE: Mutex<State> = Mutex::new(State::Lives);
static DECIDED: Condvar = Condvar::new();
static LIFE: OnceLock<(UnboundedSender<Input>, Arc<Instances>)> = OnceLock::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has calls of `exit` end this life. Before anything starts.
pub(super) fn attach(events: UnboundedSender<Input>, instances: Arc<Instances>) {
    let _ = LIFE.set((events, instances));
    register();
}

/// Each call of a handler takes it off the list, on whatever thread: there are some for threads that call `exit` at once.
fn register() {
    for _ in 0..AT_ONCE {
        sys::at_exit::register(on_exit);
    }
}

/// Has the handler run before those that are registered during the startup.
pub(super) fn registered_when_up(mut observer: Observer) -> Observer {
    Box::new(move |event| {
        if matches!(event.kind(), EventKind::Running { .. }) {
            register();
        }
        observer(event);
    })
}

/// The life has ended with this code: nothing is up any more.
pub(super) fn life_has_ended(code: i32) {
    let mut state = state();
    if let State::Lives = *state {
        *state = State::Ended(code);
    }
}

/// Whether user code has called `exit`.
pub(super) fn is_under_way() -> bool {
    matches!(*state(), State::Exiting)
}

/// Everything is written, and the process ends with this code. Returns whether the calling thread is to end it; otherwise a
/// thread that has called `exit` goes on with that.
pub(super) fn decide(code: i32) -> bool {
    let mut state = state();
    let exiting = match *state {
        State::Lives | State::Ended(_) => false,
        State::Exiting => true,
        State::Decided { exiting, .. } => return !exiting,
    };
    *state = State::Decided { code, exiting };
    drop(state);
    watchdog::set_over();
    DECIDED.notify_all();
    !exiting
}

/// A thread has called `exit`: user code, or the framework at the end.
fn on_exit(code: Option<i32>) {
    // A child inherits the handler, but has nothing to clean up.
    if sys::fork::is_child() {
        return;
    }
    let Some((events, instances)) = LIFE.get() else {
        return;
    };
    let mut state = state();
    let decided = match *state {
        // Nothing has come up: as if there were no life.
        State::Lives if !instances.has_begun() => return,
        State::Lives => {
            *state = State::Exiting;
            drop(state);
            // For the next thread.
            sys::at_exit::register(on_exit);
            end_life(code, events)
        }
        State::Ended(of_life) => {
            *state = State::Exiting;
            drop(state);
            sys::at_exit::register(on_exit);
            // Nothing is up, but what came of the life is still to be written.
            let of_life = wait(WRITTEN).unwrap_or(of_life);
            code.filter(|code| *code != 0).unwrap_or(of_life)
        }
        State::Exiting => {
            drop(state);
            sys::at_exit::register(on_exit);
            // Another thread was first, and ends the process.
            loop {
                thread::park();
            }
        }
        State::Decided { code: decided, .. } => {
            drop(state);
            // Where the code is not told, it is the one that was decided: the framework has called `exit`.
            if code.is_none_or(|code| code == decided) {
                return;
            }
            decided
        }
    };
    *self::state() = State::Decided {
        code: decided,
        exiting: true,
    };
    // A forced end waits for no further handlers, and an abort ends by its signal.
    if watchdog::forced().is_some() {
        watchdog::end(decided);
    }
    if code != Some(decided) {
        sys::at_exit::exit_with(decided);
    }
}

/// Ends the life by its emergency layer. Returns the exit code.
fn end_life(code: Option<i32>, events: &UnboundedSender<Input>) -> i32 {
    // First: what follows may block.
    watchdog::leave(code.filter(|code| *code != 0));
    let _ = events.send(Input::Exited(code));
    let call = Reason::Exited(code);
    // Some systems destroy the data of the thread before handlers run, its name included.
    let name = caught(|| thread::current().name().map(escape));
    let thread = match name {
        Ok(Some(name)) => format!("thread `{name}`"),
        _ => "a thread without a name".to_owned(),
    };
    let becomes = match code {
        Some(0) | None => ", and the exit code becomes 3",
        _ => "",
    };
    sys::stderr::write(&format!(
        "error: {call} by user code ({thread}) while components were up: only their emergency hooks run{becomes}. To stop \
         gracefully, call `Shutdown::request` or return from `main`\n"
    ));
    wait(LONGEST).unwrap_or(3)
}

/// Waits until everything is written, and returns the code; `None` if that takes longer.
fn wait(limit: Duration) -> Option<i32> {
    let undecided = |state: &mut State| !matches!(state, State::Decided { .. });
    let (state, _) = DECIDED
        .wait_timeout_while(state(), limit, undecided)
        .unwrap_or_else(PoisonError::into_inner);
    match *state {
        State::Decided { code, .. } => Some(code),
        _ => None,
    }
}

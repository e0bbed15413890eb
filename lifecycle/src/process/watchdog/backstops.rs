//! Timers of the kernel, in case the watchdog itself stands still: they begin the hooks just after the deadline, end the
//! process a little later, and last of all kill it, which no mask and no handler of user code prevents.

use std::time::{Duration, Instant};

use super::state;
use crate::life::emergency::EmergencyWindow;
use crate::sys::backstop::{Backstop, signals};
use crate::sys::signals::handle;

static BEGIN: Backstop = Backstop::new();
static EXIT: Backstop = Backstop::new();
static KILL: Backstop = Backstop::new();

/// How long after the deadline the first of them fires: the watchdog normally has ended the process by then.
const BEGIN_AFTER: Duration = Duration::from_millis(10);
/// How long after the end of the hooks the process is ended, and how long after that it is killed.
const EXIT_AFTER: Duration = Duration::from_millis(10);
const KILL_AFTER: Duration = Duration::from_millis(110);

/// Begins the hooks, and arms the other two only now: a process that was stopped (SIGSTOP) over its deadline still gets its
/// hooks.
fn on_begin(_: i32) {
    // This timer counts the time that the machine sleeps, and the clock does not: where they disagree by much, either way,
    // the machine slept or the process was stopped.
    let off = state::deadline().map_or(Duration::ZERO, |at| state::now().abs_diff(at));
    let mut time = if off > 5 * BEGIN_AFTER {
        state::window().when_late()
    } else {
        EmergencyWindow::MINIMUM
    };
    if let Some(emergency) = state::emergency() {
        emergency.begin(Instant::now() + time);
        // The driver or the watchdog may have begun them with more.
        time = time.max(emergency.remaining());
    }
    EXIT.arm(time + EXIT_AFTER);
    KILL.arm(time + KILL_AFTER);
}

fn on_exit(_: i32) {
    state::exit();
}

pub(super) fn install() -> std::io::Result<()> {
    let [begin, exit] = signals();
    handle(begin, on_begin)?;
    handle(exit, on_exit)?;
    BEGIN.make(begin)?;
    EXIT.make(exit)?;
    KILL.make(libc::SIGKILL)
}

/// Sets the first timer for a deadline that is `limit` away.
pub(super) fn arm(limit: Duration) {
    BEGIN.arm(limit + BEGIN_AFTER);
}

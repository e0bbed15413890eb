//! The watchdog: a thread that makes the deadline hold, whatever the runtime, the driver or user code do.
//!
//! Invariants:
//!
//! 1. Once it runs, it allocates nothing, locks nothing and opens nothing.
//! 2. The deadline is set once and never moved later.
//! 3. At the deadline less the reserve, or when a signal forces the end, the emergency hooks begin; at the deadline the
//!    process is gone. The driver normally is earlier: then this thread ends with the process.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use signal_hook::low_level;

use crate::life::emergency::Emergency;
use crate::life::{LATE, late};

/// How much before the deadline the process is ended at most: what the operating system takes for it where hundreds of
/// threads end, or others compute on every processor.
const MARGIN: Duration = Duration::from_millis(50);
/// How long a forced end may take to write its report after the emergency hooks.
const REPORT: Duration = Duration::from_millis(250);
const NEVER: u64 = u64::MAX;

#[cfg(target_os = "linux")]
mod backstops {
    //! Timers of the kernel, in case the watchdog itself stands still: they begin the hooks just after the deadline, end
    //! the process a little later, and last of all kill it, which no mask and no handler of user code prevents.

    use std::time::{Duration, Instant};

    use crate::sys::backstop::Backstop;
    use crate::sys::signals::handle;

    static BEGIN: Backstop = Backstop::new();
    static EXIT: Backstop = Backstop::new();
    static KILL: Backstop = Backstop::new();

    const BEGIN_AFTER: Duration = Duration::from_millis(10);

    /// Arms the other two only now: a process that was stopped (SIGSTOP) over its deadline still gets its hooks.
    fn on_begin(_: i32) {
        // Too early by the clock that stands still while the machine sleeps, which this timer does not: it slept.
        let over = super::deadline().map_or(Duration::ZERO, |at| super::now().abs_diff(at));
        let mut time = if over > 5 * BEGIN_AFTER {
            super::late(super::reserve())
        } else {
            super::LATE
        };
        if let Some(emergency) = super::EMERGENCY.get() {
            emergency.begin(Instant::now() + time);
            // Somebody may have begun them with more.
            time = time.max(emergency.left());
        }
        EXIT.arm(time + Duration::from_millis(10));
        KILL.arm(time + Duration::from_millis(110));
    }

    fn on_exit(_: i32) {
        super::exit();
    }

    pub(super) fn install() -> std::io::Result<()> {
        let [begin, exit] = crate::sys::backstop::signals();
        handle(begin, on_begin)?;
        handle(exit, on_exit)?;
        BEGIN.make(begin)?;
        EXIT.make(exit)?;
        KILL.make(libc::SIGKILL)
    }

    /// The deadline is so far away.
    pub(super) fn arm(deadline: Duration) {
        BEGIN.arm(deadline + BEGIN_AFTER);
    }
}

static CLOCK: OnceLock<Instant> = OnceLock::new();
static THREAD: OnceLock<Thread> = OnceLock::new();
static EMERGENCY: OnceLock<Emergency> = OnceLock::new();
static DEADLINE: AtomicU64 = AtomicU64::new(NEVER);
static RESERVE: AtomicU64 = AtomicU64::new(0);
static LIMIT: AtomicU64 = AtomicU64::new(NEVER);
static FORCED: AtomicI32 = AtomicI32::new(0);
static CODE: AtomicI32 = AtomicI32::new(3);

/// Starts the thread; it is ready when this returns. To be called before anything else.
pub(crate) fn install() -> std::io::Result<()> {
    // Before any thread is made: they all inherit the mask.
    crate::sys::signals::unblock();
    CLOCK.get_or_init(Instant::now);
    let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new()
        .name("lifecycle-watchdog".into())
        .spawn(move || {
            let _ = THREAD.set(thread::current());
            let _ = ready.send(());
            watch();
        })?;
    let _ = is_ready.recv();
    #[cfg(target_os = "linux")]
    backstops::install()?;
    Ok(())
}

/// Hands over the emergency hooks, the reserve that they have, and the time from a signal to the deadline.
pub(crate) fn attach(emergency: Emergency, reserve: Duration, limit: Duration) {
    RESERVE.store(nanos(reserve), SeqCst);
    LIMIT.store(nanos(limit), SeqCst);
    let _ = EMERGENCY.set(emergency);
}

/// Fixes the deadline, so long from now. Only the first call counts. Async-signal-safe.
pub(crate) fn arm(limit: Duration) {
    let at = nanos(now() + limit);
    if DEADLINE.compare_exchange(NEVER, at, SeqCst, SeqCst).is_ok() {
        #[cfg(target_os = "linux")]
        backstops::arm(limit);
        wake();
    }
}

/// Fixes the deadline because of a signal, without the driver, which may be stuck. Async-signal-safe.
pub(crate) fn arm_for_signal() {
    match LIMIT.load(SeqCst) {
        NEVER => {}
        limit => arm(Duration::from_nanos(limit)),
    }
}

/// Ends everything now: only the emergency layer is left.
pub(crate) fn expire() {
    let at = nanos(now() + reserve());
    DEADLINE.fetch_min(at, SeqCst);
    wake();
}

/// The exit code, should the watchdog have to end the process.
pub(crate) fn set_code(code: i32) {
    CODE.store(code, SeqCst);
}

/// The time to the deadline; `None` while none is fixed. Where that went by while the process was stopped, a part of what
/// there is for the hooks, for a last word: the end comes from here all the same.
pub(crate) fn left() -> Option<Duration> {
    let left = deadline()?.saturating_sub(now());
    let over = left.is_zero().then(|| late(reserve()) / 4);
    Some(over.unwrap_or(left))
}

/// Goes straight to the emergency layer because of a signal; false when one has done so before. Async-signal-safe.
pub(crate) fn force(signal: i32) -> bool {
    let first = FORCED.compare_exchange(0, signal, SeqCst, SeqCst).is_ok();
    if first {
        wake();
    }
    first
}

/// The signal that forces the end, once there is one.
pub(crate) fn forced() -> Option<i32> {
    Some(FORCED.load(SeqCst)).filter(|signal| *signal != 0)
}

/// Lets it look again. Async-signal-safe.
fn wake() {
    if let Some(thread) = THREAD.get() {
        thread.unpark();
    }
}

fn watch() {
    loop {
        if forced().is_some() {
            break;
        }
        match deadline() {
            None => thread::park(),
            Some(deadline) => {
                let left = deadline.saturating_sub(reserve()).saturating_sub(now());
                if left == Duration::ZERO {
                    break;
                }
                thread::park_timeout(left);
            }
        }
    }
    let reserve = reserve();
    let most = now() + reserve + REPORT;
    let end = deadline().map_or(most, |deadline| deadline.min(most));
    let end = end.saturating_sub(margin());
    // Woken late: the process was stopped, or the machine asleep. The hooks still get a moment.
    let was_stopped = deadline().is_some_and(|deadline| now() + reserve / 2 > deadline);
    let end = if was_stopped {
        end.max(now() + late(reserve))
    } else {
        end
    };
    if let (Some(emergency), Some(clock)) = (EMERGENCY.get(), CLOCK.get()) {
        let margin = (reserve / 10).min(Duration::from_millis(50));
        let until = end.min(now() + reserve.max(LATE)).saturating_sub(margin);
        if let Some(signal) = forced() {
            emergency.force(signal);
        }
        emergency.begin(*clock + until);
    }
    loop {
        let left = end.saturating_sub(now());
        if left == Duration::ZERO {
            exit();
        }
        thread::park_timeout(left);
    }
}

/// Ends the process there and then. Async-signal-safe.
fn exit() {
    low_level::exit(forced().map_or_else(|| CODE.load(SeqCst), |signal| 128 + signal));
}

fn now() -> Duration {
    CLOCK.get().map(Instant::elapsed).unwrap_or_default()
}

fn reserve() -> Duration {
    Duration::from_nanos(RESERVE.load(SeqCst))
}

/// A short deadline has little to give away, and a short reserve less.
fn margin() -> Duration {
    let limit = Duration::from_nanos(LIMIT.load(SeqCst));
    (limit / 20).clamp(MARGIN / 10, MARGIN).min(reserve() / 4)
}

fn deadline() -> Option<Duration> {
    Some(DEADLINE.load(SeqCst))
        .filter(|at| *at != NEVER)
        .map(Duration::from_nanos)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(NEVER - 1)
}

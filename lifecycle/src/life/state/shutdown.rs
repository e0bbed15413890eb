//! [`ShutdownState`]: why the app stops, until when, and which exit code that makes.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::escape::escape;
use crate::plan::limits::Limits;
use crate::scope::reason::Reason;

/// The first cause to stop.
pub(crate) struct Cause {
    pub(crate) reason: Reason,
    pub(crate) root: Option<String>,
    /// The configuration is wrong.
    pub(crate) config: bool,
    pub(crate) deadline: Instant,
}

pub(crate) struct ShutdownState {
    cause: Option<Cause>,
    /// The signal that forces the end.
    forced: Option<i32>,
    /// User code has called `exit`, with this code where it is known.
    exited: Option<Option<i32>>,
    app_failed: bool,
    /// Gets the time to the deadline when that is fixed.
    on_deadline: Box<dyn Fn(Duration) + Send>,
    /// Gets the exit code as soon as it is known, should the watchdog have to end the process.
    on_code: Box<dyn Fn(i32) + Send>,
}

impl ShutdownState {
    pub(crate) fn new(
        on_deadline: Box<dyn Fn(Duration) + Send>,
        on_code: Box<dyn Fn(i32) + Send>,
    ) -> Self {
        Self {
            cause: None,
            forced: None,
            exited: None,
            app_failed: false,
            on_deadline,
            on_code,
        }
    }

    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.cause.is_some()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.cause.as_ref().map(|cause| cause.deadline)
    }

    /// Fixes the cause, and with it the deadline: both only once, since components have been promised times that follow
    /// from it.
    pub(crate) fn begin(
        &mut self,
        reason: Reason,
        root: Option<&str>,
        config: bool,
        now: Instant,
        limit: Duration,
    ) -> Instant {
        let deadline = now + limit;
        (self.on_deadline)(limit);
        if config {
            (self.on_code)(2);
        }
        self.cause = Some(Cause {
            reason,
            root: root.map(escape),
            config,
            deadline,
        });
        deadline
    }

    /// The exit code will be 1, unless the configuration is what is wrong.
    pub(crate) fn app_has_failed(&mut self) {
        self.app_failed = true;
        if !self.cause.as_ref().is_some_and(|cause| cause.config) {
            (self.on_code)(1);
        }
    }

    pub(crate) fn forced(&self) -> Option<i32> {
        self.forced
    }

    /// Notes the signal that forces the end; false where another one has before.
    pub(crate) fn force(&mut self, signal: i32) -> bool {
        let first = self.forced.is_none();
        self.forced.get_or_insert(signal);
        first
    }

    /// User code has called `exit`.
    pub(crate) fn exit(&mut self, code: Option<i32>) {
        self.exited.get_or_insert(code);
    }

    pub(crate) fn has_exited(&self) -> bool {
        self.exited.is_some()
    }

    /// Whether the end is forced, by a signal or a call of `exit`.
    pub(crate) fn is_forced(&self) -> bool {
        self.forced.is_some() || self.exited.is_some()
    }

    /// The time before the emergency reserve.
    pub(crate) fn remaining(&self, limits: &Limits) -> Duration {
        self.deadline()
            .map_or(limits.shutdown, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            })
            .saturating_sub(limits.emergency)
    }

    /// The first of these that holds: forced by a signal, wrong configuration, the code of a call of `exit`, failed, unclean,
    /// clean.
    pub(crate) fn exit_code(&self, unclean: bool) -> i32 {
        let of_exit = self.exited.flatten().filter(|code| *code != 0);
        match (self.forced, of_exit) {
            (Some(signal), _) => 128 + signal,
            _ if self.cause.as_ref().is_some_and(|cause| cause.config) => 2,
            (None, Some(code)) => code,
            _ if self.app_failed => 1,
            _ if unclean || self.exited.is_some() => 3,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

    use super::*;

    fn state() -> (ShutdownState, Arc<AtomicI32>) {
        let code = Arc::new(AtomicI32::new(0));
        let set = Arc::clone(&code);
        let on_code = Box::new(move |code| set.store(code, Relaxed));
        (ShutdownState::new(Box::new(drop), on_code), code)
    }

    fn begin(state: &mut ShutdownState, config: bool) {
        let limit = Duration::from_secs(1);
        state.begin(Reason::Requested, None, config, Instant::now(), limit);
    }

    #[test]
    fn the_exit_code_says_the_worst_that_happened() {
        let (mut state, _) = state();
        begin(&mut state, false);
        assert_eq!(state.exit_code(false), 0);
        assert_eq!(state.exit_code(true), 3);
        state.app_has_failed();
        assert_eq!(state.exit_code(true), 1);
        assert!(state.force(2));
        assert!(!state.force(15));
        assert_eq!(state.exit_code(true), 130);
    }

    #[test]
    fn a_call_of_exit_keeps_its_code_unless_that_is_0() {
        for (called, expected) in [(Some(0), 3), (None, 3), (Some(7), 7)] {
            let (mut state, _) = state();
            state.exit(called);
            begin(&mut state, false);
            assert!(state.is_forced());
            assert_eq!(state.exit_code(false), expected);
            state.app_has_failed();
            assert_eq!(state.exit_code(true), if expected == 3 { 1 } else { 7 });
            state.force(15);
            assert_eq!(state.exit_code(true), 143);
        }
    }

    #[test]
    fn a_failure_does_not_hide_that_the_configuration_is_wrong() {
        let (mut state, code) = state();
        state.app_has_failed();
        assert_eq!(code.load(Relaxed), 1);
        begin(&mut state, true);
        assert_eq!(code.load(Relaxed), 2);
        state.app_has_failed();
        assert_eq!(code.load(Relaxed), 2);
        assert_eq!(state.exit_code(true), 2);
    }
}

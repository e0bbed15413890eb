//! [`Timers`]: what the driver waits for besides its inputs.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::time::Instant;

use super::input::Turn;
use crate::plan::component::Id;

/// What is due at an instant. A timer with a turn is ignored once the component is in a later one, so that none has to be
/// taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The time of a component's present phase.
    Abort {
        id: Id,
        turn: Turn,
    },
    /// The 100 ms of a worker's first poll.
    FirstPoll {
        id: Id,
        turn: Turn,
    },
    /// A retry, restart or periodic run.
    Due {
        id: Id,
        turn: Turn,
    },
    /// The time of a reload. Its turn is the reload's, not the component's.
    Reload {
        id: Id,
        turn: Turn,
    },
    Startup,
    Drain,
    /// The next report of what the drain still waits for.
    PendingWork,
    /// Nothing by itself: a loop looks at the clock after each step.
    Wake,
    EmergencyOver,
}

/// The timers that are set, earliest first; of equal instants the one that was set first, so that a life under paused time
/// can be repeated.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    count: u64,
}

impl Timers {
    pub(super) fn set(&mut self, at: Instant, timer: Timer) {
        self.count += 1;
        self.heap.push(Reverse((at, self.count, timer)));
    }

    /// When the first one is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    pub(super) fn pop(&mut self) -> Option<Timer> {
        self.heap.pop().map(|Reverse((.., timer))| timer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_earliest_timer_comes_first_and_equal_instants_keep_their_order() {
        let now = Instant::now();
        let mut timers = Timers::default();
        timers.set(now + Duration::from_secs(1), Timer::Startup);
        timers.set(now, Timer::Wake);
        timers.set(now, Timer::Drain);
        assert_eq!(timers.next_at(), Some(now));
        let popped: Vec<Timer> = std::iter::from_fn(|| timers.pop()).collect();
        assert_eq!(popped, [Timer::Wake, Timer::Drain, Timer::Startup]);
        assert_eq!(timers.next_at(), None);
    }
}

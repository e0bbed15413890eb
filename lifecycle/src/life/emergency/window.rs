//! [`EmergencyWindow`]: how much time the emergency hooks have. Pure arithmetic on durations, so that a signal handler may
//! ask, too.
//!
//! The driver, the watchdog's thread and the timers of the kernel each may be the one that begins the hooks. They share
//! this rule, so that which of them is first makes no difference.

use std::time::Duration;

/// What the hooks always have, however late they begin.
const MINIMUM: Duration = Duration::from_millis(100);
/// What they have at most when they begin late: a process that was stopped for an hour does not take another long reserve.
const MOST_WHEN_LATE: Duration = Duration::from_secs(1);
/// What is kept of the window at most, to write down how the hooks ended.
const MOST_MARGIN: Duration = Duration::from_millis(50);

/// The time between the end of the graceful stop and the end of the process, which is reserved for emergency hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EmergencyWindow {
    reserve: Duration,
}

impl EmergencyWindow {
    pub(crate) const MINIMUM: Duration = MINIMUM;

    pub(crate) const fn new(reserve: Duration) -> Self {
        Self { reserve }
    }

    /// Whether more than half of the reserve went by before the hooks began: the process was stopped, or the machine
    /// asleep. `remaining` is the time until the deadline, `None` where that has passed.
    pub(crate) fn is_late(self, remaining: Option<Duration>) -> bool {
        remaining.is_none_or(|remaining| remaining < self.reserve / 2)
    }

    /// What the hooks get when they begin late: the reserve, within bounds.
    pub(crate) fn when_late(self) -> Duration {
        self.reserve.clamp(MINIMUM, MOST_WHEN_LATE)
    }

    /// What is kept of the window, to write down how the hooks ended.
    pub(crate) fn margin(self) -> Duration {
        (self.reserve / 10).min(MOST_MARGIN)
    }

    /// How long the hooks may take when `remaining` is the time until the deadline. Without a reserve that is nothing.
    pub(crate) fn for_hooks(self, remaining: Duration) -> Duration {
        let within = remaining.min(self.reserve);
        let granted = if self.is_late(Some(within)) {
            self.when_late()
        } else {
            within
        };
        granted.saturating_sub(self.margin())
    }

    /// When a process that is to end at `planned` does so. Where the hooks begin late, they still get their moment first.
    pub(crate) fn end_of_process(
        self,
        now: Duration,
        deadline: Option<Duration>,
        planned: Duration,
    ) -> Duration {
        if deadline.is_some_and(|deadline| self.is_late(deadline.checked_sub(now))) {
            planned.max(now + self.when_late())
        } else {
            planned
        }
    }

    /// Until when the hooks may take in a process that ends at `end`.
    pub(crate) fn end_of_hooks(self, now: Duration, end: Duration) -> Duration {
        end.min(now + self.reserve.max(MINIMUM))
            .saturating_sub(self.margin())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn hooks_that_begin_in_time_have_the_reserve_less_the_margin() {
        let window = EmergencyWindow::new(2 * SECOND);
        assert_eq!(window.margin(), millis(50));
        assert_eq!(window.for_hooks(2 * SECOND), millis(1_950));
        assert_eq!(window.for_hooks(60 * SECOND), millis(1_950));
        assert_eq!(window.for_hooks(SECOND), millis(950));
    }

    #[test]
    fn hooks_that_begin_late_have_a_moment_that_depends_on_the_reserve_alone() {
        for (reserve, granted) in [
            (10 * SECOND, millis(950)),
            (millis(500), millis(450)),
            (millis(60), millis(94)),
        ] {
            let window = EmergencyWindow::new(reserve);
            assert_eq!(window.for_hooks(Duration::ZERO), granted, "{reserve:?}");
            let late = reserve / 2 - millis(1);
            assert_eq!(window.for_hooks(late), granted, "{reserve:?}");
        }
    }

    #[test]
    fn half_of_the_reserve_is_in_time_and_less_is_late() {
        let window = EmergencyWindow::new(SECOND);
        assert!(!window.is_late(Some(millis(500))));
        assert!(window.is_late(Some(millis(499))));
        assert!(window.is_late(None));
    }

    #[test]
    fn without_a_reserve_the_driver_grants_nothing_and_the_watchdog_a_moment_after_the_deadline() {
        let window = EmergencyWindow::new(Duration::ZERO);
        assert_eq!(window.for_hooks(SECOND), Duration::ZERO);
        assert_eq!(window.for_hooks(Duration::ZERO), Duration::ZERO);
        let end = |now| window.end_of_process(now, Some(SECOND), SECOND);
        assert_eq!(end(SECOND), SECOND);
        let now = SECOND + millis(1);
        assert_eq!(end(now), now + MINIMUM);
    }

    #[test]
    fn a_process_that_was_stopped_over_its_deadline_ends_when_its_hooks_had_their_moment() {
        let window = EmergencyWindow::new(2 * SECOND);
        let (deadline, now) = (20 * SECOND, 90 * SECOND);
        let end = window.end_of_process(now, Some(deadline), deadline);
        assert_eq!(end, now + SECOND);
        assert_eq!(window.end_of_hooks(now, end), now + millis(950));
    }

    #[test]
    fn a_process_without_a_deadline_ends_as_planned() {
        let window = EmergencyWindow::new(2 * SECOND);
        assert_eq!(window.end_of_process(SECOND, None, 3 * SECOND), 3 * SECOND);
    }

    fn duration() -> impl Strategy<Value = Duration> {
        prop_oneof![
            Just(0),
            0..1_000_u64,
            0..100_000_000_u64,
            0..100_000_000_000_u64
        ]
        .prop_map(Duration::from_nanos)
    }

    proptest! {
        /// The process must not end before the time that the driver has granted.
        #[test]
        fn the_watchdog_grants_at_least_what_the_driver_does(
            reserve in duration(),
            now in duration(),
            remaining in duration(),
        ) {
            let window = EmergencyWindow::new(reserve);
            let deadline = now + remaining;
            let end = window.end_of_process(now, Some(deadline), deadline);
            let granted = window.end_of_hooks(now, end).saturating_sub(now);
            let by_driver = window.for_hooks(remaining);
            prop_assert!(granted >= by_driver);
            // Only the driver shortens a longer reserve when the hooks begin late.
            if (MINIMUM..=2 * MOST_WHEN_LATE).contains(&reserve) {
                prop_assert_eq!(granted, by_driver);
            }
        }

        #[test]
        fn hooks_end_before_the_process_and_are_granted_at_most_their_reserve_or_the_minimum(
            reserve in duration(),
            now in duration(),
            deadline in duration(),
            planned in duration(),
        ) {
            let window = EmergencyWindow::new(reserve);
            let end = window.end_of_process(now, Some(deadline), planned);
            prop_assert!(end >= planned);
            prop_assert!(window.end_of_hooks(now, end) <= end);
            let remaining = deadline.saturating_sub(now);
            prop_assert!(window.for_hooks(remaining) <= reserve.max(MINIMUM));
        }

        #[test]
        fn a_late_begin_still_grants_at_least_the_minimum_less_the_margin(
            reserve in duration(),
            remaining in duration(),
        ) {
            prop_assume!(!reserve.is_zero());
            let window = EmergencyWindow::new(reserve);
            if window.is_late(Some(remaining)) {
                let granted = window.for_hooks(remaining);
                prop_assert!(granted >= MINIMUM - window.margin().min(MINIMUM));
            }
        }
    }
}

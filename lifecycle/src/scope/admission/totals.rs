//! How much was admitted and refused since the app began, by the name of its scope, as metrics show it.
//!
//! Half a counter overflows after 2^32 admissions. Therefore the last value of each is kept, and what it has gained since
//! is added to a total. The total is right if it is read at least every 20 s: no machine admits 2^31 units in less.

use std::sync::Arc;

use super::counters::{Counters, SHARDS};

/// The work of the scopes of one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "only metrics show it")
)]
pub(crate) struct Work {
    pub(crate) in_flight: u64,
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
}

/// Counters in use.
pub(super) struct Used {
    pub(super) name: Arc<str>,
    pub(super) counters: &'static Counters,
    /// The upper half of each counter when it was read last.
    seen: [u32; SHARDS],
    admitted: u64,
    /// Refused by the scopes that used these counters before.
    refused_before: u64,
}

impl Used {
    pub(super) fn new(name: Arc<str>, counters: &'static Counters) -> Self {
        Self {
            name,
            counters,
            seen: std::array::from_fn(|shard| counters.shards()[shard].halves().1),
            admitted: 0,
            refused_before: counters.refused(),
        }
    }

    /// What they have counted since they are in use.
    pub(super) fn work(&mut self) -> Work {
        for (shard, seen) in self.counters.shards().iter().zip(&mut self.seen) {
            let (_, now) = shard.halves();
            let gained = now.wrapping_sub(*seen);
            // A large difference is a negative one: refused units have been subtracted since. Read it again next time.
            if gained <= u32::MAX / 2 {
                self.admitted += u64::from(gained);
                *seen = now;
            }
        }
        Work {
            in_flight: self.counters.sum(),
            admitted: self.admitted,
            refused: self.counters.refused() - self.refused_before,
        }
    }
}

impl Work {
    pub(super) fn add(&mut self, other: Self) {
        self.in_flight += other.in_flight;
        self.admitted += other.admitted;
        self.refused += other.refused;
    }
}

#[cfg(all(test, not(lifecycle_loom)))]
mod tests {
    use super::*;
    use crate::scope::admission::Admission;

    #[track_caller]
    fn expect_work(admission: &Admission, expected: &[(&str, Work)]) {
        let expected = expected
            .iter()
            .map(|(name, work)| (Arc::from(*name), *work));
        assert_eq!(admission.work(), expected.collect());
    }

    fn work(in_flight: u64, admitted: u64, refused: u64) -> Work {
        Work {
            in_flight,
            admitted,
            refused,
        }
    }

    #[test]
    fn admitted_and_refused_units_are_counted_and_clones_are_neither() {
        let admission = Admission::new(|| ());
        let counters = admission.counters(&"serve".into());
        let first = counters.admit().expect("it is open");
        drop(counters.admit());
        let clone = first.clone();
        expect_work(&admission, &[("serve", work(2, 2, 0))]);
        admission.close();
        assert!(counters.admit().is_err());
        drop(first);
        expect_work(&admission, &[("serve", work(1, 2, 1))]);
        drop(clone);
        expect_work(&admission, &[("serve", work(0, 2, 1))]);
    }

    #[test]
    fn a_name_keeps_its_totals_when_its_scope_is_created_again() {
        let admission = Admission::new(|| ());
        for _ in 0..3 {
            let counters = admission.counters(&"serve".into());
            drop(counters.admit());
            admission.retire(counters);
        }
        let other = admission.counters(&"other".into());
        drop(other.admit());
        expect_work(
            &admission,
            &[("serve", work(0, 3, 0)), ("other", work(0, 1, 0))],
        );
    }

    #[test]
    fn units_of_another_app_are_not_counted() {
        let first = Admission::new(|| ());
        drop(first.counters(&"serve".into()).admit());
        first.close();
        assert!(first.counters(&"serve".into()).admit().is_err());
        drop(first);
        let second = Admission::new(|| ());
        let counters = second.counters(&"serve".into());
        expect_work(&second, &[("serve", Work::default())]);
        drop(counters.admit());
        expect_work(&second, &[("serve", work(0, 1, 0))]);
    }

    #[test]
    fn a_counter_that_overflows_goes_on() {
        let admission = Admission::new(|| ());
        let counters = admission.counters(&"serve".into());
        let mut sum = 0;
        for _ in 0..4 {
            counters.shards()[1].pretend(u32::MAX / 2);
            sum += u64::from(u32::MAX / 2);
            expect_work(&admission, &[("serve", work(0, sum, 0))]);
        }
        let unit = counters.admit().expect("it is open");
        assert_eq!(admission.close(), 1);
        drop(unit);
        assert_eq!(admission.in_flight(), 0);
    }
}

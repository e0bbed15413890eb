//! What is made of a machine's lateness hides no failure on one that was on time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use lifecycle_tests::harness::End;
use lifecycle_tests::harness::canary::{Lateness, unless_late_by};

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn late(stalls: &[(u64, u64)]) -> Lateness {
    let stalls = stalls.iter().map(|(from, to)| (ms(*from), ms(*to)));
    Lateness::of(stalls.collect())
}

/// A program that was gone at that instant, on such a machine.
fn gone(at: u64, late: Lateness) -> End {
    End {
        arguments: Vec::new(),
        code: Some(0),
        signal: None,
        at: ms(at),
        took: ms(at),
        late,
        evidence: Vec::new(),
        stderr: String::new(),
        stdout: String::new(),
    }
}

fn fails<T>(case: impl FnOnce() -> T) -> bool {
    catch_unwind(AssertUnwindSafe(case)).is_err()
}

#[test]
fn lateness_counts_once_where_it_was_on_any_processor_and_only_within_the_time_asked_for() {
    let late = late(&[(100, 150), (120, 180), (500, 520), (510, 515), (900, 1500)]);
    assert_eq!(late.between(ms(0), ms(600)), ms(100));
    assert_eq!(late.between(ms(140), ms(510)), ms(50));
    assert_eq!(late.between(ms(200), ms(400)), ms(0));
    assert_eq!(late.between(ms(600), ms(100)), ms(0));
    assert_eq!(late.total(), ms(700));
    // No more than all of it.
    assert_eq!(late.worst(), ms(200));
    assert_eq!(Lateness::default().worst(), ms(0));
}

#[test]
fn an_upper_bound_moves_only_for_what_the_machine_was_late_by_meanwhile() {
    let took = |late: Lateness, millis: std::ops::Range<u64>| {
        let end = gone(2000, late);
        fails(|| end.expect_took("it", ms(1000), ms(1600), millis))
    };
    // In time, too late, too early.
    assert!(!took(late(&[]), 500..700));
    assert!(took(late(&[]), 500..600));
    assert!(took(late(&[]), 700..900));
    // 100 ms meanwhile, and before and after.
    assert!(!took(late(&[(1200, 1300)]), 300..401));
    assert!(took(late(&[(1200, 1300)]), 300..400));
    assert!(took(late(&[(0, 1000), (1600, 2000)]), 500..600));
    // A machine that is late makes nothing early.
    assert!(took(late(&[(1200, 1500)]), 700..900));

    let gone_late = |late| {
        let end = gone(2000, late);
        fails(|| end.expect_gone(ms(1000), ms(800)))
    };
    assert!(gone_late(late(&[])));
    assert!(gone_late(late(&[(0, 900)])));
    assert!(!gone_late(late(&[(1000, 1050)])));
}

/// How often a case is lived that fails, and at last does not, on a machine that is late by so much; whether it fails.
fn lived(late: Duration, fails_times: usize) -> (usize, bool) {
    let mut lives = 0;
    let case = || {
        lives += 1;
        assert!(lives > fails_times, "it fails");
    };
    let failed = fails(|| unless_late_by(|_| late, case));
    (lives, failed)
}

#[test]
fn a_case_is_lived_again_only_where_the_machine_was_late_and_not_for_ever() {
    assert_eq!(lived(ms(0), 0), (1, false));
    assert_eq!(lived(ms(0), 1), (1, true));
    assert_eq!(lived(ms(30), 1), (1, true));
    assert_eq!(lived(ms(100), 0), (1, false));
    assert_eq!(lived(ms(100), 1), (2, false));
    assert_eq!(lived(ms(100), 2), (3, false));
    assert_eq!(lived(ms(100), 9), (3, true));
}

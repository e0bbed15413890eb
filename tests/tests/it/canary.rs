//! Handling the lateness of a machine hides no failure on a machine that is on time.

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

/// The end of a program that was gone at that instant, on such a machine.
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
fn lateness_of_all_processors_is_merged_and_limited_to_the_interval() {
    let late = late(&[(100, 150), (120, 180), (500, 520), (510, 515), (900, 1500)]);
    assert_eq!(late.between(ms(0), ms(600)), ms(100));
    assert_eq!(late.between(ms(140), ms(510)), ms(50));
    assert_eq!(late.between(ms(200), ms(400)), ms(0));
    assert_eq!(late.between(ms(600), ms(100)), ms(0));
    assert_eq!(late.total(), ms(700));
    // At most the whole window.
    assert_eq!(late.worst(), ms(200));
    assert_eq!(Lateness::default().worst(), ms(0));
}

#[test]
fn an_upper_bound_moves_only_by_the_lateness_in_its_interval() {
    let took = |late: Lateness, millis: std::ops::Range<u64>| {
        let end = gone(2000, late);
        fails(|| end.expect_took("it", ms(1000), ms(1600), millis))
    };
    // In time, too late, too early.
    assert!(!took(late(&[]), 500..700));
    assert!(took(late(&[]), 500..600));
    assert!(took(late(&[]), 700..900));
    // 100 ms of lateness within the interval, and lateness outside of it.
    assert!(!took(late(&[(1200, 1300)]), 300..401));
    assert!(took(late(&[(1200, 1300)]), 300..400));
    assert!(took(late(&[(0, 1000), (1600, 2000)]), 500..600));
    // Lateness does not move lower bounds.
    assert!(took(late(&[(1200, 1500)]), 700..900));

    let gone_late = |late| {
        let end = gone(2000, late);
        fails(|| end.expect_gone(ms(1000), ms(800)))
    };
    assert!(gone_late(late(&[])));
    assert!(gone_late(late(&[(0, 900)])));
    assert!(!gone_late(late(&[(1000, 1050)])));
}

/// Runs a case that fails a number of times on a machine with that lateness. Returns how often it ran, and whether it
/// failed.
fn attempts(late: Duration, fails_times: usize) -> (usize, bool) {
    let mut runs = 0;
    let case = || {
        runs += 1;
        assert!(runs > fails_times, "it fails");
    };
    let failed = fails(|| unless_late_by(|_| late, case));
    (runs, failed)
}

#[test]
fn a_case_is_repeated_only_on_a_late_machine_and_not_forever() {
    assert_eq!(attempts(ms(0), 0), (1, false));
    assert_eq!(attempts(ms(0), 1), (1, true));
    assert_eq!(attempts(ms(30), 1), (1, true));
    assert_eq!(attempts(ms(100), 0), (1, false));
    assert_eq!(attempts(ms(100), 1), (2, false));
    assert_eq!(attempts(ms(100), 2), (3, false));
    assert_eq!(attempts(ms(100), 9), (3, true));
}

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use super::*;

#[track_caller]
fn poll(future: &mut std::pin::Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

#[track_caller]
fn borrow(leases: &Leases) -> Lease<&'static str> {
    leases.lend("connection")
}

#[tokio::test(start_paused = true)]
async fn each_lease_knows_where_it_was_taken_and_since_when() {
    let leases = Leases::new();
    let first = (borrow(&leases), line!());
    tokio::time::advance(Duration::from_secs(2)).await;
    let second = (borrow(&leases), line!());
    tokio::time::advance(Duration::from_secs(1)).await;

    let out = leases.outstanding();
    let lines: Vec<u32> = out.iter().map(|lease| lease.place().line()).collect();
    let ages: Vec<u64> = out.iter().map(|lease| lease.age().as_secs()).collect();
    assert_eq!(lines, [first.1, second.1]);
    assert_eq!(ages, [3, 1]);
    assert_eq!(
        out[0].to_string(),
        format!("{}:{} for 3s", file!(), first.1)
    );
    drop(first);
    assert_eq!(leases.outstanding(), out[1..]);
}

#[test]
fn a_lease_stands_for_its_value_and_gives_back_what_is_kept() {
    let leases = Leases::new();
    let mut lease = leases.lend(String::from("a"));
    lease.push('b');
    assert_eq!(lease.len(), 2);
    assert_eq!(leases.clone().count(), 1);
    assert_eq!(Lease::into_inner(lease), "ab");
    assert_eq!(leases.count(), 0);
}

#[test]
fn a_forgotten_lease_stays_out() {
    let leases = Leases::new();
    std::mem::forget(leases.lend(()));
    assert_eq!(leases.count(), 1);
}

/// Notes how many leases are out while it is dropped.
struct Looks<'a>(&'a Leases, &'a AtomicUsize);

impl Drop for Looks<'_> {
    fn drop(&mut self) {
        self.1.store(self.0.count(), Ordering::Relaxed);
        if self.0.count() == 2 {
            panic!("its destructor panics");
        }
    }
}

#[test]
fn a_value_is_dropped_before_its_lease_is_given_back_also_when_it_panics() {
    let leases = Leases::new();
    let seen = AtomicUsize::new(0);
    drop(leases.lend(Looks(&leases, &seen)));
    assert_eq!((seen.load(Ordering::Relaxed), leases.count()), (1, 0));

    let other = leases.lend(());
    let lease = leases.lend(Looks(&leases, &seen));
    catch_unwind(AssertUnwindSafe(|| drop(lease))).expect_err("it panics");
    assert_eq!((seen.load(Ordering::Relaxed), leases.count()), (2, 1));
    drop(other);
    assert_eq!(leases.count(), 0);
}

#[test]
fn returned_waits_for_the_last_one_and_loses_nothing_when_cancelled() {
    let leases = Leases::new();
    assert!(poll(&mut pin!(leases.returned())).is_ready());

    let (a, b) = (leases.lend(()), leases.lend(()));
    let mut waits = pin!(leases.returned());
    assert!(poll(&mut waits).is_pending());
    drop(a);
    assert!(poll(&mut waits).is_pending());
    {
        let mut cancelled = pin!(leases.returned());
        assert!(poll(&mut cancelled).is_pending());
    }
    drop(b);
    assert!(poll(&mut waits).is_ready());
    assert!(poll(&mut pin!(leases.returned())).is_ready());
}

#[test]
fn returned_does_not_end_while_another_lease_has_been_taken() {
    let leases = Leases::new();
    let first = leases.lend(());
    let mut waits = pin!(leases.returned());
    assert!(poll(&mut waits).is_pending());
    drop(first);
    let second = leases.lend(());
    assert!(poll(&mut waits).is_pending());
    drop(second);
    assert!(poll(&mut waits).is_ready());
}

#[tokio::test]
async fn a_return_on_another_thread_is_heard() {
    let leases = Leases::new();
    for _ in 0..200 {
        let lease = leases.lend(());
        let gives_back = thread::spawn(move || drop(lease));
        tokio::time::timeout(Duration::from_secs(30), leases.returned())
            .await
            .expect("the return is heard");
        gives_back.join().expect("it does not panic");
    }
}

#[test]
fn an_in_use_that_asks_for_a_count_tells_the_leases_behind_it() {
    let (mine, other) = (Leases::new(), Leases::new());
    let _out: Vec<_> = (0..20).map(|_| mine.lend(())).collect();
    let _other = other.lend(());

    let (count, oldest) = ask(|| mine.count());
    assert_eq!((count, oldest.len()), (20, NAMED));
    // Asked twice, told once; and no more than what it says is out.
    let (count, oldest) = ask(|| mine.count().min(other.count() + other.count()));
    assert_eq!((count, oldest.len()), (2, 2));
    assert_eq!(ask(|| other.count() * 3).1.len(), 1);
    // By other means.
    assert_eq!(ask(|| 7), (7, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn of_all_that_an_in_use_asks_the_oldest_come_first() {
    let (mine, other) = (Leases::new(), Leases::new());
    let mut out = Vec::new();
    for leases in [&other, &mine, &other, &mine] {
        out.push(leases.lend(()));
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let (_, oldest) = ask(|| mine.count() + other.count());
    let ages: Vec<u64> = oldest.iter().map(|lease| lease.age().as_secs()).collect();
    assert_eq!(ages, [4, 3, 2, 1]);
}

#[test]
fn an_in_use_that_panics_leaves_nothing_behind() {
    let leases = Leases::new();
    let _out = leases.lend(());
    let asked = || ask(|| panic!("after {}", leases.count()));
    catch_unwind(AssertUnwindSafe(asked)).expect_err("it panics");
    assert_eq!(leases.count(), 1);
    assert!(ASKED.take().is_none());
}

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
async fn a_lease_knows_where_and_when_it_was_acquired() {
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
fn a_lease_dereferences_to_its_value_and_ends_when_it_is_taken_out() {
    let leases = Leases::new();
    let mut lease = leases.lend(String::from("a"));
    lease.push('b');
    assert_eq!(lease.len(), 2);
    assert_eq!(leases.clone().count(), 1);
    assert_eq!(Lease::into_inner(lease), "ab");
    assert_eq!(leases.count(), 0);
}

#[test]
fn a_forgotten_lease_stays_outstanding() {
    let leases = Leases::new();
    std::mem::forget(leases.lend(()));
    assert_eq!(leases.count(), 1);
}

/// Records how many leases are outstanding while it is dropped.
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
fn a_value_is_dropped_before_its_lease_ends_even_if_it_panics() {
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
fn returned_waits_for_the_last_lease_and_is_cancel_safe() {
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
fn returned_goes_on_while_a_new_lease_is_outstanding() {
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
async fn a_return_on_another_thread_wakes_the_waiter() {
    let leases = Leases::new();
    for _ in 0..200 {
        let lease = leases.lend(());
        let returning = thread::spawn(move || drop(lease));
        tokio::time::timeout(Duration::from_secs(30), leases.returned())
            .await
            .expect("the return wakes it");
        returning.join().expect("it does not panic");
    }
}

#[test]
fn an_in_use_that_calls_count_reveals_its_leases() {
    let (mine, other) = (Leases::new(), Leases::new());
    let _out: Vec<_> = (0..20).map(|_| mine.lend(())).collect();
    let _other = other.lend(());

    let (count, oldest) = ask(|| mine.count());
    assert_eq!((count, oldest.len()), (20, NAMED));
    // Counted twice, listed once; and no more than what it returns.
    let (count, oldest) = ask(|| mine.count().min(other.count() + other.count()));
    assert_eq!((count, oldest.len()), (2, 2));
    assert_eq!(ask(|| other.count() * 3).1.len(), 1);
    // A number that is not a count of leases.
    assert_eq!(ask(|| 7), (7, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_leases_of_all_counted_ones_come_first() {
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
fn an_in_use_that_panics_is_not_recorded_any_more() {
    let leases = Leases::new();
    let _out = leases.lend(());
    let counted = || ask(|| panic!("after {}", leases.count()));
    catch_unwind(AssertUnwindSafe(counted)).expect_err("it panics");
    assert_eq!(leases.count(), 1);
    assert!(COUNTED.take().is_none());
}

//! The user's observers: each is called on a thread of its own, which a bounded queue feeds.
//!
//! Invariants:
//!
//! 1. The driver only appends to queues. Their locks are held for a push or a pop, never while an observer runs.
//! 2. A queue holds [`MOST`] events at most. Beyond that the oldest ones are dropped and counted, and the observer gets
//!    the count in their place, so that a queue is always in order and never silently incomplete.
//! 3. A panic ends the observer that it came from, and nothing else.
//! 4. The end waits for an observer only while that takes events, and no longer than it is given.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::api::event::{Event, EventKind, UserObserver};
use crate::error::escape::escape;
use crate::error::panic::caught;
use crate::sys::fork::refuse_daemon;

/// Most events that wait for one observer.
const MOST: usize = 65_536;

/// An observer that has not returned from a call for this long is not waited for at the end.
const PATIENCE: Duration = Duration::from_secs(1);

/// The threads of the observers. Dropping it lets them end, each when its queue is empty, and waits for none.
pub(crate) struct Observers(Vec<Arc<Queue>>);

/// The events that wait for one observer.
#[derive(Default)]
struct Queue {
    state: Mutex<QueueState>,
    /// There is an event, or there will be none any more.
    news: Condvar,
    /// The observer has returned from a call, or its thread ends.
    progress: Condvar,
}

#[derive(Default)]
struct QueueState {
    events: VecDeque<Event>,
    /// How many events were dropped since the last one was taken, and the instant of the last of them.
    missed: Option<(u64, Instant)>,
    /// How many calls have returned.
    returned: u64,
    /// No events follow.
    is_closed: bool,
    /// The observer has been dropped.
    is_gone: bool,
}

impl Observers {
    /// Starts a thread for each observer. A panic is passed to `warn` as a message, once, on that thread.
    pub(crate) fn start(
        observers: Vec<UserObserver>,
        warn: &(impl Fn(String) + Clone + Send + 'static),
    ) -> std::io::Result<Self> {
        // Those that have a thread end with it, where a later one cannot be made.
        let mut started = Self(Vec::with_capacity(observers.len()));
        for observer in observers {
            let queue = Arc::<Queue>::default();
            let (of_thread, warn) = (Arc::clone(&queue), warn.clone());
            thread::Builder::new()
                .name("lifecycle-observer".into())
                .spawn(move || of_thread.deliver(observer, warn))?;
            started.0.push(queue);
        }
        Ok(started)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns what passes each event on to all observers.
    pub(crate) fn feed(&self) -> impl FnMut(&Event) + Send + use<> {
        let queues = self.0.clone();
        move |event| queues.iter().for_each(|queue| queue.push(event.clone()))
    }

    /// Passes on the last event. The events that wait are still delivered.
    pub(crate) fn finish(self, exit_code: i32) -> LastEvents {
        self.feed()(&Event::ended(exit_code));
        let known = |queue: &Arc<Queue>| (Arc::clone(queue), queue.lock().returned);
        LastEvents {
            since: Instant::now(),
            queues: self.0.iter().map(known).collect(),
        }
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.0.iter().for_each(|queue| queue.close());
    }
}

/// The last events are being delivered.
#[must_use = "the process must not end before"]
pub(crate) struct LastEvents {
    since: Instant,
    /// With the number of calls that had returned by then.
    queues: Vec<(Arc<Queue>, u64)>,
}

impl LastEvents {
    /// Waits until all observers have been called with all events, and dropped: for `remaining` at most, and for none
    /// that is stuck in a call.
    pub(crate) fn wait(self, remaining: Duration) {
        let until = Instant::now() + remaining;
        for (queue, returned) in self.queues {
            queue.wait(returned, self.since, until);
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, event: Event) {
        let mut state = self.lock();
        if state.is_gone {
            return;
        }
        if state.events.len() == MOST
            && let Some(oldest) = state.events.pop_front()
        {
            let missed = state.missed.map_or(0, |(missed, _)| missed);
            state.missed = Some((missed + 1, oldest.at()));
        }
        state.events.push_back(event);
        drop(state);
        self.news.notify_one();
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.news.notify_one();
    }

    /// Waits for the next event; `None` after the last one.
    fn next(&self) -> Option<Event> {
        let mut state = self.lock();
        loop {
            if let Some((missed, at)) = state.missed.take() {
                return Some(Event::new(at, EventKind::Lagged { missed }));
            }
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            if state.is_closed {
                return None;
            }
            let woken = self.news.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Calls the observer with each event, and drops it after the last one, or after a panic.
    fn deliver(&self, mut observer: UserObserver, warn: impl Fn(String)) {
        while let Some(event) = self.next() {
            let called = caught(|| observer(&event));
            refuse_daemon(|| "an observer".to_owned());
            if let Err(panic) = called {
                let panic = escape(&panic);
                // A subscriber of the log is user code as well.
                let _ = caught(|| {
                    warn(format!(
                        "an observer panicked and is not called any more: {panic}"
                    ));
                });
                break;
            }
            self.lock().returned += 1;
            self.progress.notify_all();
        }
        // Its destructor is user code, too.
        let _ = caught(|| drop(observer));
        let mut state = self.lock();
        state.is_gone = true;
        let waiting = std::mem::take(&mut state.events);
        drop(state);
        drop(waiting);
        self.progress.notify_all();
    }

    /// Waits until the observer has been dropped: until this instant at most, and only while it returns from calls.
    fn wait(&self, mut returned: u64, mut since: Instant, until: Instant) {
        let mut state = self.lock();
        while !state.is_gone {
            let now = Instant::now();
            if state.returned != returned {
                (returned, since) = (state.returned, now);
            }
            let time = until.min(since + PATIENCE).saturating_duration_since(now);
            if time.is_zero() {
                return;
            }
            let woken = self.progress.wait_timeout(state, time);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel, sync_channel};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    /// Far longer than anything here takes.
    const LONG: Duration = Duration::from_secs(30);

    fn warning(number: usize) -> Event {
        let message = number.to_string();
        Event::new(Instant::now(), EventKind::Warning { message })
    }

    fn text(event: &Event) -> String {
        match event.kind() {
            EventKind::Warning { message } => message.clone(),
            kind => format!("{kind:?}"),
        }
    }

    /// The observers, and what they warn of.
    fn observers(list: Vec<UserObserver>) -> (Observers, Receiver<String>) {
        let (sender, warnings) = channel();
        let warn = move |message| drop(sender.send(message));
        let observers = Observers::start(list, &warn).expect("threads can be made");
        (observers, warnings)
    }

    /// An observer that returns from no call before the sender is dropped.
    fn stuck_until(is_released: Receiver<()>) -> UserObserver {
        Box::new(move |_| {
            let _ = is_released.recv();
        })
    }

    #[test]
    fn each_observer_gets_all_events_in_order_and_is_dropped_before_the_end() {
        let (sender, seen) = channel();
        let observer = |name: &'static str| -> UserObserver {
            let sender = sender.clone();
            Box::new(move |event| drop(sender.send((name, text(event)))))
        };
        let (observers, warnings) = observers(vec![observer("a"), observer("b")]);
        drop(sender);
        let mut feed = observers.feed();
        (0..100).for_each(|number| feed(&warning(number)));
        observers.finish(3).wait(LONG);
        let seen: Vec<_> = seen.try_iter().collect();
        let mut expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        expected.push("Ended { exit_code: 3 }".to_owned());
        for wanted in ["a", "b"] {
            let of_it = seen.iter().filter(|(name, _)| *name == wanted);
            assert!(of_it.map(|(_, text)| text).eq(&expected), "{seen:?}");
        }
        assert_eq!(warnings.try_iter().count(), 0);
    }

    #[test]
    fn a_panic_is_reported_once_and_ends_its_observer_only() {
        let (sender, seen) = channel();
        let panics = Box::new(|_: &Event| panic!("no\nluck"));
        let goes_on = Box::new(move |event: &Event| drop(sender.send(text(event))));
        let (observers, warnings) = observers(vec![panics, goes_on]);
        let mut feed = observers.feed();
        feed(&warning(1));
        feed(&warning(2));
        observers.finish(0).wait(LONG);
        assert_eq!(seen.try_iter().count(), 3);
        let warnings: Vec<String> = warnings.try_iter().collect();
        let expected = "an observer panicked and is not called any more: no\\nluck";
        assert_eq!(warnings, [expected]);
    }

    #[test]
    fn what_an_observer_does_not_take_is_dropped_and_counted() {
        let (entered, has_entered) = sync_channel(1);
        let (release, is_released) = channel::<()>();
        let (sender, seen) = channel();
        let mut is_first = true;
        let observer = Box::new(move |event: &Event| {
            if std::mem::take(&mut is_first) {
                let _ = entered.send(());
                let _ = is_released.recv();
            }
            drop(sender.send((event.at(), text(event))));
        });
        let (observers, _) = observers(vec![observer]);
        let mut feed = observers.feed();
        feed(&warning(0));
        has_entered.recv().expect("it is called");
        (1..=MOST + 5).for_each(|number| feed(&warning(number)));
        // Before the observer goes on: the last event takes the place of a sixth one.
        let last_events = observers.finish(0);
        drop(release);
        last_events.wait(LONG);
        let seen: Vec<_> = seen.try_iter().collect();
        assert_eq!(seen[0].1, "0");
        assert_eq!(seen[1].1, "Lagged { missed: 6 }");
        assert_eq!(seen[2].1, "7");
        assert_eq!(seen.len(), 2 + MOST);
        assert_eq!(seen[1 + MOST].1, "Ended { exit_code: 0 }");
        assert!(seen.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn an_observer_that_is_stuck_is_waited_for_no_longer_than_a_second() {
        let (releases, stuck): (Vec<_>, Vec<_>) = (0..4)
            .map(|_| {
                let (release, is_released) = channel::<()>();
                (release, stuck_until(is_released))
            })
            .unzip();
        let (observers, _) = observers(stuck);
        let begun = Instant::now();
        observers.finish(0).wait(LONG);
        // All at the same time: one after the other would take four times as long.
        assert!((PATIENCE..4 * PATIENCE).contains(&begun.elapsed()));
        drop(releases);
    }

    #[test]
    fn an_observer_that_is_slow_is_waited_for_as_long_as_there_is_time() {
        let (sender, seen) = channel();
        let slow = Box::new(move |event: &Event| {
            thread::sleep(PATIENCE / 5);
            drop(sender.send(text(event)));
        });
        let (observers, _) = observers(vec![slow]);
        let mut feed = observers.feed();
        (0..6).for_each(|number| feed(&warning(number)));
        observers.finish(0).wait(LONG);
        // Longer than its patience in all.
        assert_eq!(seen.try_iter().count(), 7);

        let (_release, is_released) = channel();
        let stuck = stuck_until(is_released);
        let (observers, _) = self::observers(vec![stuck]);
        let begun = Instant::now();
        observers.finish(0).wait(SECOND / 100);
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    }

    #[test]
    fn dropping_the_observers_lets_their_threads_end() {
        let (sender, gone) = channel::<()>();
        let observer = Box::new(move |_: &Event| {
            let _keep = &sender;
        });
        let (observers, _) = observers(vec![observer]);
        let feed = observers.feed();
        drop(observers);
        // The sender is dropped with the observer, although the feed still exists.
        assert!(gone.recv_timeout(LONG).is_err());
        drop(feed);
    }
}

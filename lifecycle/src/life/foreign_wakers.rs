//! Wakes tasks that are not ours. Their wakers may be user code: one that blocks or panics must neither hold up the driver
//! nor keep the others from being woken.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use crate::error::panic::caught;
use crate::life::hook_threads::HookThreads;

/// How long one waker may take before another thread goes on with the next ones.
const PATIENCE: Duration = Duration::from_millis(5);

/// Wakes them on threads of the framework, and returns at once.
pub(crate) fn wake(threads: &HookThreads, wakers: Vec<Waker>) {
    if wakers.is_empty() {
        return;
    }
    let batch = Arc::new(Batch {
        state: Mutex::new(State {
            wakers: wakers.into(),
            taken: 0,
        }),
        is_empty: Condvar::new(),
    });
    let of_thread = threads.clone();
    threads.run(move || batch.lead(&of_thread));
}

struct Batch {
    state: Mutex<State>,
    /// The last waker has been taken.
    is_empty: Condvar,
}

struct State {
    wakers: VecDeque<Waker>,
    /// How many have been taken.
    taken: u64,
}

impl Batch {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Waker> {
        let mut state = self.lock();
        let waker = state.wakers.pop_front();
        state.taken += 1;
        if state.wakers.is_empty() {
            self.is_empty.notify_all();
        }
        waker
    }

    /// Wakes one after the other, with a second thread that takes over where one of them blocks.
    fn lead(self: &Arc<Self>, threads: &HookThreads) {
        if self.lock().wakers.len() > 1 {
            let (batch, of_thread) = (Arc::clone(self), threads.clone());
            threads.run(move || batch.stand_by(&of_thread));
        }
        while let Some(waker) = self.next() {
            let _ = caught(|| waker.wake());
        }
    }

    /// Looks now and then whether wakers are still taken: none of them says that it blocks.
    fn stand_by(self: &Arc<Self>, threads: &HookThreads) {
        let mut state = self.lock();
        while !state.wakers.is_empty() {
            let taken = state.taken;
            let waited = self.is_empty.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.taken == taken {
                drop(state);
                return self.lead(threads);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;

    use super::*;

    enum Hostile {
        Blocks(Mutex<std::sync::mpsc::Receiver<()>>),
        Panics,
        Reports(Sender<usize>, usize),
    }

    impl Wake for Hostile {
        fn wake(self: Arc<Self>) {
            match &*self {
                Self::Blocks(until) => drop(until.lock().unwrap().recv()),
                Self::Panics => panic!("a waker's panic"),
                Self::Reports(sender, number) => drop(sender.send(*number)),
            }
        }
    }

    #[tokio::test]
    async fn e1_wakers_that_block_or_panic_keep_no_other_from_being_woken() {
        let threads = HookThreads::new(tokio::runtime::Handle::current());
        let (woken, is_woken) = channel();
        let mut releases = Vec::new();
        let mut wakers = Vec::new();
        for number in 0..20 {
            let (release, is_released) = channel();
            releases.push(release);
            wakers.push(Hostile::Blocks(Mutex::new(is_released)));
            wakers.push(Hostile::Panics);
            wakers.push(Hostile::Reports(woken.clone(), number));
        }
        let wakers = wakers.into_iter().map(|waker| Arc::new(waker).into());
        wake(&threads, wakers.collect());
        drop(woken);
        let mut seen: Vec<usize> = is_woken.into_iter().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..20).collect::<Vec<_>>());
        drop(releases);
    }
}

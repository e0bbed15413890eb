//! [`HookThreads`], the framework's own: for synchronous hooks, destructors, and workers that block.
//!
//! Never tokio's blocking pool: user code can fill that (512 tasks), and a runtime that shuts down skips what was
//! queued there. One thread is made at the start, so that teardown can go on when no further one is to be had.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::runtime;

use crate::error::panic::caught;
use crate::sys::fork::refuse_daemon;

type Job = Box<dyn FnOnce() + Send>;

/// A pool without a limit: a job waits only while no thread can be made.
#[derive(Clone)]
pub(crate) struct HookThreads(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    runtime: runtime::Handle,
    /// Looked at once: it takes a tick of the clock.
    clock_stands_still: bool,
}

/// While it lives, a paused clock does not jump: what a thread does takes none of its time.
pub(crate) struct Hold(
    #[expect(dead_code, reason = "its drop is the signal")] Option<mpsc::Sender<()>>,
);

impl Hold {
    fn new(runtime: &runtime::Handle) -> Self {
        let (hold, held) = mpsc::channel::<()>();
        // A blocking task is what keeps tokio's paused clock from jumping.
        runtime.spawn_blocking(move || held.recv_timeout(LONGEST_HOLD));
        Self(Some(hold))
    }
}

/// How long real work may hold a paused clock: a hook that hangs must not hang the test.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that wait for a job, or are about to look for one.
    idle: usize,
    closed: bool,
}

impl HookThreads {
    pub(crate) fn new(runtime: runtime::Handle) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            wake: Condvar::new(),
            runtime,
            clock_stands_still: clock_stands_still(),
        });
        // A process that cannot make one thread has no runtime either; the queue then waits for the next attempt.
        let _ = shared.grow();
        Self(shared)
    }

    /// Runs the job on a thread of its own, with the app's runtime entered. Its panic is the job's to catch: one that
    /// gets here is dropped.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        let hold = self.hold();
        let mut queue = self.0.lock();
        queue.jobs.push_back(Box::new(move || {
            #[cfg(test)]
            let hold = lent::lend(hold);
            job();
            drop(hold);
        }));
        // Each idle thread takes one of the jobs. Decided under the lock, so that two jobs do not count on the same thread.
        let short = queue.jobs.len() > queue.idle;
        drop(queue);
        if short {
            // Without another thread the job waits for one that is busy now.
            let _ = self.0.grow();
        }
        self.0.wake.notify_one();
    }

    /// Keeps the clock of a test from jumping while a thread works.
    pub(crate) fn hold(&self) -> Hold {
        if self.0.clock_stands_still {
            Hold::new(&self.0.runtime)
        } else {
            Hold(None)
        }
    }

    /// Lets idle threads end. Busy ones end after their job.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.0.wake.notify_all();
    }
}

/// Whether the runtime's clock is paused, as tests do it: time goes on, and it does not.
pub(crate) fn clock_stands_still() -> bool {
    let paused = tokio::time::Instant::now();
    let real = std::time::Instant::now();
    while real.elapsed() == Duration::ZERO {
        std::hint::spin_loop();
    }
    tokio::time::Instant::now() == paused
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grow(self: &Arc<Self>) -> std::io::Result<()> {
        let shared = Arc::clone(self);
        // Before it runs: a job that comes meanwhile must not make a further thread.
        self.lock().idle += 1;
        let grown = thread::Builder::new()
            .name("lifecycle-hook".into())
            .spawn(move || shared.work());
        if grown.is_err() {
            self.lock().idle -= 1;
        }
        grown.map(drop)
    }

    fn work(&self) {
        let _entered = self.runtime.enter();
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                queue.idle -= 1;
                // No user code runs under the lock.
                drop(queue);
                let _ = caught(job);
                refuse_daemon(|| "a hook".to_owned());
                queue = self.lock();
                queue.idle += 1;
            } else if queue.closed {
                queue.idle -= 1;
                return;
            } else {
                queue = self
                    .wake
                    .wait(queue)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Lets the job of a thread wait for the paused clock, which it holds: a hook that is slow or hangs, in no real time.
#[cfg(test)]
pub(crate) mod lent {
    use std::cell::RefCell;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::mpsc;

    use tokio::runtime;

    use crate::life::hook_threads::Hold;

    thread_local! {
        static HOLD: RefCell<Option<Hold>> = const { RefCell::new(None) };
    }

    /// Ends what was lent to the thread, also when its job panics.
    pub(super) struct Lent;

    impl Drop for Lent {
        fn drop(&mut self) {
            HOLD.take();
        }
    }

    pub(super) fn lend(hold: Hold) -> Lent {
        HOLD.set(Some(hold));
        Lent
    }

    /// Blocks the thread until the future has ended on the runtime, while the clock goes on. `None` when the runtime
    /// ended first, or when this is no thread that holds the clock.
    pub(crate) fn wait<F>(future: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let mut hold = Some(HOLD.take()?);
        let runtime = runtime::Handle::current();
        let (end, ended) = mpsc::channel();
        runtime.clone().spawn(async move {
            let mut future = pin!(future);
            let output = poll_fn(|context| {
                let poll = future.as_mut().poll(context);
                // Its timers are set: now the clock may jump to them.
                hold.take();
                poll
            })
            .await;
            let _ = end.send((output, Hold::new(&runtime)));
        });
        let (output, hold) = ended.recv().ok()?;
        HOLD.set(Some(hold));
        Some(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_job_that_comes_after_the_close_still_runs() {
        for _ in 0..200 {
            let threads = HookThreads::new(runtime::Handle::current());
            let (gone, is_gone) = mpsc::channel::<()>();
            threads.run(move || drop(gone));
            assert!(is_gone.recv().is_err());
            // The idle thread ends, at once or when it next looks.
            threads.close();
            std::thread::yield_now();
            let (ran, has_run) = mpsc::channel();
            threads.run(move || {
                let _ = ran.send(());
            });
            assert_eq!(has_run.recv_timeout(Duration::from_secs(30)), Ok(()));
        }
    }
}

//! Whether the app's runtime still gets round to its tasks: it is asked to run one that does nothing.
//!
//! A runtime that is merely busy answers late; one whose threads are all blocked never does. A runtime that has ended
//! counts as one that answers: nothing of it is stuck.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::sync::Notify;

/// Asks one runtime, on behalf of probes and of systemd's watchdog.
#[derive(Debug, Clone)]
pub(crate) struct Liveness {
    runtime: runtime::Handle,
    question: Arc<Question>,
}

/// At most one is out, however many wait for its answer.
#[derive(Debug, Default)]
struct Question {
    asked: Mutex<Option<Instant>>,
    answered: Notify,
}

impl Liveness {
    pub(crate) fn new(runtime: runtime::Handle) -> Self {
        Self {
            runtime,
            question: Arc::default(),
        }
    }

    /// Waits until the runtime has run a task at some instant from now on. May be awaited anywhere, and dropped at any
    /// time; what bounds it is the caller's.
    pub(crate) async fn answer(&self) {
        // Listens before the question is out: its answer may be faster than this thread.
        let mut answered = std::pin::pin!(self.question.answered.notified());
        answered.as_mut().enable();
        let is_new = {
            let mut asked = self.question.asked();
            let is_new = asked.is_none();
            asked.get_or_insert_with(Instant::now);
            is_new
        };
        // Where one is out, its answer will do: it is yet to come.
        if is_new {
            let answer = Answer(Arc::clone(&self.question));
            self.runtime.spawn(async move { drop(answer) });
        }
        answered.await;
    }

    /// How long the runtime has owed an answer; `None` where it owes none.
    pub(crate) fn silent_for(&self) -> Option<Duration> {
        self.question.asked().map(|at| at.elapsed())
    }
}

impl Question {
    fn asked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers when it is dropped: by its task, or with a runtime that ends.
struct Answer(Arc<Question>);

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.asked().take();
        self.0.answered.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::task::{Context, Waker};

    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn of(runtime: &Runtime) -> Liveness {
        Liveness::new(runtime.handle().clone())
    }

    fn one_thread() -> Runtime {
        let built = Builder::new_multi_thread().worker_threads(1).build();
        built.expect("a runtime")
    }

    /// Blocks the runtime's only thread until what is returned is dropped.
    fn block(runtime: &Runtime) -> Sender<()> {
        let (release, is_released) = channel::<()>();
        let (blocked, is_blocked) = channel();
        runtime.spawn(async move {
            let _ = blocked.send(());
            let _ = is_released.recv();
        });
        is_blocked.recv().expect("the task runs");
        release
    }

    /// Has the question asked; whether it is answered at once.
    fn is_answered(answer: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        answer
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    fn wait(answer: impl Future<Output = ()>) {
        let here = Builder::new_current_thread().build().expect("a runtime");
        here.block_on(answer);
    }

    #[test]
    fn a_runtime_that_runs_answers_each_time() {
        let runtime = one_thread();
        let liveness = of(&runtime);
        for _ in 0..100 {
            wait(liveness.answer());
            assert_eq!(liveness.silent_for(), None);
        }
    }

    #[test]
    fn a_blocked_runtime_owes_one_answer_and_gives_it_when_it_goes_on() {
        let runtime = one_thread();
        let liveness = of(&runtime);
        let release = block(&runtime);
        let tasks = runtime.metrics().num_alive_tasks();
        let mut answers: Vec<_> = (0..10).map(|_| Box::pin(liveness.answer())).collect();
        for answer in &mut answers {
            assert!(!is_answered(answer.as_mut()));
        }
        assert_eq!(runtime.metrics().num_alive_tasks(), tasks + 1);
        let silent = liveness.silent_for().expect("an answer is owed");
        // Dropping a wait takes back nothing.
        answers.truncate(1);
        assert!(liveness.silent_for().is_some_and(|now| now >= silent));
        drop(release);
        answers.into_iter().for_each(wait);
        assert_eq!(liveness.silent_for(), None);
    }

    #[test]
    fn an_answer_of_before_is_none_to_a_later_question() {
        let runtime = one_thread();
        let liveness = of(&runtime);
        wait(liveness.answer());
        let release = block(&runtime);
        assert!(!is_answered(Box::pin(liveness.answer()).as_mut()));
        drop(release);
    }

    #[test]
    fn a_runtime_that_has_ended_answers() {
        let runtime = one_thread();
        let liveness = of(&runtime);
        drop(runtime);
        wait(liveness.answer());
    }
}

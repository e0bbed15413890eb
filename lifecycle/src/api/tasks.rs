//! [`Tasks`]: tracked, named tasks of a scope.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::JoinHandle;

use crate::error::TaskError;
use crate::error::panic::{drop_payload, panic_message};
use crate::scope::own_task::polled;
use crate::scope::task_set::Key;
use crate::scope::{AppRequest, Scope};

/// Spawns tasks that end with their scope.
///
/// A task that is passed a [`Shutdown`](crate::Shutdown) learns when the scope is asked to stop. When the scope's own hook or
/// function has ended, its tasks are awaited within its time, and then cancelled. Tasks that do not end even then, because
/// they block, are listed in the report by their names.
///
/// Cloning is cheap, and all clones refer to the same scope.
///
/// ```
/// use lifecycle::{Shutdown, background};
///
/// #[background]
/// async fn consume(shutdown: Shutdown) {
///     let tasks = shutdown.tasks();
///     let stop = shutdown.clone();
///     tasks.spawn("consume/refresh", async move { stop.requested().await });
///     shutdown.requested().await;
/// }
/// ```
#[derive(Clone)]
pub struct Tasks {
    scope: Arc<Scope>,
}

impl Tasks {
    pub(crate) fn new(scope: Arc<Scope>) -> Self {
        Self { scope }
    }

    /// Spawns the future as a task of this scope, on the app's runtime.
    ///
    /// It can be called from any thread. The task begins at once and runs to its end even if the returned [`Task`] is
    /// dropped; that its output is then lost is not an error. A panic of the task is logged, and does not stop the app. The
    /// name is for logs and reports, and does not need to be unique.
    ///
    /// After the scope has ended, the future is dropped without being polled, and the handle returns
    /// [`TaskError::Cancelled`].
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let name = name.into();
        let Some(key) = self.scope.tasks.insert(name.clone()) else {
            return Task { handle: None, name };
        };
        let tracked = Tracked {
            future: Some(future),
            key,
            scope: Arc::clone(&self.scope),
            panic: None,
        };
        let handle = self.scope.app.runtime.spawn(tracked);
        if self.scope.tasks.attach(key, handle.abort_handle()) {
            handle.abort();
        }
        Task {
            handle: Some(handle),
            name,
        }
    }

    /// Returns how many tasks of this scope are running, those of other handles included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scope.tasks.len()
    }

    /// Returns whether no task of this scope is running.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks")
            .field("scope", &self.scope.name)
            .field("running", &self.len())
            .finish()
    }
}

/// The handle to a tracked task, from [`Tasks::spawn`]. Awaiting it returns the output of the task.
///
/// Dropping it does not cancel the task.
///
/// ```
/// use lifecycle::{TaskError, Tasks};
///
/// async fn sum(tasks: Tasks) -> Result<u64, TaskError> {
///     let parts: Vec<_> = (0..4).map(|part| tasks.spawn(format!("sum/{part}"), async move { part })).collect();
///     let mut sum = 0;
///     for part in parts {
///         sum += part.await?;
///     }
///     Ok(sum)
/// }
/// ```
///
/// # Errors
///
/// The output is [`TaskError::Cancelled`] if the task was cancelled or never spawned, and [`TaskError::Panicked`] if it
/// panicked.
///
/// # Cancel safety
///
/// Cancel safe: it can be awaited by `&mut` in a `select!`.
#[derive(Debug)]
pub struct Task<T> {
    handle: Option<JoinHandle<T>>,
    name: Cow<'static, str>,
}

impl<T> Task<T> {
    /// Returns the name that the task was spawned with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Cancels the task: its future is dropped at its next await point. If it has ended, this has no effect.
    pub fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }

    /// Returns whether the task has ended, or was never spawned.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.handle.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(handle) = &mut self.handle else {
            return Poll::Ready(Err(TaskError::Cancelled));
        };
        Pin::new(handle)
            .poll(context)
            .map_err(|error| match error.try_into_panic() {
                Ok(payload) => {
                    let message = panic_message(&*payload);
                    drop_payload(payload);
                    TaskError::Panicked(message)
                }
                Err(_) => TaskError::Cancelled,
            })
    }
}

pin_project! {
    /// The future of a tracked task. The task is in the set until this has been dropped, however it ended.
    struct Tracked<F> {
        #[pin]
        future: Option<F>,
        key: Key,
        scope: Arc<Scope>,
        panic: Option<String>,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            this.remove();
        }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            return Poll::Pending;
        };
        match catch_unwind(AssertUnwindSafe(|| {
            polled(context, |context| future.poll(context))
        })) {
            Ok(poll) => poll,
            Err(payload) => {
                *this.panic = Some(panic_message(&*payload));
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Tracked<F> {
    fn remove(self: Pin<&mut Self>) {
        let mut this = self.project();
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        let panic = this.panic.take().or_else(|| {
            dropped
                .as_ref()
                .err()
                .map(|payload| panic_message(&**payload))
        });
        // Reported before the task is removed: once the set is empty, the driver waits for no report of it any more.
        if let Some(error) = panic
            && let Some(task) = this.scope.tasks.name(*this.key)
        {
            let scope = Arc::clone(&this.scope.name);
            (this.scope.app.ask)(AppRequest::ReportPanic {
                scope,
                task: task.into_owned(),
                error,
            });
        }
        this.scope.tasks.remove(*this.key);
        match dropped {
            Err(payload) if std::thread::panicking() => drop_payload(payload),
            Err(payload) => resume_unwind(payload),
            Ok(()) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, OnceLock};
    use std::task::Waker;

    use super::*;
    use crate::scope::AppState;
    use crate::scope::admission::Admission;
    use crate::scope::waiters::Latch;

    #[tokio::test]
    async fn a_panic_is_reported_before_the_set_is_idle() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let (reported, idle) = (Arc::clone(&log), Arc::clone(&log));
        let app = AppState {
            runtime: tokio::runtime::Handle::current(),
            reason: OnceLock::new(),
            admission: Admission::new(|| {}),
            lame_duck: Latch::new(),
            wake: Box::new(|wakers| wakers.into_iter().for_each(Waker::wake)),
            ask: Box::new(move |request| {
                if let AppRequest::ReportPanic { task, error, .. } = request {
                    reported.lock().unwrap().push(format!("{task}: {error}"));
                }
            }),
        };
        let scope = Scope::new("scope".into(), Arc::new(app));
        let task = Tasks::new(Arc::clone(&scope)).spawn("task", async { panic!("no luck") });
        assert!(
            !scope
                .tasks
                .close_or(move || idle.lock().unwrap().push("idle".to_owned()))
        );
        let panicked: Result<(), TaskError> = task.await;
        assert_eq!(panicked, Err(TaskError::Panicked("no luck".to_owned())));
        assert_eq!(*log.lock().unwrap(), ["task: no luck", "idle"]);
    }
}

//! [`Tasks`]: tracked, named tasks within a scope.

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
use crate::scope::task_set::Key;
use crate::scope::{AppRequest, Scope};

/// Spawns tasks that end with the scope: told to stop with it (give them a [`Shutdown`](crate::Shutdown)), awaited
/// within its time, then cancelled. Those that did not end even then are named in the report.
///
/// ```
/// use lifecycle::{Shutdown, background};
///
/// #[background]
/// async fn consume(shutdown: Shutdown) {
///     let tasks = shutdown.tasks();
///     let told = shutdown.clone();
///     tasks.spawn("consume/refresh", async move { told.requested().await });
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

    /// Spawns the future on the app's runtime, from any thread. Dropping the handle leaves the task running. Once the
    /// scope has been cut off nothing is spawned any more: the future is dropped and the handle says
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

    /// How many are running.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scope.tasks.len()
    }

    /// Whether none is running.
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

/// The handle of a tracked task: await it for its result.
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
#[derive(Debug)]
pub struct Task<T> {
    handle: Option<JoinHandle<T>>,
    name: Cow<'static, str>,
}

impl<T> Task<T> {
    /// The name that it was spawned with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Cancels it at its next await point.
    pub fn abort(&self) {
        if let Some(handle) = &self.handle {
            handle.abort();
        }
    }

    /// Whether it has ended.
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
    /// The future of a tracked task: it leaves the set when it has been dropped, however it ended.
    struct Tracked<F> {
        #[pin]
        future: Option<F>,
        key: Key,
        scope: Arc<Scope>,
        panic: Option<String>,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            this.leave();
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
        match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(poll) => poll,
            Err(payload) => {
                *this.panic = Some(panic_message(&*payload));
                resume_unwind(payload)
            }
        }
    }
}

impl<F> Tracked<F> {
    fn leave(self: Pin<&mut Self>) {
        let mut this = self.project();
        let dropped = catch_unwind(AssertUnwindSafe(|| this.future.set(None)));
        let panic = this.panic.take().or_else(|| {
            dropped
                .as_ref()
                .err()
                .map(|payload| panic_message(&**payload))
        });
        // Told before it leaves the set: nobody waits for anything of a set that is empty.
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

    use super::*;
    use crate::scope::AppState;
    use crate::scope::admission::Admission;

    #[tokio::test]
    async fn that_a_task_panicked_is_told_before_its_set_is_idle() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (told, idle) = (Arc::clone(&heard), Arc::clone(&heard));
        let app = AppState {
            runtime: tokio::runtime::Handle::current(),
            reason: OnceLock::new(),
            admission: Admission::new(|| {}),
            lame_duck: Default::default(),
            ask: Box::new(move |ask| {
                if let AppRequest::ReportPanic { task, error, .. } = ask {
                    told.lock().unwrap().push(format!("{task}: {error}"));
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
        assert_eq!(*heard.lock().unwrap(), ["task: no luck", "idle"]);
    }
}

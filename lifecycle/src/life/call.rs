//! [`Call`]: a call of user code, as a task or on a thread of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::runtime;
use tokio::task::AbortHandle;

use super::hook_error::HookError;
use super::hook_threads::HookThreads;
use super::span::CallSpan;
use crate::api::hook::{Hook, HookCall};
use crate::error::BoxError;
use crate::error::failure::Failure;
use crate::error::panic::caught;
use crate::scope::own_task::polled;
use crate::sys::fork::refuse_daemon;

/// A call under way, and how to end the wait for it: a future is dropped, a thread is abandoned.
#[derive(Debug)]
pub(crate) enum Call {
    Future(AbortHandle),
    Thread,
    /// Its hook is made on a thread.
    Made(Arc<Making>),
}

/// A hook that is made on a thread, which may block, and then runs there or as a task.
#[derive(Debug, Default)]
pub(crate) struct Making(Mutex<Made>);

#[derive(Debug, Default)]
enum Made {
    /// Its maker has not returned, or has made a function for the thread.
    #[default]
    OnThread,
    Future(AbortHandle),
    /// Nothing waits for it.
    Aborted,
}

impl Making {
    fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawned(&self, task: AbortHandle) {
        let mut made = self.lock();
        if matches!(*made, Made::Aborted) {
            drop(made);
            task.abort();
        } else {
            *made = Made::Future(task);
        }
    }

    fn abort(&self) {
        let made = std::mem::replace(&mut *self.lock(), Made::Aborted);
        if let Made::Future(task) = made {
            task.abort();
        }
    }
}

impl Call {
    /// Runs the hook within its span: a future as a task of its own, a function on a thread of the framework's own. `then`
    /// is called exactly once when it has ended, after everything of it has been dropped; for a future also when that is
    /// cancelled.
    pub(crate) fn begin<T, C>(
        hook: Hook<T>,
        span: CallSpan,
        runtime: &runtime::Handle,
        threads: &HookThreads,
        then: C,
    ) -> Self
    where
        T: Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        match hook.0 {
            HookCall::Future(future) => Self::Future(as_task(future, span, runtime, then)),
            HookCall::Thread(call) => {
                threads.run(move || on_thread(call, span, then));
                Self::Thread
            }
        }
    }

    /// Makes the hook on a thread, where that may block or panic, and then runs it as [`Call::begin`] does.
    pub(crate) fn begin_made<T, C>(
        make: impl FnOnce() -> Hook<T> + Send + 'static,
        span: CallSpan,
        runtime: &runtime::Handle,
        threads: &HookThreads,
        then: C,
    ) -> Self
    where
        T: Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        let making = Arc::new(Making::default());
        let (of_making, of_thread) = (Arc::clone(&making), Arc::clone(&making));
        let runtime = runtime.clone();
        let make = move || {
            // Its time may be over before a thread was there.
            let is_awaited = !matches!(*of_making.lock(), Made::Aborted);
            is_awaited.then(make)
        };
        threads.run(move || match guard(make) {
            Ok(None) => then(Err(HookError::Cancelled)),
            Ok(Some(Hook(HookCall::Future(future)))) => {
                of_thread.spawned(as_task(future, span, &runtime, then));
            }
            Ok(Some(Hook(HookCall::Thread(call)))) => on_thread(call, span, then),
            Err(panic) => {
                let mut result = Err(panic);
                let mut span = span;
                end_with(&mut result, |result| span.close(result));
                then(result);
            }
        });
        Self::Made(making)
    }

    /// Ends the wait for the call. A future is dropped, which ends the call with [`HookError::Cancelled`] unless it was
    /// faster; a thread cannot be interrupted.
    pub(crate) fn abort(&self) {
        match self {
            Self::Future(task) => task.abort(),
            Self::Thread => {}
            Self::Made(making) => making.abort(),
        }
    }

    pub(crate) fn is_thread(&self) -> bool {
        match self {
            Self::Future(_) => false,
            Self::Thread => true,
            Self::Made(making) => matches!(*making.lock(), Made::OnThread),
        }
    }
}

/// Spawns the future of a hook.
fn as_task<T, C>(
    future: BoxFuture<T>,
    span: CallSpan,
    runtime: &runtime::Handle,
    then: C,
) -> AbortHandle
where
    T: Send + 'static,
    C: FnOnce(Result<T, HookError>) + Send + 'static,
{
    let guarded = Guarded {
        future: Some(future),
        span,
        then: Some(then),
    };
    runtime.spawn(guarded).abort_handle()
}

/// Calls the function of a hook on this thread.
fn on_thread<T, C>(call: impl FnOnce() -> Result<T, BoxError>, mut span: CallSpan, then: C)
where
    C: FnOnce(Result<T, HookError>),
{
    let returned = caught(|| span.enter(|| call().map_err(Failure::from)));
    refuse_daemon(|| span.describe());
    let mut result = match returned {
        Ok(result) => result.map_err(HookError::Failed),
        Err(message) => Err(HookError::Panicked(message)),
    };
    end_with(&mut result, |result| span.close(result));
    then(result);
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A hook's future whose panics stay inside, in its `poll` as in its destructor.
struct Guarded<T, C: FnOnce(Result<T, HookError>)> {
    future: Option<BoxFuture<T>>,
    span: CallSpan,
    then: Option<C>,
}

/// The last part of a call, which has a result already. Should that panic, the call has.
fn end_with<T>(result: &mut Result<T, HookError>, last: impl FnOnce(&Result<T, HookError>)) {
    if let Err(message) = caught(|| last(result))
        && !matches!(result, Err(HookError::Failed(_) | HookError::Panicked(_)))
    {
        let unused = std::mem::replace(result, Err(HookError::Panicked(message)));
        let _ = caught(|| drop(unused));
    }
}

impl<T, C: FnOnce(Result<T, HookError>)> Guarded<T, C> {
    fn end(&mut self, mut result: Result<T, HookError>) {
        let Some(then) = self.then.take() else { return };
        let future = self.future.take();
        // Before `then`: when the driver hears of the end, nothing of the call holds what it used.
        end_with(&mut result, |_| self.span.drop(future));
        end_with(&mut result, |result| self.span.close(result));
        then(result);
    }
}

// The future is pinned in a box of its own; nothing else is.
impl<T, C: FnOnce(Result<T, HookError>)> Unpin for Guarded<T, C> {}

impl<T, C: FnOnce(Result<T, HookError>)> Future for Guarded<T, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { future, span, .. } = &mut *self;
        let Some(future) = future else {
            return Poll::Ready(());
        };
        let poll =
            || polled(context, |context| future.as_mut().poll(context)).map_err(Failure::from);
        let polled = caught(|| span.enter(poll));
        refuse_daemon(|| span.describe());
        let result = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(result)) => result.map_err(HookError::Failed),
            Err(message) => Err(HookError::Panicked(message)),
        };
        self.end(result);
        Poll::Ready(())
    }
}

impl<T, C: FnOnce(Result<T, HookError>)> Drop for Guarded<T, C> {
    fn drop(&mut self) {
        self.end(Err(HookError::Cancelled));
    }
}

/// Calls `up` when the first poll of the future has returned, unless with an error.
pub(crate) fn after_first_poll(hook: Hook<()>, up: impl FnOnce() + Send + 'static) -> Hook<()> {
    match hook.0 {
        HookCall::Future(mut future) => {
            let mut up = Some(up);
            Hook::future(std::future::poll_fn(move |context| {
                let poll = future.as_mut().poll(context);
                // One that fails at once has never been up.
                if let (false, Some(up)) = (matches!(poll, Poll::Ready(Err(_))), up.take()) {
                    up();
                }
                poll
            }))
        }
        HookCall::Thread(call) => Hook::thread(move || {
            up();
            call()
        }),
    }
}

/// Makes a hook, which may panic.
pub(super) fn guard<T>(make: impl FnOnce() -> T) -> Result<T, HookError> {
    caught(make).map_err(HookError::Panicked)
}

//! What the driver of a life hears of, and the calls of user code that it hears from.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::outcome::SoFar;
use super::span::CallSpan;
use crate::component::Id;
use crate::duration::show;
use crate::error::{BoxError, Failure, caught};
use crate::hook::{Hook, HookCall, Instance, Stopped};
use crate::leases::Outstanding;
use crate::threads::Threads;

/// Which call of a component's code an event or a timer belongs to: those of an earlier one are stale.
pub(crate) type Turn = u32;

pub(crate) enum Event {
    Started {
        id: Id,
        turn: Turn,
        result: Result<Instance, HookError>,
    },
    WorkerUp {
        id: Id,
        turn: Turn,
    },
    WorkerEnded {
        id: Id,
        turn: Turn,
        result: Result<(), HookError>,
    },
    StopEnded {
        id: Id,
        turn: Turn,
        result: Result<Ended, HookError>,
    },
    TasksEnded {
        id: Id,
        turn: Turn,
    },
    TasksGone,
    TaskPanicked {
        name: Arc<str>,
        task: String,
        error: String,
    },
    Dropped {
        id: Id,
        turn: Turn,
        leaked: (usize, Vec<Outstanding>),
        panic: Option<String>,
    },
    /// What a component that was left behind has lent out.
    Counted {
        id: Id,
        leaked: (usize, Vec<Outstanding>),
    },
    BodyEnded {
        result: Result<(), HookError>,
    },
    Idle,
    Stop,
    Fail {
        name: Arc<str>,
        failure: Failure,
    },
    Signal(i32),
    Forced(i32),
    Hangup,
    Reloaded {
        id: Id,
        turn: Turn,
        result: Result<(), HookError>,
    },
    /// Somebody wants to see how far the life has come. Nobody waits for whether the answer is taken.
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only the live page looks")
    )]
    Look(oneshot::Sender<SoFar>),
}

/// How a `stop` ended that did not fail.
pub(crate) enum Ended {
    Clean,
    /// With an error that was expected.
    Expected(String),
}

impl From<Stopped> for Ended {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Clean => Self::Clean,
            Stopped::Expected(error) => Self::Expected(Failure::from(error).text),
        }
    }
}

/// Why a call of user code gave nothing.
#[derive(Debug)]
pub(crate) enum HookError {
    Failed(Failure),
    Panicked(String),
    TimedOut(Duration),
    /// A start, or a worker that never said that it is ready.
    NotUp(Duration),
    /// A worker that ended by itself more often than its policy allows.
    TooOften,
    /// Its future was dropped before it ended.
    Cancelled,
}

impl HookError {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Failed(failure) => failure.text.clone(),
            Self::Panicked(message) => format!("panicked: {}", crate::error::escape(message)),
            Self::TimedOut(time) => format!("did not end within {}", show(*time)),
            Self::NotUp(time) => format!("was not up within {}", show(*time)),
            Self::TooOften => "ended by itself more often than `max_restarts` allows".to_owned(),
            Self::Cancelled => "was cancelled".to_owned(),
        }
    }

    pub(crate) fn is_config(&self) -> bool {
        matches!(self, Self::Failed(Failure { config: true, .. }))
    }

    /// Whether it is what being told to stop provokes.
    pub(crate) fn comes_from_stopping(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.provoked,
            Self::Cancelled => true,
            Self::Panicked(_) | Self::TimedOut(_) | Self::NotUp(_) | Self::TooOften => false,
        }
    }
}

/// A call under way, and how to end the wait for it: a future is told to drop, a thread is abandoned.
#[derive(Debug)]
pub(crate) enum Call {
    Future(AbortHandle),
    Thread,
}

impl Call {
    /// Runs the hook within its span: a future as a task of its own, a function on a thread of the framework's own. `then`
    /// is called exactly once when it has ended, after everything of it has been dropped; for a future also when that is
    /// cancelled.
    pub(crate) fn begin<T, C>(
        hook: Hook<T>,
        mut span: CallSpan,
        runtime: &runtime::Handle,
        threads: &Threads,
        then: C,
    ) -> Self
    where
        T: Send + 'static,
        C: FnOnce(Result<T, HookError>) + Send + 'static,
    {
        match hook.0 {
            HookCall::Future(future) => {
                let guarded = Guarded {
                    future: Some(future),
                    span,
                    then: Some(then),
                };
                Self::Future(runtime.spawn(guarded).abort_handle())
            }
            HookCall::Thread(call) => {
                threads.run(move || {
                    let mut result = match caught(|| span.enter(|| call().map_err(Failure::from))) {
                        Ok(result) => result.map_err(HookError::Failed),
                        Err(message) => Err(HookError::Panicked(message)),
                    };
                    end_with(&mut result, |result| span.close(result));
                    then(result);
                });
                Self::Thread
            }
        }
    }

    pub(crate) fn cut(&self) {
        if let Self::Future(task) = self {
            task.abort();
        }
    }

    pub(crate) fn is_thread(&self) -> bool {
        matches!(self, Self::Thread)
    }
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
        end_with(&mut result, |_| self.span.drop(future));
        end_with(&mut result, |result| self.span.close(result));
        then(result);
    }
}

// Nothing of it is pinned: the future is behind a box of its own.
impl<T, C: FnOnce(Result<T, HookError>)> Unpin for Guarded<T, C> {}

impl<T, C: FnOnce(Result<T, HookError>)> Future for Guarded<T, C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { future, span, .. } = &mut *self;
        let Some(future) = future else {
            return Poll::Ready(());
        };
        let poll = || future.as_mut().poll(context).map_err(Failure::from);
        let result = match caught(|| span.enter(poll)) {
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

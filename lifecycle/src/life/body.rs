//! Main's body, which lives outside of the driver: a future that need not be `Send`.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot};

use super::hook_error::HookError;
use super::input::Input;
use super::span::{CallPhase, CallSpan};
use crate::api::hook::StartContext;
use crate::error::BoxError;
use crate::error::failure::Failure;
use crate::error::panic::caught;
use crate::scope::own_task::polled;
use crate::sys::fork::refuse_daemon;

/// How the driver reaches main's body.
pub(crate) struct BodyLink {
    pub(crate) start: oneshot::Sender<StartContext>,
    /// Dropped to have the body's future dropped.
    pub(crate) abort: oneshot::Sender<()>,
}

/// Runs main's body once the driver starts it, and stays until the life has ended, so that a current-thread runtime goes
/// on.
pub(crate) async fn host<B, F, E>(
    body: B,
    is_started: oneshot::Receiver<StartContext>,
    is_aborted: oneshot::Receiver<()>,
    events: &mpsc::UnboundedSender<Input>,
    is_ended: oneshot::Receiver<E>,
) -> Option<E>
where
    B: FnOnce(StartContext) -> F,
    F: Future<Output = Result<(), BoxError>>,
{
    if let Ok(context) = is_started.await {
        let result = run_body(body, context, is_aborted).await;
        let _ = events.send(Input::BodyEnded { result });
    }
    is_ended.await.ok()
}

async fn run_body<B, F>(
    body: B,
    context: StartContext,
    is_aborted: oneshot::Receiver<()>,
) -> Result<(), HookError>
where
    B: FnOnce(StartContext) -> F,
    F: Future<Output = Result<(), BoxError>>,
{
    let scope = Arc::clone(&context.scope);
    let mut span = CallSpan::new(Arc::clone(&context.name), CallPhase::Run, Some(scope));
    let body = caught(|| Box::pin(body(context))).map_err(HookError::Panicked)?;
    let mut body = Some(body);
    let mut is_aborted = pin!(is_aborted);
    let result = std::future::poll_fn(|task| {
        if is_aborted.as_mut().poll(task).is_ready() {
            return Poll::Ready(Err(HookError::Cancelled));
        }
        let Some(body) = &mut body else {
            return Poll::Pending;
        };
        let poll = || polled(task, |task| body.as_mut().poll(task)).map_err(Failure::from);
        let polled = caught(|| span.enter(poll));
        refuse_daemon(|| "the body of `main`".to_owned());
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(HookError::Failed)),
            Err(message) => Poll::Ready(Err(HookError::Panicked(message))),
        }
    })
    .await;
    // Dropped before the driver hears that it has ended: nothing of the body runs when what it uses stops.
    let dropped = caught(|| span.drop(body.take())).map_err(HookError::Panicked);
    let result = dropped.and(result);
    caught(|| span.close(&result)).map_err(HookError::Panicked)?;
    result
}

//! [`drive`]: the task of a connection. [`StreamExecutor`]: the tasks of its HTTP/2 streams.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::{Instant, Sleep, sleep};

use super::connection::{Connection, Due};
use super::phase::Phase;
use super::server::Server;

/// Drives a connection to its end. `poll` polls it, after a GOAWAY where its last argument is true.
pub(super) async fn drive<C>(
    connection: &Connection,
    header_timeout: Duration,
    mut http: C,
    mut poll: impl FnMut(&mut C, &mut Context<'_>, bool) -> Poll<()>,
) {
    let mut phase = connection.server.phase.subscribe();
    let mut alarm = pin!(sleep(Duration::ZERO));
    // The instant at which the connection was last polled without ending. It is not polled for the same instant again:
    // data is unread in its socket, whose readiness will wake this task.
    let mut polled_for = None;
    loop {
        // Marked as seen before the poll that acts on it, so that a change during the poll wakes this task again.
        phase.borrow_and_update();
        let step = poll_fn(|context| {
            let mut go_away = connection.take_goaway();
            loop {
                if poll(&mut http, context, go_away).is_ready() {
                    return Poll::Ready(());
                }
                // The poll may have read what makes a GOAWAY due: the preface of HTTP/2, or a first request.
                go_away = connection.take_goaway();
                if go_away {
                    continue;
                }
                let due = connection.due(header_timeout);
                let (Some(Due::Poll(at)) | Some(Due::Close(at))) = due else {
                    return Poll::Pending;
                };
                if polled_for == Some(at) || !poll_alarm(alarm.as_mut(), at, context) {
                    return Poll::Pending;
                }
                if let Some(Due::Close(_)) = due {
                    return Poll::Ready(());
                }
                polled_for = Some(at);
            }
        });
        tokio::select! {
            biased;
            () = step => return,
            _ = phase.changed() => {}
        }
    }
}

/// Sets the alarm to the instant, and returns whether that has passed.
fn poll_alarm(mut alarm: Pin<&mut Sleep>, at: Instant, context: &mut Context<'_>) -> bool {
    if alarm.deadline() != at {
        alarm.as_mut().reset(at);
    }
    alarm.poll(context).is_ready()
}

/// Spawns the tasks of HTTP/2 streams, which end when the server aborts: hyper spawns them apart from the connection's
/// task, so that aborting that one does not end them.
#[derive(Clone)]
pub(super) struct StreamExecutor(Arc<Server>);

impl StreamExecutor {
    pub(super) fn new(server: &Arc<Server>) -> Self {
        Self(Arc::clone(server))
    }
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let mut phase = self.0.phase.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = stream => {}
                _ = phase.wait_for(|phase| *phase == Phase::Aborting) => {}
            }
        });
    }
}

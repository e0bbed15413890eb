//! [`finish`]: what is under way when the app is told to stop may go on while there is time, and no longer.

use std::time::Duration;

use lifecycle::Shutdown;

/// The future's output, or `None` when the scope has been told to stop and only `margin` of its time is left. The
/// margin is for putting away what there is so far.
pub async fn finish<T>(
    shutdown: &Shutdown,
    margin: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = shutdown.deadline_within(margin) => None,
    }
}

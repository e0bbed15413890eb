//! [`finish`]: lets work in progress continue after a stop request, while there is time.

use std::time::Duration;

use lifecycle::Shutdown;

/// Returns the output of the future, or `None` once a stop is requested of the scope and only `margin` of its time
/// remains. The margin is for saving the state so far.
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

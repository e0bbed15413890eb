//! Apps that run in the process of the test, on a paused clock.

use std::time::Duration;

use lifecycle::{Lifecycle, Running, Settings, Shutdown};

/// A drain timeout of 8 s, and an emergency reserve of 2 s, of a shutdown timeout of 20 s.
pub fn settings() -> Settings {
    Settings::default()
        .shutdown_timeout(Duration::from_secs(20))
        .drain_timeout(Duration::from_secs(8))
        .emergency_timeout(Duration::from_secs(2))
}

/// Starts an app with one worker, which receives its scope.
///
/// # Panics
///
/// If the app does not start.
pub async fn with_worker<F, Fut>(worker: F) -> Running
where
    F: FnOnce(Shutdown) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let builder = Lifecycle::builder().settings(settings());
    builder
        .background("worker", worker)
        .start()
        .await
        .expect("it starts")
}

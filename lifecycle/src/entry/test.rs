//! `#[lifecycle::test]`: runs the body of a test in a started app.

use std::future::Future;

use tokio::runtime;
use tokio::sync::oneshot;

use crate::api::hook::StartContext;
use crate::api::settings::Settings;
use crate::entry::builder::{Builder, Lifecycle};
use crate::error::BoxError;
use crate::life::BodyLink;
use crate::life::body::host;
use crate::macro_support::EntrySpec;

/// Starts the app that `spec` and `build` describe, runs the body of a test in it, and stops the app.
///
/// # Panics
///
/// Panics, so that the test fails, if the app does not start, if the body returns an error or panics, or if the exit
/// code of the life is not 0.
pub fn test<B, F>(spec: EntrySpec, build: impl FnOnce(Builder) -> Builder, body: B)
where
    B: FnOnce(StartContext) -> F,
    F: Future<Output = Result<(), BoxError>>,
{
    let mut threads = if spec.current_thread {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    if let Some(workers) = spec.worker_threads {
        threads.worker_threads(workers);
    }
    #[cfg(feature = "test-util")]
    threads.start_paused(spec.start_paused);
    #[cfg(not(feature = "test-util"))]
    assert!(
        !spec.start_paused,
        "`start_paused` needs the feature `test-util` of `lifecycle`"
    );
    let runtime = threads
        .enable_all()
        .build()
        .expect("a runtime for the test");
    let mut builder = Lifecycle::builder();
    builder.parts.name = spec.name.to_owned();
    builder.parts.app = spec.app;
    let builder = build(builder.settings(Settings::NONE));
    let result = runtime.block_on(async {
        let (start, is_started) = oneshot::channel();
        let (abort, is_aborted) = oneshot::channel();
        let running = builder
            .start_with(Some(BodyLink { start, abort }))
            .await
            .map_err(|error| error.to_string())?;
        let events = running.events();
        let (ended, is_ended) = oneshot::channel();
        tokio::spawn(async move {
            let _ = ended.send(running.wait().await);
        });
        let report = host(body, is_started, is_aborted, &events, is_ended).await;
        match report {
            Some(report) if report.is_clean() => Ok(()),
            Some(report) => Err(report.to_string()),
            None => Err("the app ended without a report".to_owned()),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(100));
    if let Err(message) = result {
        panic!("{message}");
    }
}

//! What is said of mistakes that only a run can find, and of errors that cannot be sent between threads.

use std::time::Duration;

use lifecycle::{Lifecycle, Shutdown};
use lifecycle_tests::program;

/// Runs the program on both runtimes with one part of it failing, and expects what it says and its exit code.
fn boxed(arguments: &str, code: i32, said: &[&str]) {
    for program in [program!("boxed"), program!("boxed_current_thread")] {
        let end = program.with(arguments).run();
        end.expect_code(code).expect_line(said);
    }
}

#[test]
fn a_boxed_error_of_the_set_up_is_reported_with_its_cause() {
    boxed("fails=setup", 1, &["setup failed: no route"]);
}

#[test]
fn a_boxed_error_of_a_start_is_reported_with_its_cause() {
    boxed("fails=start", 1, &["`pool`", "start failed: no route"]);
}

#[test]
fn a_boxed_error_of_a_wrong_configuration_still_ends_with_2() {
    boxed("fails=start,config", 2, &["`pool`", "start failed: PORT=x"]);
}

#[test]
fn a_boxed_error_of_a_stop_is_reported_with_its_cause() {
    boxed("fails=stop", 3, &["pool", "stop failed: no route"]);
}

#[test]
fn a_boxed_error_of_a_worker_is_reported_with_its_cause() {
    boxed("fails=serve", 1, &["`serve`", "serve failed: no route"]);
}

#[test]
fn a_boxed_error_of_the_body_is_reported_with_its_cause() {
    boxed("fails=main", 1, &["main failed: no route"]);
}

/// What is reported of a worker that fails.
async fn reported<F: Future<Output = ()> + Send + 'static>(
    worker: impl FnOnce(Shutdown) -> F + Send + 'static,
) -> String {
    let running = Lifecycle::builder()
        .background("poll", worker)
        .start()
        .await;
    match running {
        Ok(running) => running.stop().await.to_string(),
        Err(error) => error.to_string(),
    }
}

/// Expects that a blocking call in a task is reported with its line.
macro_rules! blocks_a_task {
    ($call:ident($($argument:expr)?) => $instead:literal) => {
        let line = line!();
        let said = reported(async move |shutdown: Shutdown| { shutdown.$call($($argument)?); }).await;
        let place = format!("`{}` at {}:{line}:", stringify!($call), file!());
        assert!(said.contains(&place), "{place} is not in {said}");
        assert!(said.contains($instead), "{said}");
    };
}

async fn a_call_that_blocks_a_task_says_where_it_is_and_what_to_write() {
    blocks_a_task!(blocking_sleep(Duration::from_secs(1)) => "write `shutdown.sleep(..).await`");
    blocks_a_task!(blocking_requested() => "write `shutdown.requested().await`");
}

#[tokio::test]
async fn blocking_calls_on_a_current_thread_runtime() {
    a_call_that_blocks_a_task_says_where_it_is_and_what_to_write().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn blocking_calls_on_a_multi_thread_runtime() {
    a_call_that_blocks_a_task_says_where_it_is_and_what_to_write().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn tokio_allows_a_blocking_call_in_place() {
    let said = reported(async |shutdown: Shutdown| {
        tokio::task::block_in_place(|| shutdown.blocking_sleep(Duration::from_millis(1)));
    })
    .await;
    assert!(!said.contains("panicked"), "{said}");
}

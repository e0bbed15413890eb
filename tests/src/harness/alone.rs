//! Runs a test in a process of its own.

use std::env;
use std::process::Command;

/// Set in the process that runs the body of the test.
const CHILD: &str = "LIFECYCLE_TESTS_ALONE";

/// Runs the body of a test in a child process, which runs this one test.
///
/// For tests that change, or measure, something of their whole process: its subscriber of `tracing`, its limits, its
/// threads. Call it from the test function itself, since the name of the test is taken from the type of the closure.
///
/// # Panics
///
/// If the body panics, or the child cannot be started.
pub fn alone<F: FnOnce()>(body: F) {
    if env::var_os(CHILD).is_some() {
        return body();
    }
    // `it::spans::a_test::{{closure}}`, or with `{closure#0}`; libtest leaves out the crate.
    let closure = std::any::type_name::<F>();
    let test = closure
        .split_once("::")
        .and_then(|(_, path)| path.rsplit_once("::{"))
        .map_or(closure, |(test, _)| test);
    let output = Command::new(env::current_exe().expect("the path of this program"))
        .args([test, "--exact", "--include-ignored", "--nocapture"])
        .env(CHILD, "")
        .output()
        .expect("this program starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "`{test}` in its own process: {}\n{stdout}{stderr}",
        output.status
    );
}

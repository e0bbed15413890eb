//! The page of a life, in a browser.

use lifecycle_tests::harness::Program;
use lifecycle_tests::http::own_address;
use lifecycle_tests::program;

#[test]
#[ignore = "needs Debian's chromium and python3 with playwright (pip install playwright)"]
fn the_page_shows_details_by_pointer_and_by_keyboard_without_requests() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("life.html");
    let mut run = program!("chain")
        .with("c.stop=hang")
        .env("LIFECYCLE_TIMEOUT_C", "150ms")
        .env("LIFECYCLE_REPORT", &file)
        .up();
    run.terminate();
    run.end().expect_code(3);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/picture/browser.py");
    let browser = Program::python(script).env("PAGE", format!("file://{}", file.display()));
    browser.run().expect_code(0);
}

#[test]
#[ignore = "needs Debian's chromium and python3 with playwright (pip install playwright)"]
fn the_live_page_follows_a_life_to_its_end_without_other_requests() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/picture/live.py");
    let browser = Program::python(script)
        .env("PROGRAM", env!("CARGO_BIN_EXE_chain"))
        .env("LIFECYCLE_ADMIN", own_address().to_string())
        .env("LIFECYCLE_TIMEOUT_C", "150ms")
        .env("LIFECYCLE_DRAIN_TIMEOUT", "5s")
        .env("LIFECYCLE_SHUTDOWN_TIMEOUT", "30s");
    browser.run().expect_code(0);
}

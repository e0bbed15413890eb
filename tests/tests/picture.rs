//! The page of a life, in a browser.

use lifecycle_tests::program;
use lifecycle_tests::run::Program;

#[test]
#[ignore = "needs Debian's chromium and python3 with playwright (pip install playwright)"]
fn the_page_shows_details_by_pointer_and_by_keyboard_and_asks_nobody_for_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("life.html");
    let mut run = program!("chain")
        .with("c.stop=hang")
        .env("LIFECYCLE_TIMEOUT_C", "150ms")
        .env("LIFECYCLE_REPORT", &file)
        .up();
    run.terminate();
    run.end().expect_code(3);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/picture/browser.py");
    let browser = Program::new("python3")
        .env("PAGE", format!("file://{}", file.display()))
        .env("SCRIPT", script)
        .through("exec \"$@\" \"$SCRIPT\"");
    browser.run().expect_code(0);
}

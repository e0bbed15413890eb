use std::env;
use std::process::{Command, exit};

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;

use super::live::{Kept, drive};
use super::watchdog;
use crate::life::emergency::Emergency;
use crate::view::stderr::write_line;

/// Set in the process that is to end.
const CHILD: &str = "LIFECYCLE_TESTS_CHILD";
const THIS: &str =
    "process::tests::a_driver_that_panics_ends_the_process_when_the_hooks_were_called";

#[test]
fn a_driver_that_panics_ends_the_process_when_the_hooks_were_called() {
    if env::var_os(CHILD).is_some() {
        panic_as_driver();
    }
    let end = Command::new(env::current_exe().unwrap())
        .args([THIS, "--exact", "--nocapture"])
        .env(CHILD, "")
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&end.stderr);
    assert_eq!(end.status.code(), Some(1), "{stderr}");
    for said in [
        r"error: the driver panicked (what\nnobody expects)",
        "the hook is called",
    ] {
        assert!(stderr.contains(said), "{stderr}");
    }
}

fn panic_as_driver() {
    thread::spawn(|| {
        thread::sleep(Duration::from_secs(60));
        write_line("it has not ended");
        exit(99);
    });
    watchdog::install().unwrap();
    let emergency_news = Arc::new(Notify::new());
    let news = Arc::clone(&emergency_news);
    let emergency = Emergency::new(1, move || news.notify_one()).unwrap();
    emergency.arm(0, Box::new(|| write_line("the hook is called")));
    let reserve = Duration::from_millis(250);
    watchdog::attach(emergency.handle(), reserve, Duration::from_secs(600));
    let kept = Kept {
        _made: Box::new(()),
        emergency,
        emergency_news,
    };
    drive(async { panic!("what\nnobody expects") }, kept, async {});
}

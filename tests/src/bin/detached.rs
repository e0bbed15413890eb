//! Detaches from the terminal that it may have been started from, resets SIGHUP, and executes the program in its
//! arguments.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

fn main() {
    rustix::process::setsid().expect("a child leads no group of processes");
    // The parent of the tests may ignore SIGHUP (`nohup`), which children inherit.
    let error = Command::new("env")
        .arg("--default-signal=HUP")
        .args(std::env::args_os().skip(1))
        .exec();
    panic!("it cannot be executed: {error}");
}

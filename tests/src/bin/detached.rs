//! Leaves the terminal that it may have been started from, with SIGHUP as it is by default, then becomes the program that its arguments say.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

fn main() {
    rustix::process::setsid().expect("a child leads no group of processes");
    // What starts the tests may ignore it (`nohup`), which its children inherit.
    let error = Command::new("env")
        .arg("--default-signal=HUP")
        .args(std::env::args_os().skip(1))
        .exec();
    panic!("it cannot be executed: {error}");
}

//! Leaves the terminal that it may have been started from, then becomes the program that its arguments say.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

fn main() {
    rustix::process::setsid().expect("a child leads no group of processes");
    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("a program to become");
    let error = Command::new(program).args(arguments).exec();
    panic!("it cannot be executed: {error}");
}

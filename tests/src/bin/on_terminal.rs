//! Becomes the leader of a session on the terminal in its first argument, and executes the program in the others.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

fn main() {
    rustix::process::setsid().expect("a child leads no group of processes");
    let mut arguments = std::env::args_os().skip(1);
    let terminal = arguments.next().expect("a terminal");
    // The first terminal that the leader of a session opens becomes its controlling terminal.
    let opened = OpenOptions::new().read(true).write(true).open(&terminal);
    let opened = opened.expect("the terminal can be opened");
    // The program inherits the open terminal, because a closed one does not control the session.
    rustix::io::fcntl_setfd(&opened, rustix::io::FdFlags::empty()).expect("it can be kept");
    let error = Command::new("env")
        .arg("--default-signal=HUP")
        .args(arguments)
        .exec();
    drop(opened);
    panic!("it cannot be executed: {error}");
}

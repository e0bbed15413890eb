//! [`Script`]: what a drill rehearses.

use std::time::Duration;

/// Where the drill can put a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Start,
    Stop,
    Emergency,
    Reload,
    /// The function of a worker, or the body of `main`.
    Run,
}

/// What goes wrong there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Error,
    Panic,
    Hang,
    Block,
    Slow(Duration),
}

/// When a signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Running,
    Draining,
    Stopping,
}

/// What has a name, and which hooks.
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<Point>,
}

/// A fault in a hook of one of the targets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Its index.
    pub(super) target: usize,
    pub(super) point: Point,
    pub(super) fault: Fault,
    /// The directive, with the name as it is in logs.
    pub(super) text: String,
}

/// Everything that is to happen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) faults: Vec<Planned>,
    /// How many signals in which stage, and the directives.
    pub(super) signals: [usize; 4],
    pub(super) signals_text: Vec<String>,
}

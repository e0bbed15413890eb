//! [`Script`]: what a drill rehearses.

use std::time::Duration;

/// A hook that a fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    Start,
    Stop,
    Emergency,
    Reload,
    /// The function of a worker, or the body of `main`.
    Run,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Error,
    Panic,
    Hang,
    Block,
    Slow(Duration),
}

/// The phase in which a signal is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Starting,
    Running,
    Draining,
    Stopping,
}

/// A component, or `main`, and its hooks that faults can strike.
pub(super) struct Target<'a> {
    pub(super) name: &'a str,
    pub(super) points: Vec<Point>,
}

/// A fault in a hook of a target.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// The index of the target.
    pub(super) target: usize,
    pub(super) point: Point,
    pub(super) fault: Fault,
    /// The directive, with the component's name as in logs.
    pub(super) text: String,
}

/// All faults and signals of a drill.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub(super) faults: Vec<Planned>,
    /// The number of signals of each [`Stage`].
    pub(super) signals: [usize; 4],
    /// Their directives.
    pub(super) signals_text: Vec<String>,
}

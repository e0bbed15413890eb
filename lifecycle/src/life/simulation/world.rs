//! Worlds as plain data: what an app has and does, what its code does, and what happens to it from outside. Times are
//! milliseconds.

use crate::api::background_policy::{EndAction, RestartPolicy};

/// How a call of user code ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Ok,
    Fail,
    /// With an error that says that the configuration is wrong.
    Config,
    /// With an error that says that the other side has gone.
    Disconnect,
    /// With an error that the resource expects of its stop.
    Expected,
    Panic,
    Never,
}

/// It ends that way, after that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) after: u64,
    pub(super) end: End,
}

/// One call of user code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub(super) act: Act,
    /// What it does instead once it is asked to stop; without that it does not listen.
    pub(super) on_stop: Option<Act>,
    /// It is a function that blocks its thread.
    pub(super) thread: bool,
    /// Its future panics when it is dropped before its end.
    pub(super) bomb: bool,
}

/// What dropping an instance does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destructor {
    /// Nothing that would need a thread.
    None,
    Quick,
    Panic,
    Slow(u64),
}

#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) order: Option<i32>,
    /// Smaller ids only; and ids are sorted by order, so that orders contradict nothing.
    pub(super) needs: Vec<usize>,
    pub(super) timeout: Option<u64>,
    pub(super) start_timeout: u64,
    pub(super) retries: u32,
    pub(super) backoff: u64,
    pub(super) takes_shutdown: bool,
    /// One for each attempt; the last one stands for all that follow.
    pub(super) starts: Vec<Call>,
    pub(super) stop: Option<Call>,
    /// Its emergency hook, and whether that panics.
    pub(super) emergency: Option<bool>,
    /// What its start spawns.
    pub(super) tasks: Vec<Call>,
    pub(super) destructor: Destructor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// It is up with its first poll, which blocks the runtime so long.
    FirstPoll(u64),
    Sets(u64),
    NeverSets,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Every {
    pub(super) period: u64,
    pub(super) immediate: bool,
    pub(super) run_timeout: Option<u64>,
    pub(super) max_failures: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) order: Option<i32>,
    pub(super) timeout: Option<u64>,
    pub(super) start_timeout: u64,
    pub(super) ready: Ready,
    pub(super) every: Option<Every>,
    pub(super) restart: RestartPolicy,
    pub(super) max_restarts: u32,
    pub(super) within: u64,
    pub(super) backoff: u64,
    pub(super) on_failure: EndAction,
    pub(super) on_finish: EndAction,
    /// One for each run; the last one stands for all that follow.
    pub(super) runs: Vec<Call>,
    pub(super) tasks: Vec<Call>,
    /// It calls `Shutdown::fail`, or `request`, so long after its first run began.
    pub(super) asks: Option<(u64, Outside)>,
}

#[derive(Debug, Clone)]
pub(super) struct Body {
    pub(super) call: Call,
    pub(super) tasks: Vec<Call>,
}

/// Work that comes from outside: it asks to be admitted at that time since the begin, and takes that long, or does not end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    pub(super) at: u64,
    pub(super) length: Option<u64>,
    /// A part of it goes on for that much longer.
    pub(super) more: Option<u64>,
}

/// What comes from outside of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outside {
    Stop,
    Fail,
    Hangup,
    Signal(i32),
    Forced(i32),
    /// A call of `exit` with this code.
    Exited(i32),
}

/// When the watchdog is earlier than the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    /// As soon as the deadline is fixed.
    Deadline,
    /// When the driver has called for the first stop, and it has not begun yet.
    FirstStop,
    /// In the last moment of a stop.
    EndOfStop,
    /// The same, because of a signal that the driver does not see.
    Signal(i32),
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) shutdown: u64,
    pub(super) drain: u64,
    pub(super) lame_duck: u64,
    pub(super) reserve: u64,
    pub(super) startup: u64,
    /// When all emergency hooks are begun without the driver, where they are.
    pub(super) early_watchdog: Option<Early>,
    pub(super) resources: Vec<Resource>,
    pub(super) workers: Vec<Worker>,
    pub(super) body: Option<Body>,
    pub(super) units: Vec<Unit>,
    pub(super) outside: Vec<(u64, Outside)>,
    /// It is asked to stop so long after it has come up, where nothing else stops it.
    pub(super) linger: u64,
    /// What stands for chance in backoffs.
    pub(super) jitter: f64,
}

impl Act {
    pub(super) const OK: Self = Self::ends(0, End::Ok);
    pub(super) const NEVER: Self = Self::ends(0, End::Never);

    pub(super) const fn ends(after: u64, end: End) -> Self {
        Self { after, end }
    }
}

impl Call {
    pub(super) const OK: Self = Self::of(Act::OK);
    /// It goes on until it is asked to stop.
    pub(super) const UNTIL_STOP: Self = Self {
        on_stop: Some(Act::OK),
        ..Self::of(Act::NEVER)
    };

    pub(super) const fn of(act: Act) -> Self {
        Self {
            act,
            on_stop: None,
            thread: false,
            bomb: false,
        }
    }
}

impl Resource {
    pub(super) const PLAIN: Self = Self {
        order: None,
        needs: Vec::new(),
        timeout: None,
        start_timeout: 1_000,
        retries: 0,
        backoff: 0,
        takes_shutdown: false,
        starts: Vec::new(),
        stop: Some(Call::OK),
        emergency: None,
        tasks: Vec::new(),
        destructor: Destructor::None,
    };

    pub(super) fn start(&self, attempt: usize) -> Call {
        nth(&self.starts, attempt)
    }

    /// Something of its end is on threads that are not waited for to the end.
    pub(super) fn has_threads(&self) -> bool {
        self.stop.is_some_and(|stop| stop.thread) || matches!(self.destructor, Destructor::Slow(_))
    }
}

impl Worker {
    pub(super) const PLAIN: Self = Self {
        order: None,
        timeout: None,
        start_timeout: 1_000,
        ready: Ready::FirstPoll(0),
        every: None,
        restart: RestartPolicy::Never,
        max_restarts: 5,
        within: 60_000,
        backoff: 500,
        on_failure: EndAction::Shutdown,
        on_finish: EndAction::Ignore,
        runs: Vec::new(),
        tasks: Vec::new(),
        asks: None,
    };

    pub(super) fn run(&self, run: usize) -> Call {
        nth(&self.runs, run)
    }

    /// Its group in the order of starting: those without an order last.
    pub(super) fn group(&self) -> (bool, i32) {
        (self.order.is_none(), self.order.unwrap_or_default())
    }
}

fn nth(calls: &[Call], index: usize) -> Call {
    calls
        .get(index)
        .or(calls.last())
        .copied()
        .unwrap_or(Call::OK)
}

impl World {
    /// One that is asked to stop once it is up, with these resources.
    pub(super) fn of(resources: Vec<Resource>) -> Self {
        Self {
            shutdown: 20_000,
            drain: 1_000,
            lame_duck: 0,
            reserve: 2_000,
            startup: 300_000,
            early_watchdog: None,
            resources,
            workers: Vec::new(),
            body: None,
            units: Vec::new(),
            outside: Vec::new(),
            linger: 0,
            jitter: 1.0,
        }
    }

    /// Resources of which each needs the one before.
    pub(super) fn chain(members: usize, plain: &Resource) -> Self {
        let resource = |id: usize| Resource {
            needs: id.checked_sub(1).into_iter().collect(),
            ..plain.clone()
        };
        Self::of((0..members).map(resource).collect())
    }

    pub(super) fn worker_ids(&self) -> std::ops::Range<usize> {
        self.resources.len()..self.resources.len() + self.workers.len()
    }

    pub(super) fn body_id(&self) -> usize {
        self.worker_ids().end
    }

    /// The driver, and what acts from outside.
    pub(super) fn outside_id(&self) -> usize {
        self.body_id() + 1
    }

    pub(super) fn unit_id(&self, unit: usize) -> usize {
        self.body_id() + 2 + unit
    }

    pub(super) fn worker(&self, id: usize) -> &Worker {
        &self.workers[id - self.resources.len()]
    }

    pub(super) fn name(&self, id: usize) -> String {
        if id < self.resources.len() {
            format!("r{id}")
        } else if id < self.body_id() {
            format!("w{id}")
        } else {
            "main".to_owned()
        }
    }
}

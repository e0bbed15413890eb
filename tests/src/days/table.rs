//! The table of faults, and what each may lead to.

use crate::harness::Signal;

/// A fault, and what it may lead to.
#[derive(Debug)]
pub struct Fault {
    /// The name in the table.
    pub name: &'static str,
    /// What it does.
    pub deed: Deed,
    /// Where the step can be, if it is a step of a hook.
    pub places: &'static [Place],
    /// Where the step is a reason to stop.
    pub causes: &'static [Place],
    /// The kind of reason.
    pub cause: Cause,
    /// The exit codes that it may lead to without a second signal. `-9` means killed by signal 9.
    pub codes: &'static [i32],
    /// Whether started resources must still stop or run their emergency hooks.
    pub due: bool,
    /// When the process must be gone.
    pub limit: Limit,
    /// Whether the driver may stand still, so that a resource that has stopped gracefully may also run its emergency
    /// hook.
    pub stuck: bool,
    /// Whether it keeps a processor busy.
    pub heavy: bool,
}

/// How a fault is a reason to stop. Its name is left as evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The app requests a stop.
    Asks,
    /// The app fails.
    Fails,
    /// The process ends itself.
    Aborts,
    /// User code calls `exit`.
    Exits,
    /// The process will end itself: a second panic writes a backtrace before it aborts, and only then is there a
    /// reason.
    WillAbort,
}

impl Cause {
    /// The evidence of this kind.
    #[must_use]
    pub fn evidence(self) -> &'static str {
        match self {
            Self::Asks => "asks",
            Self::Fails => "fails",
            Self::Aborts => "aborts",
            Self::Exits => "exits",
            Self::WillAbort => "will-abort",
        }
    }
}

/// What a fault does.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    /// Nothing.
    Nothing,
    /// A step of a hook: see [`crate::act`].
    Step(&'static str),
    /// Unusual signals.
    Signals(Pattern),
    /// Unusual outputs.
    Outputs(Outputs),
}

/// How the program is asked to stop, if that is the fault.
#[derive(Debug, Clone, Copy)]
pub enum Pattern {
    /// During startup.
    Startup,
    /// Twice, within the time in which both count as one.
    Same,
    /// Twice.
    Twice,
    /// Three times.
    Thrice,
    /// SIGTERM several times, as supervisors repeat theirs.
    Repeated,
    /// Hundreds of signals at once, SIGHUP among them.
    Storm,
    /// Once; then the process is stopped (SIGSTOP), and continued later.
    Stopped,
}

/// The outputs of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outputs {
    /// The test reads them.
    Read,
    /// Both are closed.
    Closed,
    /// Their reader is closed.
    Gone,
    /// Both are full, and are not read.
    Full,
}

/// Where a step can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Before anything has started.
    Init,
    /// The start of a resource.
    Start,
    /// The stop of a resource.
    Stop,
    /// The emergency hook of a resource.
    Emergency,
    /// A worker.
    Worker,
    /// The body of `main`.
    Main,
    /// A task of a resource, or of the body of `main`.
    Task,
    /// A destructor.
    Drop,
    /// A writer that is flushed at the end.
    Writer,
}

/// When a process must be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// At the deadline.
    Deadline,
    /// The watchdog stands still: a timer of the kernel ends the process.
    NoWatchdog,
    /// The threads of the emergency hooks stand still, too.
    NoEmergency,
}

impl Limit {
    /// The time allowed beyond the deadline, in milliseconds.
    #[must_use]
    pub fn extra(self) -> u64 {
        match self {
            Self::Deadline => 0,
            Self::NoWatchdog => 150,
            Self::NoEmergency => 250,
        }
    }
}

use Place::{Drop, Emergency, Init, Main, Start, Stop, Task, Worker, Writer};

/// Places in which a failure fails the app.
const APP: &[Place] = &[Start, Worker, Main];
const HOOKS: &[Place] = &[Start, Stop, Worker, Main, Task];
const SYNC: &[Place] = &[Init, Emergency, Drop, Writer];
const ANYWHERE: &[Place] = &[
    Start, Stop, Emergency, Worker, Main, Task, Drop, Writer, Init,
];
/// Places that run after everything has started.
const ONCE_UP: &[Place] = &[Stop, Worker, Main];

/// No fault.
const WELL: Fault = Fault {
    name: "nothing",
    deed: Deed::Nothing,
    places: &[],
    causes: &[],
    cause: Cause::Asks,
    codes: &[0],
    due: true,
    limit: Limit::Deadline,
    stuck: false,
    heavy: false,
};

/// A step of a hook that is a fault.
const fn step(name: &'static str, places: &'static [Place]) -> Fault {
    Fault {
        name,
        deed: Deed::Step(name),
        places,
        codes: &[0, 1, 3],
        ..WELL
    }
}

/// A step that fails the app if it is in a start, a worker or `main`.
const fn failure(name: &'static str, places: &'static [Place]) -> Fault {
    Fault {
        causes: APP,
        cause: Cause::Fails,
        ..step(name, places)
    }
}

/// A step that ends the process.
const fn abort(name: &'static str) -> Fault {
    Fault {
        causes: ANYWHERE,
        cause: Cause::Aborts,
        codes: &[0, 1, 3, -6],
        ..step(name, ANYWHERE)
    }
}

/// A call of `exit`. Codes 0 to 3 are those of lives that end before it is called, or that have come to nothing.
const fn exit(name: &'static str, codes: &'static [i32]) -> Fault {
    Fault {
        causes: ANYWHERE,
        cause: Cause::Exits,
        codes,
        ..step(name, ANYWHERE)
    }
}

/// A fault of the whole process: see [`crate::faults`].
const fn process(name: &'static str) -> Fault {
    step(name, ONCE_UP)
}

/// Threads that stand still or vanish. If the driver is one of them, or misses events, a resource that has stopped
/// gracefully may also run its emergency hook.
const fn threads(name: &'static str, limit: Limit) -> Fault {
    Fault {
        limit,
        stuck: true,
        ..process(name)
    }
}

/// The threads of the emergency hooks are among them, so that no hook can run.
const fn without_hooks(name: &'static str, limit: Limit) -> Fault {
    Fault {
        due: false,
        ..threads(name, limit)
    }
}

/// A fault of the signals.
const fn signals(name: &'static str, pattern: Pattern) -> Fault {
    Fault {
        name,
        deed: Deed::Signals(pattern),
        codes: &[0, 1, 3],
        ..WELL
    }
}

/// A fault of the outputs.
const fn outputs(name: &'static str, outputs: Outputs) -> Fault {
    Fault {
        name,
        deed: Deed::Outputs(outputs),
        ..WELL
    }
}

/// All faults. The last one is drawn only if the programs survive it.
pub static FAULTS: &[Fault] = &[
    WELL,
    failure("error", HOOKS),
    failure("expected", &[Start, Stop, Worker]),
    failure("disconnect", &[Start, Stop, Worker]),
    Fault {
        codes: &[0, 1, 2, 3],
        ..failure("config", &[Start, Init])
    },
    failure("panic", HOOKS),
    Fault {
        name: "panic (sync)",
        ..failure("panic", SYNC)
    },
    step("hang", HOOKS),
    Fault {
        name: "hang (sync)",
        ..step("hang", SYNC)
    },
    step("block", HOOKS),
    step("uninterruptible", HOOKS),
    step("block:30", ANYWHERE),
    step("slow:30", HOOKS),
    Fault {
        heavy: true,
        ..step("spin", ANYWHERE)
    },
    abort("abort"),
    abort("overflow"),
    Fault {
        cause: Cause::WillAbort,
        // A backtrace of a debug build takes half a second.
        heavy: true,
        ..abort("double")
    },
    step("spawn", ANYWHERE),
    step("spawn:TERM", ANYWHERE),
    step("fork:TERM", ANYWHERE),
    step("fork:abort", ANYWHERE),
    step("fork:exit", ANYWHERE),
    exit("exit:0", &[0, 1, 2, 3]),
    exit("exit:5", &[0, 1, 2, 3, 5]),
    exit("c-exit:0", &[0, 1, 2, 3]),
    exit("many-exit:5", &[0, 1, 2, 3, 5]),
    step("bridge", &[Stop, Worker, Main, Task]),
    step("leave:512", &[Start, Stop, Worker, Main]),
    step("print:text", HOOKS),
    Fault {
        causes: &[Main],
        ..step("ok", &[Main])
    },
    Fault {
        causes: &[Worker, Main, Task],
        ..step("request", &[Worker, Main, Task])
    },
    Fault {
        causes: &[Worker, Main, Task],
        cause: Cause::Fails,
        ..step("fail", &[Worker, Main, Task])
    },
    signals("signal in startup", Pattern::Startup),
    signals("same signal twice", Pattern::Same),
    signals("second signal", Pattern::Twice),
    signals("third signal", Pattern::Thrice),
    signals("SIGTERM repeated", Pattern::Repeated),
    signals("400 signals", Pattern::Storm),
    signals("SIGSTOP", Pattern::Stopped),
    outputs("outputs closed", Outputs::Closed),
    outputs("outputs' reader gone", Outputs::Gone),
    outputs("outputs full", Outputs::Full),
    Fault {
        causes: ONCE_UP,
        cause: Cause::Aborts,
        codes: &[0, 1, 3, -6],
        ..process("oom")
    },
    Fault {
        stuck: true,
        ..process("allocator")
    },
    // The runtime may panic at any time after it, and the owner of a closed descriptor may abort.
    Fault {
        codes: &[0, 1, 3, -6],
        stuck: true,
        ..process("close")
    },
    process("files"),
    process("atexit"),
    // A signal before the worker waits for it would have its default effect.
    step("ignore", &[Stop]),
    process("mask"),
    threads("freeze:first", Limit::Deadline),
    threads("freeze:main", Limit::Deadline),
    threads("freeze:lifecycle", Limit::Deadline),
    threads("vanish:lifecycle", Limit::Deadline),
    threads("freeze:lifecycle-signals", Limit::Deadline),
    threads("vanish:lifecycle-signals", Limit::Deadline),
    threads("freeze:lifecycle-hook", Limit::Deadline),
    threads("freeze:lifecycle-view", Limit::Deadline),
    threads("freeze:lifecycle-watchdog", Limit::NoWatchdog),
    threads("vanish:lifecycle-watchdog", Limit::NoWatchdog),
    threads("freeze:lifecycle+lifecycle-watchdog", Limit::NoWatchdog),
    threads("vanish:lifecycle+lifecycle-watchdog", Limit::NoWatchdog),
    without_hooks("freeze:lifecycle-emergency", Limit::Deadline),
    without_hooks(
        "freeze:lifecycle-watchdog+lifecycle-emergency",
        Limit::NoEmergency,
    ),
    without_hooks(
        "vanish:lifecycle+lifecycle-watchdog+lifecycle-emergency",
        Limit::NoEmergency,
    ),
    step("replace", &[Worker, Main]),
];

/// Whether the programs notice within a second that a library has replaced their handlers, and take them back.
const TAKES_HANDLERS_BACK: bool = false;

/// The faults that days are drawn from.
#[must_use]
pub fn faults() -> &'static [Fault] {
    let drawn = FAULTS.len() - usize::from(!TAKES_HANDLERS_BACK);
    &FAULTS[..drawn]
}

/// The signals that force the end if they come after the first one.
pub static FORCE: &[Signal] = &[Signal::TERM, Signal::INT];

/// Additional faults, small enough not to hide the main one.
pub static BESIDES: &[(&str, Place)] = &[
    ("error", Stop),
    ("panic", Stop),
    ("hang", Stop),
    ("block", Stop),
    ("block:30", Stop),
    ("slow:30", Stop),
    ("expected", Stop),
    ("panic", Emergency),
    ("hang", Emergency),
    ("block:30", Emergency),
    ("hang", Worker),
    ("slow:30", Worker),
    ("hang", Task),
    ("hang", Drop),
];

/// A program, and its components.
#[derive(Debug)]
pub struct App {
    /// The program's name.
    pub program: &'static str,
    /// The resources, and what each needs.
    pub resources: &'static [(&'static str, &'static [&'static str])],
    /// The workers.
    pub workers: &'static [&'static str],
    tasks: &'static [&'static str],
    drops: &'static [&'static str],
    /// The components with timeouts of their own, as variables name them.
    pub timed: &'static [&'static str],
}

impl App {
    /// The hooks of that kind.
    #[must_use]
    pub fn hooks(&self, place: Place) -> Vec<String> {
        let of_resources = |hook: &str| {
            self.resources
                .iter()
                .map(|(name, _)| format!("{name}.{hook}"))
                .collect()
        };
        let named = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        match place {
            Start => of_resources("start"),
            Stop => of_resources("stop"),
            Emergency => of_resources("emergency"),
            Worker => named(self.workers),
            Task => named(self.tasks),
            Drop => named(self.drops),
            Main => named(&["main"]),
            Init => named(&["init"]),
            Writer => named(&["writer"]),
        }
    }
}

const CHAIN: App = App {
    program: "chain",
    resources: &[
        ("a", &[]),
        ("b", &["a"]),
        ("c", &["b"]),
        ("d", &["c"]),
        ("e", &["d"]),
    ],
    workers: &[],
    tasks: &[],
    drops: &[],
    timed: &[],
};

const SERVICE: App = App {
    program: "faults",
    resources: &[
        ("config", &[]),
        ("store", &["config"]),
        ("cache", &["config"]),
        ("index", &["store"]),
        ("queue", &["store", "cache"]),
    ],
    workers: &["serve", "crunch", "janitor"],
    tasks: &["queue.task", "main.task"],
    drops: &["cache.drop"],
    timed: &["STORE", "CRUNCH"],
};

/// The programs.
pub static APPS: [App; 4] = [
    CHAIN,
    App {
        program: "chain_current_thread",
        ..CHAIN
    },
    SERVICE,
    App {
        program: "faults_current_thread",
        ..SERVICE
    },
];

/// Whether a signal asks a program to stop.
#[must_use]
pub fn asks_to_stop(signal: Signal) -> bool {
    signal == Signal::TERM || signal == Signal::INT
}

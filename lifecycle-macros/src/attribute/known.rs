//! The arguments of every macro, and the message for one that is unknown.

use crate::diagnostics::nearest::{nearest, tolerance};

/// An argument that a macro knows, with an example of how to write it.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) example: &'static str,
}

pub(crate) const fn known(name: &'static str, example: &'static str) -> Known {
    Known { name, example }
}

/// The tables of all macros, to say where an argument belongs that is used in the wrong place.
const TABLES: [(&str, &[Known]); 5] = [
    ("#[resource(..)]", RESOURCE),
    ("#[background(..)]", BACKGROUND),
    ("#[app(..)]", APP),
    ("#[lifecycle::main(..)]", MAIN),
    ("#[lifecycle::test(..)]", TEST),
];

pub(crate) const RESOURCE: &[Known] = &[
    known("order", "order = 3"),
    known("timeout", "timeout = \"5s\""),
    known("start_timeout", "start_timeout = \"30s\""),
    known("retries", "retries = 5"),
    known("backoff", "backoff = \"200ms\""),
    known("after", "after = [Metrics]"),
    known("as", "as = dyn Clock"),
    known("readiness", "readiness"),
    known("name", "name = \"db\""),
    known("crate", "crate = lifecycle"),
];

pub(crate) const BACKGROUND: &[Known] = &[
    known("order", "order = 3"),
    known("timeout", "timeout = \"5s\""),
    known("name", "name = \"poller\""),
    known("every", "every = \"60s\""),
    known("immediate", "immediate"),
    known("run_timeout", "run_timeout = \"30s\""),
    known("max_failures", "max_failures = 3"),
    known("restart", "restart = \"on_failure\""),
    known("max_restarts", "max_restarts = 5"),
    known("within", "within = \"60s\""),
    known("backoff", "backoff = \"500ms\""),
    known("on_failure", "on_failure = \"ignore\""),
    known("on_finish", "on_finish = \"shutdown\""),
    known("crate", "crate = lifecycle"),
];

pub(crate) const APP: &[Known] = &[
    known("shutdown_timeout", "shutdown_timeout = \"30s\""),
    known("drain_timeout", "drain_timeout = \"10s\""),
    known("lame_duck", "lame_duck = \"5s\""),
    known("emergency_timeout", "emergency_timeout = \"2s\""),
    known("start_timeout", "start_timeout = \"60s\""),
    known("startup_timeout", "startup_timeout = \"5m\""),
    known("background", "background = [serve]"),
    known("expect", "expect = [plugin::Metrics]"),
    known("crate", "crate = lifecycle"),
];

pub(crate) const MAIN: &[Known] = &[
    known("init", "init = setup"),
    known("flavor", "flavor = \"current_thread\""),
    known("worker_threads", "worker_threads = 4"),
    known("registered", "registered = false"),
    known("crate", "crate = lifecycle"),
];

pub(crate) const TEST: &[Known] = &[
    known("provide", "provide = [FakeClock::new()]"),
    known("background", "background = [poll]"),
    known("flavor", "flavor = \"multi_thread\""),
    known("worker_threads", "worker_threads = 4"),
    known("start_paused", "start_paused = true"),
    known("crate", "crate = lifecycle"),
];

/// The message for an argument that the macro does not know.
pub(super) fn unknown(name: &str, owner: &str, table: &[Known]) -> String {
    let near = nearest(name, table.iter().map(|known| known.name), tolerance(name));
    if let Some(known) = near.and_then(|near| table.iter().find(|known| known.name == near)) {
        return format!(
            "unknown argument `{name}`, did you mean `{}`?\nwrite `{}`",
            known.name, known.example
        );
    }
    let home = TABLES
        .iter()
        .find(|(_, table)| table.iter().any(|known| known.name == name));
    let home = home.map_or_else(String::new, |(home, _)| {
        format!("`{name}` is an argument of `{home}`; ")
    });
    format!(
        "unknown argument `{name}`\n{home}{owner} takes {}",
        list(table)
    )
}

/// The names of the arguments, for a message.
pub(super) fn list(table: &[Known]) -> String {
    let names: Vec<String> = table
        .iter()
        .map(|known| format!("`{}`", known.name))
        .collect();
    names.join(", ")
}

//! Rehearses faults and signals on the real app, by the environment variable `LIFECYCLE_DRILL`.
//!
//! The module has no items: only [`main`](macro@crate::main) reads the variable, and code cannot depend on a drill.
//!
//! ```sh
//! LIFECYCLE_DRILL=stop ./app
//! LIFECYCLE_DRILL="database.stop=hang, cache.stop=panic, signal=twice" ./app
//! ```
//!
//! The app starts, the faults strike the named hooks, the signals are sent in the named phases, and the app stops. If
//! no signal asks it to stop, it is stopped as soon as it is up. The drill announces on standard error what it
//! rehearses; after the report it lists what occurred and what did not. The exit code is the same as for a run in which
//! this happened by itself. An invalid directive is exit code 2, before anything starts.
//!
//! Without the feature `drill` the variable has no effect but a warning.
//!
//! # Directives
//!
//! Directives are separated by commas, and their order does not matter.
//!
//! | directive | effect |
//! | --- | --- |
//! | `stop` | none; the app is stopped as soon as it is up, as in every drill without signals |
//! | `<component>.<hook>=<fault>` | the fault replaces or delays the hook, each time that it is called |
//! | `signal=<times>` | SIGTERM `once`, `twice` or `thrice`; the first one as soon as the app is up |
//! | `signal@<phase>=<times>` | the same, from the beginning of `starting`, `running`, `draining` or `stopping` |
//!
//! A component is named as in logs or as in environment variables: `http::run`, `HttpListener`, `http_listener`. `main`
//! stands for the body of `main`.
//!
//! | hook | of | where the fault strikes |
//! | --- | --- | --- |
//! | `start`, `stop`, `reload` | resources | in the hook |
//! | `emergency` | resources | in the hook, which cannot return an `error` |
//! | `run` | workers, `main` | in the function |
//!
//! | fault | effect |
//! | --- | --- |
//! | `error` | the hook returns an error |
//! | `panic` | the hook panics |
//! | `hang` | the hook never completes; a `fn` parks its thread |
//! | `block` | the hook blocks its thread for ever; for an `async fn` that is a thread of the runtime |
//! | `slow 3s` | the hook begins after that duration |
//!
//! Except with `slow`, the fault replaces the hook, of which nothing runs: the emergency hook that follows a faulty
//! `stop` gets a resource whose `stop` has not begun.
//!
//! A worker with `error` or `panic` fails once the app is up, and the app is stopped only then. With `hang` or `block`
//! the worker is ready at once and does not end when its stop is requested. A periodic worker with a fault has its
//! first run at once. With a fault in a `reload`, the app is reloaded once it is up, before it is stopped.
//!
//! # Signals
//!
//! The process sends the signals to itself. The first one asks the app to stop, the second one forces the stop, and the
//! third one ends the process at once, without a report. Signals within 300 ms of the first count as one, so the drill
//! sends a second one after that time, or later, when its phase begins. A phase does not end before its signals have
//! arrived, and the app does not exit before all signals of its phases have: otherwise a fast stop would skip what is
//! rehearsed.
//!
//! | to rehearse | directives |
//! | --- | --- |
//! | a signal during startup | `signal@starting=once` |
//! | a forced stop while every component is still up | `signal=once, signal@draining=once` |
//! | a forced stop while a `stop` hangs | `database.stop=hang, signal=twice` |

mod fault;
mod grammar;
mod rehearsal;
mod script;

pub(crate) use self::rehearsal::Drill;
pub(crate) use self::script::Stage;

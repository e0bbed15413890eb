//! The drill: rehearses the bad day on the real app. It adds nothing to the API; what happens is said by the environment
//! variable `LIFECYCLE_DRILL`, which only [`main`](macro@crate::main) reads.
//!
//! ```sh
//! LIFECYCLE_DRILL=stop ./app
//! LIFECYCLE_DRILL="database.stop=hang, cache.stop=panic, signal=twice" ./app
//! ```
//!
//! The app starts, the named hooks go wrong, the named signals come, and it ends: where no signal does it, it is stopped as
//! soon as it is up. A drill says on standard error what it is going to do, and at the end the report, what came of it and
//! what never did. The exit code is that of the life that was led. A directive that cannot be is exit code 2, before
//! anything starts.
//!
//! # Directives
//!
//! Separated by commas, in any order.
//!
//! | directive | what happens |
//! | --- | --- |
//! | `stop` | nothing but that the app is stopped as soon as it is up |
//! | `<component>.<hook>=<fault>` | the hook goes wrong, each time that it is called |
//! | `signal=<times>` | SIGTERM `once`, `twice` or `thrice`, the first one as soon as the app is up |
//! | `signal@<phase>=<times>` | the same when `starting`, `running`, `draining` or `stopping` begins |
//!
//! A component is named as in logs, or as in environment variables: `http::run`, `HttpListener`, `http_listener`. The
//! body of `main` is `main`.
//!
//! | hook | of | what it stands for |
//! | --- | --- | --- |
//! | `start`, `stop`, `reload` | resources | the hook |
//! | `emergency` | resources | the hook, which cannot return an `error` |
//! | `run` | workers, `main` | the function |
//!
//! | fault | what happens |
//! | --- | --- |
//! | `error` | in place of the hook, an error is returned |
//! | `panic` | in place of the hook, it panics |
//! | `hang` | in place of the hook, it never completes; a `fn` parks its thread |
//! | `block` | in place of the hook, the thread sleeps for ever: for an `async fn` that is one of the runtime's |
//! | `slow 3s` | so long nothing, then the hook itself |
//!
//! In place of the hook means that nothing of it has run: the emergency hook that follows a faulty `stop` meets a
//! resource that nobody has begun to close.
//!
//! The function of a worker fails or panics once the app is up, and the app is only stopped then; with `hang` and `block`
//! it comes up, and does not end when told. A periodic worker with a fault has its first run at once. With a fault in a
//! `reload` the app is reloaded once it is up, before it is stopped.
//!
//! # Signals
//!
//! They are real ones, which the process sends to itself. The first one asks to stop, the second one forces, the third
//! one ends the process there and then, without a report. Signals within 300 ms of the first count as the same, so a
//! second one comes so long after it, and later when its phase has not begun. A phase does not end before its signals
//! have come, and a life not before all that its phases have brought: a rehearsal that is over too soon shows nothing.
//!
//! | to rehearse | |
//! | --- | --- |
//! | a signal during the startup | `signal@starting=once` |
//! | an impatient operator: forced while everything is still up | `signal=once, signal@draining=once` |
//! | forced while a `stop` hangs | `database.stop=hang, signal=twice` |

mod fault;
mod grammar;
mod rehearsal;
mod script;

pub(crate) use self::rehearsal::Drill;
pub(crate) use self::script::Stage;

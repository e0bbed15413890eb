//! The guide: one page a subject, each with a program that compiles. These modules hold no code.
//!
//! | page | says |
//! | --- | --- |
//! | [quick start](quick_start) | an app in one file, and what it does when it is run |
//! | [ordering] | what starts when and stops when; starts that take time, or fail |
//! | [timeouts] | how long the end may take, who gets what of it, and sensible times |
//! | [workers] | what the app does: tasks, threads, periodic work, restarts |
//! | [draining] | work that is under way when the app stops: requests, jobs, tasks, leases |
//! | [streams] | answers that are cut in the middle, and what is saved of them |
//! | [console] | what is seen on a terminal |
//! | [probes] | liveness, readiness, health, metrics, the live picture |
//! | [logs] | the log, spans, and telemetry that is flushed last |
//! | [operating] | exit codes, environment variables, the plan, the report, the drill |
//! | [systemd] | a service that says what it does |
//! | [kubernetes] | a pod that loses no request, and Docker Compose |
//! | [testing] | tests of an app and of how it ends |
//! | [migration] | from a `select!` by hand |
//!
//! What holds when everything goes wrong is a page of its own: [`guarantees`](crate::guide::guarantees). Each attribute lists its
//! arguments: [`#[resource]`](macro@crate::resource), [`#[background]`](macro@crate::worker),
//! [`derive(App)`](macro@crate::App), [`#[lifecycle::main]`](macro@crate::main), [`#[lifecycle::test]`](macro@crate::test).
//!
//! # Words
//!
//! | word | meaning |
//! | --- | --- |
//! | resource | something the app has: a pool, a client, a listener, a model. Started once, stopped once |
//! | worker | something the app does until told to stop: a server loop, a queue consumer, a periodic job |
//! | component | a resource or a worker |
//! | order | an optional number: lower starts earlier and stops later |
//! | layer | safe, timeout, emergency: how far the cleanup of a component had to go |
//! | lame duck | still serving, but already reported as not ready |
//! | drain | no new work is admitted, admitted work is finished |
//! | deadline | one instant, fixed at the first cause to stop, never moved |
//! | watchdog | the threads outside the runtime that make the deadline hold |

pub mod console;
pub mod draining;
pub mod guarantees;
pub mod kubernetes;
pub mod logs;
pub mod migration;
pub mod operating;
pub mod ordering;
pub mod probes;
pub mod quick_start;
pub mod streams;
pub mod systemd;
pub mod testing;
pub mod timeouts;
pub mod workers;

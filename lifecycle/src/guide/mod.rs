//! How to use the crate, one page per topic. The pages contain programs that compile; the modules contain no items.
//!
//! | page | topic |
//! | --- | --- |
//! | [Quick start](quick_start) | a complete application in one file, and what it does when it runs |
//! | [Ordering](ordering) | dependencies and start order; slow and failing starts |
//! | [Timeouts](timeouts) | the shutdown deadline, how it is divided, and recommended values |
//! | [Background workers](workers) | tasks, threads, periodic work and restarts |
//! | [Draining](draining) | finishing requests, jobs, tasks and leases before the application stops |
//! | [Streams](streams) | interrupting a streamed response and saving its partial result |
//! | [Console](console) | progress lines on a terminal |
//! | [Probes](probes) | liveness, readiness, health, metrics and the live picture |
//! | [Logs](logs) | log events, spans, and flushing telemetry at exit |
//! | [Operating](operating) | exit codes, signals, environment variables, plan, report and drill |
//! | [Processes](operating::processes) | child processes, `fork`, daemons and `exit` |
//! | [Standard input](operating::stdin) | reading standard input without holding up the shutdown |
//! | [systemd] | notifications, watchdog, reload and socket activation |
//! | [Kubernetes](kubernetes) | rolling updates without failed requests; Docker and Compose |
//! | [Testing](testing) | tests of an application and of its shutdown |
//! | [Migration](migration) | replacing a hand-written `select!` |
//! | [Guarantees](guarantees) | what holds under faults, how, at what cost, and what cannot be guaranteed |
//!
//! The documentation of each macro lists its arguments: [`#[resource]`](macro@crate::resource),
//! [`#[background]`](macro@crate::background), [`derive(App)`](macro@crate::App),
//! [`#[lifecycle::main]`](macro@crate::main) and [`#[lifecycle::test]`](macro@crate::test).
//!
//! # Terms
//!
//! | term | meaning |
//! | --- | --- |
//! | resource | something that the application has, such as a pool, a client, a listener or a model; started once and stopped once |
//! | background worker, or worker | something that the application does until it is asked to stop, such as a server loop, a queue consumer or a periodic job |
//! | component | a resource or a background worker |
//! | hook | a function of a resource that the framework calls, such as `start`, `stop` or `health` |
//! | order | an optional number of a component; lower numbers start earlier and stop later |
//! | cleanup layer | how a component was cleaned up: `safe` (its hook completed), `timeout` (cancelled or abandoned when its timeout had passed), or `emergency` (its emergency hook ran) |
//! | admission | counting a unit of work, such as a request, as in flight; closed when the drain begins |
//! | lame duck | a phase in which the application still serves but reports that it is not ready, so that load balancers stop sending requests |
//! | drain | the phase in which new work is refused and admitted work is finished |
//! | deadline | the instant by which the process must have exited; fixed when the shutdown begins, and never moved |
//! | emergency reserve | the time before the deadline that is kept for emergency hooks |
//! | watchdog | the threads outside the runtime that enforce the deadline |

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

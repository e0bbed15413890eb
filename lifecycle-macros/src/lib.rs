//! The macros of [`lifecycle`](https://docs.rs/lifecycle), which re-exports them: depend on that crate.
//!
//! Each macro is parse -> check -> expand in a folder of its own. Parsing leaves the bodies of functions alone, checking
//! collects every mistake, and expanding cannot fail. On a mistake the user's item is emitted all the same, with a stub of
//! what the expansion would have added, so that one mistake is one error.

mod app;
mod attribute;
mod background;
mod codegen;
mod diagnostics;
mod entry;
mod resource;
mod signature;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a type a resource: something the app has, started once and stopped once.
///
/// It goes on an inherent `impl` block and leaves it as it is; the hooks in it are found by their names. `start` is
/// required, the others are optional.
///
/// ```
/// use lifecycle::{Shutdown, resource};
///
/// pub struct Config {
///     url: String,
/// }
///
/// #[resource(order = 0)]
/// impl Config {
///     async fn start() -> Result<Self, std::env::VarError> {
///         Ok(Self { url: std::env::var("DATABASE_URL")? })
///     }
/// }
///
/// pub struct Database {
///     url: String,
/// }
///
/// #[resource(order = 1, timeout = "5s")]
/// impl Database {
///     /// A `&T` or `Arc<T>` parameter is a dependency on the resource `T`.
///     async fn start(config: &Config, shutdown: Shutdown) -> Self {
///         let _ = shutdown;
///         Self { url: config.url.clone() }
///     }
///
///     async fn stop(&self) -> Result<(), std::io::Error> {
///         println!("closing {}", self.url);
///         Ok(())
///     }
///
///     fn emergency(&self) {}
/// }
/// ```
///
/// # Hooks
///
/// A hook is an `async fn`, which runs on the app's runtime, or a `fn`, which runs on a thread of the framework's own
/// where it may block. It returns its value or a `Result` of it, whose error converts into
/// `Box<dyn Error + Send + Sync>`.
///
/// | hook | when |
/// | --- | --- |
/// | `start(deps..) -> Self` | once all it needs is up. Parameters: `&T`, `Arc<T>` of a resource or of a `dyn Trait` that one is bound `as`, `Shutdown`, `Tasks` |
/// | `stop(&self)` | once, after everything that needs it, and everything of a higher order, has ended |
/// | `emergency(&self)` | at most once, when `stop` has not ended well: the last resort. Always a `fn` |
/// | `health(&self)` | asked by probes |
/// | `reload(&self)` | on SIGHUP |
/// | `in_use(&self) -> usize` | how many leases are out, for the report. Always a `fn` |
/// | `expects(&self, error: &E) -> bool` | whether teardown itself provokes that error of `stop`. Always a `fn` |
///
/// Hooks of one name may appear several times under different `#[cfg]`s. A method that has the shape of an absent hook and
/// nearly its name is an error.
///
/// # Arguments
///
/// Times are written `"5s"`, `"1m 30s"`, or in bare seconds `"5"`: more than 0, at most 365 days.
///
/// | argument | effect | stands for, in an `impl Resource` by hand |
/// | --- | --- | --- |
/// | `order = 3` | starts when all resources of lower orders are up, stops when all of higher orders have ended | `Record::order(3)` |
/// | `timeout = "5s"` | time for `stop`; without it a share of what is left | `Record::timeout(..)` |
/// | `start_timeout = "30s"` | time for one attempt of `start` | `Record::start_timeout(..)` |
/// | `retries = 5` | a failed `start` is tried again so often | `Record::retries(5, ..)` |
/// | `backoff = "200ms"` | the delay before the first retry, doubling with jitter; needs `retries` | `Record::retries(.., ..)` |
/// | `after = [Metrics]` | ordered as if it needed `Metrics`, without being handed it | `Need::after::<Metrics, _>()` |
/// | `as = dyn Clock` | also found as `&dyn Clock` and `Arc<dyn Clock>`; may be given for several traits | `Record::binds(..)` |
/// | `readiness` | a failing `health` makes the app not ready | `Record::readiness()` |
/// | `name = "db"` | its name in logs, plans and environment variables; by default the type's | the name in `Record::resource("db")` |
/// | `crate = path` | where the framework is found, by default `::lifecycle` | |
///
/// # Equivalent code
///
/// The `Database` above is short for its block without the attribute, and beside it:
///
/// ```
/// # use lifecycle::Shutdown;
/// # pub struct Config { url: String }
/// # #[lifecycle::resource(order = 0)]
/// # impl Config { async fn start() -> Self { Self { url: String::new() } } }
/// # pub struct Database { url: String }
/// # impl Database {
/// #     async fn start(config: &Config, shutdown: Shutdown) -> Self { let _ = shutdown; Self { url: config.url.clone() } }
/// #     async fn stop(&self) -> Result<(), std::io::Error> { println!("{}", self.url); Ok(()) }
/// #     fn emergency(&self) {}
/// # }
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use lifecycle::{Hook, HookKind, Need, Record, RecordRef, Resource, StartContext, Stopped};
///
/// impl Resource for Database {
///     const RECORD: RecordRef = RecordRef::to(const {
///         &Record::resource::<Self>("Database")
///             .order(1)
///             .timeout(Duration::from_secs(5))
///             .needs(const { &[Need::on::<Config, _>(), Need::SHUTDOWN] })
///             .hooks(&[HookKind::Stop, HookKind::Emergency])
///     });
///
///     fn start(context: &mut StartContext) -> Hook<Self> {
///         let (config, shutdown) = (context.get::<Config>(), context.shutdown());
///         Hook::future(async move { Ok(Database::start(&config, shutdown).await) })
///     }
///
///     fn stop(self: Arc<Self>) -> Option<Hook<Stopped>> {
///         Some(Hook::future(async move {
///             Database::stop(&self).await?;
///             Ok(Stopped::Clean)
///         }))
///     }
///
///     fn emergency(&self) {
///         Database::emergency(self);
///     }
/// }
/// ```
///
/// The attribute also registers the resource, so that it is part of every app in the binary, and proves at compile time
/// that nothing it needs starts after it.
#[proc_macro_attribute]
pub fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    resource::resource(arguments.into(), item.into()).into()
}

/// Makes a function a background worker: something the app does until told to stop.
///
/// An `async fn` runs as a task, a `fn` on a thread of its own. It returns `()` or a `Result` of it. The function stays as
/// it is; beside it stands an empty type of the same name, so that one `use` imports both, `background = [serve]` can name
/// it, and so can `.background_worker::<serve>()`. A module or another type of that name in the same scope therefore clashes (E0428):
/// beside `mod serve`, name the function differently, or put it into the module.
///
/// ```
/// use lifecycle::{Ready, Shutdown, background};
///
/// #[background(timeout = "8s", restart = "on_failure")]
/// async fn serve(ready: Ready, shutdown: Shutdown) -> std::io::Result<()> {
///     ready.set();
///     shutdown.requested().await;
///     Ok(())
/// }
///
/// #[background(every = "60s")]
/// async fn clean_up() {}
/// ```
///
/// Parameters are those of a resource's `start`, and [`Ready`](../lifecycle/struct.Ready.html): with it the worker is up when
/// it says so, without it once its first poll has returned.
///
/// # Arguments
///
/// | argument | effect | stands for |
/// | --- | --- | --- |
/// | `order = 3` | a scale of the workers' own: starts after lower orders, is told to stop before them. Those without one start last and are told first | `Record::order(3)` |
/// | `timeout = "5s"` | time to end once told to | `Record::timeout(..)` |
/// | `name = "poller"` | its name; by default the function's | the name in `Record::background("poller", ..)` |
/// | `every = "60s"` | runs again that long after a run has ended | `Schedule::every(..)` |
/// | `immediate` | with `every`: the first run is at once, not after one period | `Schedule::immediate()` |
/// | `run_timeout = "30s"` | with `every`: bounds one run | `Schedule::run_timeout(..)` |
/// | `max_failures = 3` | with `every`: so many failed runs in a row are a failure; by default any number is only logged | `Schedule::max_failures(3)` |
/// | `restart = "never"`, `"on_failure"`, `"always"` | whether it is started again after it has ended by itself | `BackgroundPolicy::restart(RestartPolicy::OnFailure)` |
/// | `max_restarts = 5`, `within = "60s"` | with `restart`: more restarts than that in that time are a failure | `BackgroundPolicy::intensity(5, ..)` |
/// | `backoff = "500ms"` | with `restart`: the delay before the first, doubling with jitter up to 30 s | `BackgroundPolicy::backoff(..)` |
/// | `on_failure = "shutdown"`, `"ignore"` | whether its failure takes the app down or is only reported | `BackgroundPolicy::on_failure(EndAction::Ignore)` |
/// | `on_finish = "ignore"`, `"shutdown"` | the same for `Ok` before it was told to stop | `BackgroundPolicy::on_finish(EndAction::Shutdown)` |
/// | `crate = path` | where the framework is found, by default `::lifecycle` | |
///
/// # Equivalent code
///
/// Without the macro a worker is given to the builder:
///
/// ```
/// # use lifecycle::{Lifecycle, Shutdown};
/// let builder = Lifecycle::builder().background("poll", |shutdown: Shutdown| async move {
///     shutdown.requested().await;
/// });
/// # drop(builder);
/// ```
#[proc_macro_attribute]
pub fn background(arguments: TokenStream, item: TokenStream) -> TokenStream {
    background::background(arguments.into(), item.into()).into()
}

/// Makes a struct of `Arc<T>` fields the app's state, and proves the whole app.
///
/// The fields are what the app wants handed to it; resources that these need are started all the same. From the fields and
/// from the listed workers the derive walks everything that is reached, also through other crates, and refuses at compile
/// time a dependency cycle, an order that contradicts a dependency, and a shutdown that cannot fit into its time.
///
/// ```
/// use std::sync::Arc;
///
/// use lifecycle::{App, Shutdown, background, resource};
///
/// struct Database;
///
/// #[resource(timeout = "5s")]
/// impl Database {
///     async fn start() -> Self {
///         Self
///     }
/// }
///
/// #[background]
/// async fn serve(db: &Database, shutdown: Shutdown) {
///     let _ = db;
///     shutdown.requested().await;
/// }
///
/// #[derive(App, Clone)]
/// #[app(shutdown_timeout = "30s", background = [serve], expect = ["Database"])]
/// struct Agent {
///     db: Arc<Database>,
/// }
/// ```
///
/// # Arguments of `#[app(..)]`
///
/// | argument | effect | stands for |
/// | --- | --- | --- |
/// | `shutdown_timeout = "30s"` | from the first cause to stop to the end of the process, by default 25 s | `Settings::shutdown_timeout(..)` |
/// | `drain_timeout = "10s"` | for work in flight, and for workers without a `timeout`; by default what the rest leaves, at least 5 s | `Settings::drain_timeout(..)` |
/// | `lame_duck = "5s"` | how long to go on serving as not ready, by default 0 | `Settings::lame_duck(..)` |
/// | `emergency_timeout = "2s"` | the reserve for all emergency hooks together, by default 2 s | `Settings::emergency_timeout(..)` |
/// | `start_timeout = "60s"` | one attempt of one start, by default 60 s | `Settings::start_timeout(..)` |
/// | `startup_timeout = "5m"` | the whole startup, retries included, by default 5 min | `Settings::startup_timeout(..)` |
/// | `background = [serve]` | workers that are proved with the app, and the only ones in tests | |
/// | `expect = [plugin::Metrics, "name"]` | components that must be in the binary. The paths are not resolved: a crate that is only expected is not linked, and the start says which line to add | |
/// | `crate = path` | where the framework is found, by default `::lifecycle` | |
#[proc_macro_derive(App, attributes(app))]
pub fn app(item: TokenStream) -> TokenStream {
    app::app(item.into()).into()
}

/// Makes an `async fn main` the last component of an app: the attribute owns the process around it.
///
/// Watchdog and signals come first, then `init`, the plan, the runtime, the startup, the body, the teardown, and the exit
/// code. The body may take an app and a `Shutdown`, and returns `()` or a `Result` of it. Returning is a cause to stop.
///
/// `init` and the body run on a thread named `main` with a stack of 8 MiB. It is not the process's first one, which waits for
/// signals: what must run on that (the event loop of a desktop toolkit) has no place in a service.
///
/// ```no_run
/// use lifecycle::{App, Setup, Shutdown};
///
/// #[derive(App)]
/// struct Agent {}
///
/// fn setup(setup: &mut Setup) -> Result<(), std::io::Error> {
///     // Parse arguments, install a subscriber: nothing has been started yet.
///     let _ = setup;
///     Ok(())
/// }
///
/// #[lifecycle::main(init = setup)]
/// async fn main(app: Agent, shutdown: Shutdown) {
///     let Agent {} = app;
///     shutdown.requested().await;
/// }
/// ```
///
/// # Arguments
///
/// | argument | effect |
/// | --- | --- |
/// | `init = setup` | a function or closure that is called with a `&mut Setup` before anything is checked or started; returns `()` or a `Result` of it |
/// | `flavor = "current_thread"` | the runtime, by default `"multi_thread"` |
/// | `worker_threads = 4` | how many threads the runtime has, by default one per core |
/// | `registered = false` | starts only the app's graph and its `background` list, instead of everything in the binary |
/// | `crate = path` | where the framework is found, by default `::lifecycle` |
///
/// # Equivalent code
///
/// ```text
/// fn main() -> ExitCode {
///     async fn main(app: Agent, shutdown: Shutdown) { .. }    // as written
///     run the app, calling `main` with what it takes once everything is up
/// }
/// ```
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Main, arguments.into(), item.into()).into()
}

/// Runs a test in a started app, and fails it when the teardown was not clean.
///
/// The body takes what that of [`main`](macro@main) takes. Of the workers in the binary only those run that the app or the
/// attribute lists. Signals, the environment and the end of the process stay the test harness's.
///
/// ```
/// use lifecycle::{App, resource};
///
/// struct Clock(u64);
///
/// #[resource]
/// impl Clock {
///     fn start() -> Self {
///         Self(1)
///     }
/// }
///
/// #[derive(App)]
/// struct Agent {
///     clock: std::sync::Arc<Clock>,
/// }
///
/// #[lifecycle::test(provide = [Clock(42)], start_paused = true)]
/// async fn uses_the_clock(app: Agent) {
///     assert_eq!(app.clock.0, 42);
/// }
/// ```
///
/// # Arguments
///
/// | argument | effect | stands for |
/// | --- | --- | --- |
/// | `provide = [expr, ..]` | instances in place of starting their types | `Builder::provide(expr)` |
/// | `background = [poll]` | workers to run | `Builder::worker::<poll>()` |
/// | `flavor = "multi_thread"` | the runtime, by default `"current_thread"` | |
/// | `worker_threads = 4` | how many threads it has; makes it `"multi_thread"` | |
/// | `start_paused = true` | the clock stands still and jumps to the next timer | |
/// | `crate = path` | where the framework is found, by default `::lifecycle` | |
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Test, arguments.into(), item.into()).into()
}

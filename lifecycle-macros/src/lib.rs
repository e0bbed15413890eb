//! The macros of [`lifecycle`](https://docs.rs/lifecycle), which re-exports them. Depend on that crate, not on this one.
//!
//! Each macro has a folder of its own and works in three steps: parse, check, expand. Parsing does not look into the bodies of
//! functions, checking collects every mistake, and expanding cannot fail. If there are mistakes, the user's item is emitted
//! nevertheless, with a stub of what the expansion would have added, so that one mistake causes one error.

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

/// Makes a type a resource: a component that is started once, shared by reference, and stopped once.
///
/// The attribute goes on an inherent `impl` block and does not change it. Hooks are found by their names; `start` is
/// required, all others are optional.
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
///     /// `config: &Config` makes `Config` a dependency: it starts before and stops after.
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
/// A hook is an `async fn`, which runs on the app's runtime, or a `fn`, which runs on a thread of the framework and may
/// block. It returns its value, or a `Result` of it with an error that converts into `Box<dyn Error + Send + Sync>`, or with a
/// plain `Box<dyn Error>`, of which the framework keeps what it says.
///
/// | hook | purpose |
/// | --- | --- |
/// | `start(dependencies..) -> Self` | Creates the resource once all dependencies are up. Parameters are `&T` or `Arc<T>` of a resource or of a `dyn Trait` that a resource provides with `as`, `Shutdown`, and `Tasks`. |
/// | `stop(&self)` | Cleans up. Called once, after all components that need the resource, and all of a higher `order`, have ended. |
/// | `emergency(&self)` | Last resort, called at most once, if `stop` has failed or timed out. Always a `fn`. |
/// | `health(&self)` | Checks the resource for probes; an error means unhealthy. |
/// | `reload(&self)` | Applies a changed configuration. Called on SIGHUP. |
/// | `in_use(&self) -> usize` | Returns the number of outstanding leases, for the report. Always a `fn`. |
/// | `expects(&self, error: &E) -> bool` | Returns whether an error of `stop` is expected during teardown, and so not a failure. Always a `fn`. |
///
/// A hook may be written several times under different `#[cfg]`s. A method is rejected if it has the signature of an absent
/// hook and nearly its name. So is one named like a cleanup (`close`, `shutdown`, `cleanup`, ..) where `stop` is absent: write
/// a `stop` that calls it, or an empty one if it has nothing to do with shutdown.
///
/// # Arguments
///
/// Durations are strings such as `"5s"`, `"250ms"`, `"1m 30s"`, or `"5"` for bare seconds: more than 0, at most 365 days.
/// The last column names the method for an `impl Resource` that is written by hand.
///
/// | argument | effect | default | stands for |
/// | --- | --- | --- | --- |
/// | `order = 3` | Starts the resource when all of lower orders are up, and stops it when all of higher orders have ended. | dependencies alone decide | `Record::order(3)` |
/// | `timeout = "5s"` | Limits `stop`. The resource always gets this time. | a share of the remaining time | `Record::timeout(..)` |
/// | `start_timeout = "30s"` | Limits one attempt of `start`. | `start_timeout` of the app | `Record::start_timeout(..)` |
/// | `retries = 5` | Repeats a failed `start` up to 5 times. | 0 | `Record::retries(5, ..)` |
/// | `backoff = "200ms"` | Sets the delay before the first retry, which doubles with jitter up to 30 s. Requires `retries`. | 200 ms | `Record::retries(.., ..)` |
/// | `after = [Metrics]` | Orders the resource as if `start` took `Metrics`, without passing it. | none | `Need::after::<Metrics, _>()` |
/// | `as = dyn Clock` | Provides the resource as `&dyn Clock` and `Arc<dyn Clock>` as well. Repeat it for several traits. | none | `Record::binds(..)` |
/// | `readiness` | Makes the app not ready while `health` fails repeatedly. Requires a `health` hook. | `health` is only reported | `Record::readiness()` |
/// | `name = "db"` | Sets the name in logs, plans and environment variables. | name of the type | name in `Record::resource("db")` |
/// | `crate = path` | Sets the path of the framework. | `::lifecycle` | |
///
/// # Equivalent code
///
/// The attribute does not change the block of `Database` above. Beside it, it writes:
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
/// The attribute also registers the resource, which makes it part of every app in the binary, and proves at compile time
/// that no dependency has a higher `order`. A resource that is written by hand is added with
/// [`Builder::resource`](../lifecycle/struct.Builder.html#method.resource), or started because another one needs it.
#[proc_macro_attribute]
pub fn resource(arguments: TokenStream, item: TokenStream) -> TokenStream {
    resource::resource(arguments.into(), item.into()).into()
}

/// Makes a function a background worker: a task or a thread that runs until a stop is requested.
///
/// An `async fn` runs as a task, a `fn` on a thread of its own. It returns `()`, a `Result` of it with an error as in the hooks
/// of a [`resource`](macro@resource), or `!`. Parameters are those of a resource's `start`, and
/// [`Ready`](../lifecycle/struct.Ready.html): with it, the worker is up once it calls `set`; without it, once its first poll
/// has returned.
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
/// The function does not change. Beside it, the attribute declares an empty type of the same name, so that one `use` imports
/// both, and `background = [serve]` and `.background_worker::<serve>()` can name it. A module or another type of that name in
/// the same scope is therefore an error (E0428): if there is a `mod serve`, name the function differently, or move it into
/// the module.
///
/// # Arguments
///
/// Durations are written as for [`resource`](macro@resource). The last column names the method for a record that is written by
/// hand.
///
/// | argument | effect | default | stands for |
/// | --- | --- | --- | --- |
/// | `order = 3` | Orders the workers, on a scale apart from the resources': lower orders start first and are asked to stop last. | starts last, is asked to stop first | `Record::order(3)` |
/// | `timeout = "5s"` | Limits the time from the stop request to the end of the worker. | `drain_timeout` of the app | `Record::timeout(..)` |
/// | `name = "poller"` | Sets the name in logs, plans and environment variables. | name of the function | name in `Record::background("poller", ..)` |
/// | `every = "60s"` | Calls the function again that long after a run has ended. | one run | `Schedule::every(..)` |
/// | `immediate` | Starts the first run at once, not after one period. Requires `every`. | after one period | `Schedule::immediate()` |
/// | `run_timeout = "30s"` | Limits one run. Requires `every`. | no limit | `Schedule::run_timeout(..)` |
/// | `max_failures = 3` | Fails the worker after 3 failed runs in a row. Requires `every`. | no limit, failed runs are logged | `Schedule::max_failures(3)` |
/// | `restart = "on_failure"` | Starts the worker again after a failure; `"always"` also after `Ok`, `"never"` not at all. Excludes `every`. | `"never"` | `BackgroundPolicy::restart(RestartPolicy::OnFailure)` |
/// | `max_restarts = 5` | Fails the worker after more than 5 restarts `within` a time. Requires `restart`. | 5 | `BackgroundPolicy::intensity(5, ..)` |
/// | `within = "60s"` | Sets the time in which restarts are counted. Requires `restart`. | 60 s | `BackgroundPolicy::intensity(.., ..)` |
/// | `backoff = "500ms"` | Sets the delay before the first restart, which doubles with jitter up to 30 s. Requires `restart`. | 500 ms | `BackgroundPolicy::backoff(..)` |
/// | `on_failure = "ignore"` | Reports a failure of the worker and goes on; `"shutdown"` stops the app. | `"shutdown"` | `BackgroundPolicy::on_failure(EndAction::Ignore)` |
/// | `on_finish = "shutdown"` | Stops the app when the worker returns `Ok` before a stop was requested; `"ignore"` goes on. | `"ignore"` | `BackgroundPolicy::on_finish(EndAction::Shutdown)` |
/// | `crate = path` | Sets the path of the framework. | `::lifecycle` | |
///
/// # Equivalent code
///
/// Beside the function `serve` above, the attribute writes:
///
/// ```
/// # use lifecycle::{Ready, Shutdown};
/// # async fn serve(ready: Ready, shutdown: Shutdown) -> std::io::Result<()> {
/// #     ready.set();
/// #     shutdown.requested().await;
/// #     Ok(())
/// # }
/// use std::time::Duration;
///
/// use lifecycle::{
///     BackgroundPolicy, BackgroundWorker, Hook, Need, Record, RecordRef, RestartPolicy, StartContext,
/// };
///
/// #[allow(non_camel_case_types)]
/// enum serve {}
///
/// fn run(context: &mut StartContext) -> Hook<()> {
///     let (ready, shutdown) = (context.ready(), context.shutdown());
///     Hook::future(async move { Ok(serve(ready, shutdown).await?) })
/// }
///
/// impl BackgroundWorker for serve {
///     # const SEALED: lifecycle::__private::Sealed = lifecycle::__private::Sealed::SEAL;
///     const RECORD: RecordRef = RecordRef::to(const {
///         let policy = BackgroundPolicy::DEFAULT.restart(RestartPolicy::OnFailure);
///         &Record::background::<Self>("serve", policy, run)
///             .timeout(Duration::from_secs(8))
///             .needs(const { &[Need::READY, Need::SHUTDOWN] })
///     });
/// }
/// ```
///
/// The trait is sealed: only the attribute implements it. It also registers the worker, which makes it part of every app
/// in the binary. A worker can be added as a closure as well, with [`Builder::background`](../lifecycle/struct.Builder.html#method.background):
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

/// Makes a struct of `Arc<T>` fields the state of an app, and proves the whole app at compile time.
///
/// The fields are the resources that the body of `main` uses; the resources that these need are started as well. Beginning
/// at the fields and the listed workers, the derive follows all dependencies, also into other crates. It rejects dependency
/// cycles, orders that contradict dependencies, and a shutdown that cannot fit into `shutdown_timeout`.
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
/// Durations are written as for [`resource`](macro@resource); `lame_duck` may be 0. The last column names the method of
/// [`Settings`](../lifecycle/struct.Settings.html), which code and the environment can set as well.
///
/// | argument | effect | default | stands for |
/// | --- | --- | --- | --- |
/// | `shutdown_timeout = "30s"` | Limits the whole shutdown, from the stop request to the end of the process. | 25 s | `Settings::shutdown_timeout(..)` |
/// | `drain_timeout = "10s"` | Limits the drain: work in flight, and workers without a `timeout`. | the time that the other phases do not need, at least 5 s | `Settings::drain_timeout(..)` |
/// | `lame_duck = "5s"` | Goes on serving as not ready before the drain, so that load balancers stop sending requests. | 0 | `Settings::lame_duck(..)` |
/// | `emergency_timeout = "2s"` | Reserves time at the end of the shutdown for all emergency hooks together. | 2 s | `Settings::emergency_timeout(..)` |
/// | `start_timeout = "60s"` | Limits one attempt of a `start` that has no limit of its own. | 60 s | `Settings::start_timeout(..)` |
/// | `startup_timeout = "5m"` | Limits the whole startup, including retries. | 5 min | `Settings::startup_timeout(..)` |
/// | `background = [serve]` | Lists workers to prove with the app. In tests only these run. | none | |
/// | `expect = [plugin::Metrics, "name"]` | Requires components in the binary. The paths are not resolved, so they do not link a crate; if a component is missing, the error at startup says which line to add. | none | |
/// | `crate = path` | Sets the path of the framework. | `::lifecycle` | |
///
/// # Equivalent code
///
/// For the `Agent` above, the derive writes code like this. The proof has no public counterpart: an app that is put together
/// by hand with a [`Builder`](../lifecycle/struct.Builder.html) is checked when it starts.
///
/// ```text
/// impl App for Agent {
///     const RECORD: AppRecord = AppRecord::new(
///         "Agent",
///         Settings::NONE.shutdown_timeout(Duration::from_secs(30)),
///         &[Need::on::<Database, _>()],
///         &[<serve as BackgroundWorker>::RECORD],
///         &["Database"],
///     );
///
///     fn assemble(context: &StartContext) -> Self {
///         Self { db: context.get::<Database>() }
///     }
/// }
///
/// const VERDICT: Verdict = check_app(&Agent::RECORD);    // each finding is an error at a field, a worker, or the struct
/// ```
#[proc_macro_derive(App, attributes(app))]
pub fn app(item: TokenStream) -> TokenStream {
    app::app(item.into()).into()
}

/// Runs an `async fn main` in an app: starts the app, runs the body, and stops the app when the body returns.
///
/// The attribute owns the process around the body. It installs the watchdog and the signal handlers, calls `init`, builds
/// the plan and the runtime, starts the components, runs the body, stops everything, and exits with a code. The body may take
/// an app and a `Shutdown`, in any order, and returns `()` or a `Result` of it. When it returns, the app stops.
///
/// `init` and the body run on a thread named `main` with a stack of 8 MiB. It is not the first thread of the process, which
/// waits for signals. Code that must run on the first thread, such as the event loop of a desktop toolkit, cannot run in the
/// body.
///
/// ```no_run
/// use lifecycle::{App, Setup, Shutdown};
///
/// #[derive(App)]
/// struct Agent {}
///
/// fn setup(setup: &mut Setup) -> Result<(), std::io::Error> {
///     // Parse arguments, install a subscriber: nothing has started yet.
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
/// | argument | effect | default | stands for |
/// | --- | --- | --- | --- |
/// | `init = setup` | Calls a function or closure with a `&mut Setup` before anything is checked or started. It returns `()` or a `Result` of it. | none | a call at the beginning of `main` |
/// | `flavor = "current_thread"` | Selects the runtime. | `"multi_thread"` | `tokio::runtime::Builder::new_current_thread()` |
/// | `worker_threads = 4` | Sets the number of threads of the runtime. | one per core | `tokio::runtime::Builder::worker_threads(4)` |
/// | `registered = false` | Starts only the app, its `background` list, and what these need, instead of everything in the binary. | `true` | no call of `Builder::registered()` |
/// | `crate = path` | Sets the path of the framework. | `::lifecycle` | |
///
/// # Equivalent code
///
/// ```text
/// fn main() -> ExitCode {
///     async fn main(app: Agent, shutdown: Shutdown) { .. }    // as written
///     // runs the app, and calls `main` with its parameters once everything is up
/// }
/// ```
///
/// In a process that is owned by other code, start the app with a [`Builder`](../lifecycle/struct.Builder.html).
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Main, arguments.into(), item.into()).into()
}

/// Runs a test in a started app. The test fails if the app does not start, or if the teardown is not clean.
///
/// The body takes the same parameters as that of [`main`](macro@main). Only the app, the listed workers, and what these need
/// are started, not everything in the binary. The environment is not read; signals and the end of the process belong to the
/// test harness.
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
/// | argument | effect | default | stands for |
/// | --- | --- | --- | --- |
/// | `provide = [expr, ..]` | Provides instances, so that their types are not started. | none | `Builder::provide(expr)` |
/// | `background = [poll]` | Runs these workers, in addition to those of the app. | none | `Builder::background_worker::<poll>()` |
/// | `flavor = "multi_thread"` | Selects the runtime. | `"current_thread"` | `tokio::runtime::Builder::new_multi_thread()` |
/// | `worker_threads = 4` | Sets the number of threads; selects `"multi_thread"`. | one per core | `tokio::runtime::Builder::worker_threads(4)` |
/// | `start_paused = true` | Pauses the clock, which then jumps to the next timer. Requires `"current_thread"`, and the feature `test-util`. | `false` | `tokio::runtime::Builder::start_paused(true)` |
/// | `crate = path` | Sets the path of the framework. | `::lifecycle` | |
///
/// # Equivalent code
///
/// ```text
/// #[test]
/// fn uses_the_clock() {
///     async fn uses_the_clock(app: Agent) { .. }    // as written
///     // on a runtime of its own: starts `Lifecycle::builder().app::<Agent>().provide(Clock(42))`, calls
///     // `uses_the_clock`, stops the app, and panics with the report if the teardown was not clean
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    entry::entry(entry::Kind::Test, arguments.into(), item.into()).into()
}

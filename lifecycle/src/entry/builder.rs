//! The app without macros: [`Lifecycle::builder`] and [`Builder`]. Signals, the environment and the end of the process
//! belong to `main` alone; here the caller stops.

use std::any::TypeId;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::oneshot;

use crate::api::app::App;
use crate::api::event::{Event, Observer, UserObserver};
use crate::api::hook::{Hook, Instance, StartContext, key};
use crate::api::outcome::Outcome;
use crate::api::resource::Resource;
use crate::api::settings::Settings;
use crate::api::shutdown::Shutdown;
use crate::api::worker::BackgroundWorker;
use crate::entry::end_of_life::EndOfLife;
use crate::entry::running::Running;
use crate::entry::start_error::StartError;
use crate::life::hook_threads::clock_stands_still;
use crate::life::{BodyLink, Life, Wiring};
use crate::plan::Plan;
use crate::plan::component::Run;
use crate::plan::selection::{Parts, Provision};
use crate::report::Report;
use crate::view::observers::Observers;
use crate::view::{View, log};

/// What writing to the log, and observers, may take at the end, if there is less than this until the deadline.
const LOG: Duration = Duration::from_millis(500);

/// The entry for apps that are put together by hand: [`Lifecycle::builder`]. It has no values.
#[derive(Debug)]
pub enum Lifecycle {}

impl Lifecycle {
    /// Returns a builder of an app without components, with the name `app` and default settings.
    ///
    /// The environment is not read, and signals are not handled: both belong to [`main`](macro@crate::main).
    pub fn builder() -> Builder {
        Builder {
            parts: Parts {
                name: "app".to_owned(),
                ..Parts::default()
            },
            observers: Vec::new(),
        }
    }
}

/// Puts an app together. [`Builder::start`] checks it and starts it.
///
/// Nothing is checked before that: unknown names, missing dependencies and cycles are all reported by `start` at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use lifecycle::{Lifecycle, Settings, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let running = Lifecycle::builder()
///     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
///     .settings(Settings::default().shutdown_timeout(Duration::from_secs(5)))
///     .start()
///     .await?;
/// let report = running.stop().await;
/// assert!(report.is_clean());
/// # Ok(()) }
/// ```
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    pub(crate) parts: Parts,
    observers: Vec<UserObserver>,
}

impl Builder {
    /// Adds the fields and the listed workers of an app, with everything that they need, and takes its name and
    /// settings.
    ///
    /// Called again, it replaces the app.
    pub fn app<A: App>(mut self) -> Self {
        self.parts.app = Some(A::RECORD);
        A::RECORD.name.clone_into(&mut self.parts.name);
        self
    }

    /// Adds every resource and worker that an attribute registered in this binary.
    pub fn registered(mut self) -> Self {
        self.parts.registered = true;
        self
    }

    /// Adds a resource, with everything that it needs.
    pub fn resource<T: Resource>(mut self) -> Self {
        self.parts.resources.push(T::RECORD);
        self
    }

    /// Adds the worker of an annotated function, with everything that it needs.
    pub fn background_worker<W: BackgroundWorker>(mut self) -> Self {
        self.parts.workers.push(W::RECORD);
        self
    }

    /// Adds a background worker from a closure, which is called once, when all resources are up.
    ///
    /// It runs until it returns; it should do so once `shutdown.requested()` completes. By default its end without an
    /// error is no reason to stop, and an error stops the app with exit code 1. It is not restarted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use lifecycle::{Lifecycle, Shutdown};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), lifecycle::StartError> {
    /// let running = Lifecycle::builder()
    ///     .background("heartbeat", |shutdown: Shutdown| async move {
    ///         while !shutdown.sleep(Duration::from_secs(10)).await.is_interrupted() {
    ///             println!("alive");
    ///         }
    ///     })
    ///     .start()
    ///     .await?;
    /// # running.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn background<F, Fut, M>(mut self, name: impl Into<String>, run: F) -> Self
    where
        F: FnOnce(Shutdown) -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: Outcome<(), M>,
    {
        let once = Mutex::new(Some(run));
        let run: Run = Arc::new(move |context: &mut StartContext| {
            let shutdown = context.shutdown();
            // Taken out before it is called: no user code under the lock.
            let run = once.lock().unwrap_or_else(PoisonError::into_inner).take();
            Hook::future(async move {
                match run {
                    Some(run) => run(shutdown).await.outcome(),
                    None => Ok(()),
                }
            })
        });
        self.parts.closures.push((name.into(), run));
        self
    }

    /// Provides an instance in place of starting its type. It is not stopped, and has no events and no line in the
    /// report.
    ///
    /// An `Arc<dyn Trait>` stands for the resource that is bound `as` that trait. A value that nothing takes is a
    /// [`Warning`](crate::EventKind::Warning).
    ///
    /// # Examples
    ///
    /// ```
    /// use lifecycle::{Lifecycle, resource};
    ///
    /// struct Config { port: u16 }
    ///
    /// #[resource]
    /// impl Config {
    ///     fn start() -> std::io::Result<Self> {
    ///         Err(std::io::ErrorKind::NotFound.into())
    ///     }
    /// }
    ///
    /// struct Listener(u16);
    ///
    /// #[resource]
    /// impl Listener {
    ///     fn start(config: &Config) -> Self {
    ///         Self(config.port)
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let running = Lifecycle::builder()
    ///     .resource::<Listener>()
    ///     .provide(Config { port: 0 })
    ///     .start()
    ///     .await?;
    /// assert_eq!(running.get::<Listener>()?.0, 0);
    /// # running.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.parts.provided.push(Provision::new(value));
        self
    }

    /// Disables the component of that name. Everything that needs it must be disabled as well, or it must be provided.
    pub fn disable(mut self, name: impl Into<String>) -> Self {
        self.parts.disabled.push(name.into());
        self
    }

    /// Sets time limits. A limit that is not set keeps the value of an earlier call, of the app's attribute, or the
    /// default.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.parts.settings = settings.or(self.parts.settings);
        self
    }

    /// Adds an observer, which is called with each [`Event`] of the life, in order. Several may be added; each gets all
    /// events.
    ///
    /// An observer has a thread of its own, which exists only if there is one. It is never called by the thread that
    /// drives the life, nor under a lock, so that it may block, and cannot hold up or break the life:
    ///
    /// - An observer that panics is dropped. The panic is reported once, as a warning on the log.
    /// - An observer that is slow gets its events late. 65,536 of them wait at most; beyond that the oldest are
    ///   dropped, and it gets [`Lagged`](crate::EventKind::Lagged) with their number in their place.
    /// - Before [`Running::stop`] and [`Running::wait`] return, all events are delivered,
    ///   [`Ended`](crate::EventKind::Ended) included, and the observer is dropped. They wait for this until the
    ///   deadline at most (for half a second if less remains), and no longer than a second for a call that does not
    ///   return. Such an observer is abandoned on its thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use lifecycle::{Event, EventKind, Lifecycle};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), lifecycle::StartError> {
    /// let running = Lifecycle::builder()
    ///     .observer(|event: &Event| match event.kind() {
    ///         EventKind::ShutdownBegan { reason, .. } => println!("stopping: {reason}"),
    ///         EventKind::Ended { exit_code, .. } => println!("ended: {exit_code}"),
    ///         _ => {}
    ///     })
    ///     .start()
    ///     .await?;
    /// # running.stop().await;
    /// # Ok(()) }
    /// ```
    pub fn observer(mut self, observer: impl FnMut(&Event) + Send + 'static) -> Self {
        self.observers.push(Box::new(observer));
        self
    }

    /// Checks the app, starts it on the current runtime and returns when all of it is up.
    ///
    /// Under a clock that is [paused](https://docs.rs/tokio/latest/tokio/time/fn.pause.html) the app is driven by a
    /// task of that runtime, so that its time limits follow the clock; otherwise by a thread of its own.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the graph is wrong, in which case nothing has started; if a start failed or the startup took too
    /// long, in which case everything that had started has been taken down again; or if a thread cannot be created.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future asks the app to stop; what had started is taken down in the background.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use lifecycle::Lifecycle;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let error = Lifecycle::builder().disable("database").start().await.unwrap_err();
    /// assert!(error.is_config());
    /// # }
    /// ```
    pub async fn start(self) -> Result<Running, StartError> {
        self.start_with(None).await
    }

    pub(crate) async fn start_with(self, body: Option<BodyLink>) -> Result<Running, StartError> {
        let plan = Plan::new(self.parts).map_err(|findings| StartError::refused(&findings))?;
        let plan = Arc::new(plan);
        let (up, is_up) = oneshot::channel();
        let viewers = Viewers::start(self.observers).map_err(StartError::no_threads)?;
        let wiring = Wiring {
            runtime: runtime::Handle::current(),
            observer: viewers.observer(),
            body,
            up: Some(up),
            on_deadline: Box::new(drop),
            on_code: Box::new(drop),
        };
        let (life, handles) =
            Life::new(Arc::clone(&plan), wiring).map_err(StartError::no_threads)?;
        let shutdown = life.shutdown();
        let (ender, end) = EndOfLife::new(handles.inside.threads.clone());
        let limit = plan.limits.shutdown;
        match viewers {
            Viewers::Inline(observers) => drop(tokio::spawn(async move {
                let report = Report::new(life.run().await);
                log::conclude(&report);
                wait_for(observers, &report, limit).await;
                ender.end(report);
            })),
            Viewers::Threads(view) => {
                let drive = move || {
                    let Ok(runtime) = runtime::Builder::new_current_thread().enable_time().build()
                    else {
                        return;
                    };
                    let report = Report::new(runtime.block_on(life.run()));
                    let remaining = remaining(&report, limit);
                    view.finish(report.clone(), || ()).wait(LOG, remaining);
                    ender.end(report);
                };
                thread::Builder::new()
                    .name("lifecycle".into())
                    .spawn(drive)
                    .map_err(StartError::no_threads)?;
            }
        }
        let running = Running {
            plan,
            handles,
            shutdown,
            end,
        };
        if is_up.await.is_ok() {
            return Ok(running);
        }
        Err(StartError::failed(running.wait().await))
    }
}

/// What shows the life: a view with threads of its own, or, where a paused clock must govern the driver too, the log of
/// the task that drives, so that tests with such a clock see their log in order.
enum Viewers {
    Threads(View),
    Inline(Observers),
}

impl Viewers {
    fn start(observers: Vec<UserObserver>) -> std::io::Result<Self> {
        if !clock_stands_still() {
            return View::log(observers).map(Self::Threads);
        }
        let record = log::recorder();
        let warn = move |message| record(&Event::warning(message));
        Observers::start(observers, &warn).map(Self::Inline)
    }

    fn observer(&self) -> Observer {
        match self {
            Self::Threads(view) => view.observer(),
            Self::Inline(observers) => {
                let mut feed = observers.feed();
                Box::new(move |event| {
                    feed(&event);
                    // A subscriber that panics must not end the driver.
                    let _ = catch_unwind(AssertUnwindSafe(|| log::record(event.kind())));
                })
            }
        }
    }
}

/// The time until the deadline of the life, at least [`LOG`].
fn remaining(report: &Report, limit: Duration) -> Duration {
    limit.saturating_sub(report.shutdown()).max(LOG)
}

/// Waits for the observers without blocking the runtime, and on the real clock.
async fn wait_for(observers: Observers, report: &Report, limit: Duration) {
    if observers.is_empty() {
        return;
    }
    let last_events = observers.finish(report.exit_code());
    let remaining = remaining(report, limit);
    // While a blocking task runs, a paused clock does not advance.
    let _ = tokio::task::spawn_blocking(move || last_events.wait(remaining)).await;
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.parts.name)
            .finish_non_exhaustive()
    }
}

impl Provision {
    pub(crate) fn new<T: Send + Sync + 'static>(value: T) -> Self {
        let value = Arc::new(value);
        // As itself, and, where it is an `Arc<dyn Trait>`, as the trait.
        Self {
            type_name: std::any::type_name::<T>(),
            instances: [
                (key::<T>(), Instance::new(Arc::clone(&value))),
                (TypeId::of::<T>(), Instance::of_shared(value)),
            ],
        }
    }
}

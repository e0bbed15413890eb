//! The app without macros: [`Lifecycle::builder`] and [`Running`]. Signals, the environment and the end of the process
//! belong to `main` alone; here the caller stops.

use std::any::TypeId;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime;
use tokio::sync::{oneshot, watch};

use crate::api::app::App;
use crate::api::event::{Event, Observer};
use crate::api::hook::{Hook, Instance, StartContext, key};
use crate::api::resource::Resource;
use crate::api::settings::Settings;
use crate::api::shutdown::Shutdown;
use crate::api::worker::BackgroundWorker;
use crate::life::hook_threads::clock_stands_still;
use crate::life::input::Input;
use crate::life::{BodyLink, Handles, Life, Wiring};
use crate::macro_support::parameter::Outcome;
use crate::plan::Plan;
use crate::plan::component::Run;
use crate::plan::selection::{Parts, Provision};
use crate::report::Report;
use crate::view::{View, log};

/// Where an app is put together by hand.
#[derive(Debug)]
pub struct Lifecycle;

impl Lifecycle {
    /// An app without components.
    pub fn builder() -> Builder {
        Builder {
            parts: Parts {
                name: "app".to_owned(),
                ..Parts::default()
            },
        }
    }
}

/// Puts an app together; [`Builder::start`] starts it.
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
}

impl Builder {
    /// The app's fields and listed workers, with all that they need, and its settings.
    pub fn app<A: App>(mut self) -> Self {
        self.parts.app = Some(A::RECORD);
        A::RECORD.name.clone_into(&mut self.parts.name);
        self
    }

    /// Everything that the attributes registered in this binary.
    pub fn registered(mut self) -> Self {
        self.parts.registered = true;
        self
    }

    /// The resource, with all that it needs.
    pub fn resource<T: Resource>(mut self) -> Self {
        self.parts.resources.push(T::RECORD);
        self
    }

    /// The worker of an annotated function, with all that it needs.
    pub fn background_worker<W: BackgroundWorker>(mut self) -> Self {
        self.parts.workers.push(W::RECORD);
        self
    }

    /// A worker from a closure, which is called once.
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

    /// An instance in place of starting its type; it is not stopped. An `Arc<dyn Trait>` stands for what is bound `as`
    /// that trait.
    pub fn provide<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        self.parts.provided.push(Provision::new(value));
        self
    }

    /// Leaves out the component of that name.
    pub fn disable(mut self, name: impl Into<String>) -> Self {
        self.parts.disabled.push(name.into());
        self
    }

    /// Time limits; what they do not say holds as the app's attribute says, or by default.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.parts.settings = settings.or(self.parts.settings);
        self
    }

    /// Starts the app on the current runtime and returns when all of it is up.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the graph is wrong (nothing has started then), or when a start failed (what had started has
    /// been taken down again then).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future asks the app to stop; what had started is taken down in the background.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<Running, StartError> {
        self.start_with(None).await
    }

    pub(crate) async fn start_with(self, body: Option<BodyLink>) -> Result<Running, StartError> {
        let plan = Arc::new(Plan::new(self.parts).map_err(StartError::refused)?);
        let (up, is_up) = oneshot::channel();
        // A paused clock must govern the driver too; otherwise it has a thread to itself, as in `main`.
        let paused = clock_stands_still();
        let view = if paused {
            None
        } else {
            Some(View::log().map_err(StartError::no_threads)?)
        };
        let wiring = Wiring {
            runtime: runtime::Handle::current(),
            observer: view
                .as_ref()
                .map_or_else(|| Box::new(record) as Observer, View::observer),
            body,
            up: Some(up),
            on_deadline: Box::new(drop),
            on_code: Box::new(drop),
        };
        let (life, handles) =
            Life::new(Arc::clone(&plan), wiring).map_err(StartError::no_threads)?;
        let shutdown = life.shutdown();
        let (ended, has_ended) = watch::channel(None);
        match view {
            None => drop(tokio::spawn(async move {
                let report = Report::new(life.run().await);
                log::conclude(&report);
                let _ = ended.send(Some(report));
            })),
            Some(view) => {
                let drive = move || {
                    let Ok(runtime) = runtime::Builder::new_current_thread().enable_time().build()
                    else {
                        return;
                    };
                    let report = Report::new(runtime.block_on(life.run()));
                    view.finish(report.clone(), || ()).wait(LOG, LOG);
                    let _ = ended.send(Some(report));
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
            has_ended,
        };
        if is_up.await.is_ok() {
            return Ok(running);
        }
        Err(StartError::failed(running.wait().await))
    }
}

/// What writing to the log may hold up the end.
const LOG: Duration = Duration::from_millis(500);

/// Writes to the log of the task that starts the app; a subscriber that panics is not the driver's end.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature of an observer"
)]
fn record(event: Event) {
    let _ = catch_unwind(AssertUnwindSafe(|| log::record(event.kind())));
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

/// A running app. Dropping it asks the app to stop, and does not block.
///
/// ```
/// use lifecycle::{Lifecycle, resource};
///
/// struct Clock(u64);
///
/// #[resource]
/// impl Clock {
///     fn start() -> Self {
///         Self(42)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let running = Lifecycle::builder().resource::<Clock>().start().await?;
/// assert_eq!(running.get::<Clock>()?.0, 42);
/// assert!(running.stop().await.is_clean());
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it asks the app to stop"]
pub struct Running {
    plan: Arc<Plan>,
    handles: Handles,
    shutdown: Shutdown,
    has_ended: watch::Receiver<Option<Report>>,
}

/// The app has no such resource, or it has stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not up: it is no part of the app, or has been stopped")]
pub struct NotUp(&'static str);

impl Running {
    /// The resource `T`, or what is bound as `T` where that is a `dyn Trait`.
    ///
    /// # Errors
    ///
    /// [`NotUp`] when it is no part of the app, or has been stopped.
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, NotUp> {
        self.plan
            .sources
            .get(&key::<T>())
            .and_then(|source| self.handles.inside.instances.get(source))
            .and_then(|instance| instance.downcast())
            .ok_or(NotUp(std::any::type_name::<T>()))
    }

    pub(crate) fn events(&self) -> tokio::sync::mpsc::UnboundedSender<Input> {
        self.handles.events.clone()
    }

    /// The handle of the app.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// Asks the app to stop and waits until it has.
    ///
    /// # Panics
    ///
    /// As [`Running::wait`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the app stopping in the background.
    pub async fn stop(self) -> Report {
        let _ = self.handles.events.send(Input::Stop);
        self.wait().await
    }

    /// Waits until the app has stopped for a cause of its own. Called again, it returns the same report.
    ///
    /// # Panics
    ///
    /// When there is no report, because a runtime with a paused clock was dropped under the app.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future and calling again loses nothing.
    pub async fn wait(&self) -> Report {
        let mut has_ended = self.has_ended.clone();
        let report = has_ended.wait_for(Option::is_some).await;
        let report = report.expect("the runtime that the app was started on has ended under it");
        report.clone().expect("it was waited for")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.handles.events.send(Input::Stop);
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("name", &self.plan.name)
            .finish_non_exhaustive()
    }
}

/// Why the app did not come up; what had been started was taken down again.
#[derive(Debug)]
pub struct StartError {
    message: String,
    config: bool,
    report: Option<Box<Report>>,
}

impl StartError {
    /// Whether the configuration is wrong (exit code 2), as opposed to a start that failed (exit code 1).
    #[must_use]
    pub fn is_config(&self) -> bool {
        self.config
    }

    /// What was started and taken down again; `None` when the graph was refused and nothing had started.
    #[must_use]
    pub fn report(&self) -> Option<&Report> {
        self.report.as_deref()
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StartError {}

impl StartError {
    fn refused(findings: Vec<String>) -> Self {
        Self {
            message: findings.join("\n"),
            config: true,
            report: None,
        }
    }

    fn no_threads(error: std::io::Error) -> Self {
        Self {
            message: format!("the threads of the emergency hooks cannot be made: {error}"),
            config: false,
            report: None,
        }
    }

    fn failed(report: Report) -> Self {
        let message = report.root_error().map_or_else(
            || format!("the app was stopped before it was up ({})", report.reason()),
            ToOwned::to_owned,
        );
        let rolled_back: Vec<String> = report
            .components()
            .iter()
            .filter(|component| component.stopped().is_some())
            .map(|component| format!("`{}`", component.name()))
            .collect();
        let message = if rolled_back.is_empty() {
            message
        } else {
            format!("{message}; taken down again: {}", rolled_back.join(", "))
        };
        Self {
            message,
            config: report.exit_code() == 2,
            report: Some(Box::new(report)),
        }
    }
}

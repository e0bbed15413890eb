//! [`Hook`]: one call of user code, with what a `start` receives ([`StartContext`]) and what it returns ([`Instance`]).

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::api::ready::Ready;
use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;
use crate::error::BoxError;
use crate::scope::Scope;

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type BoxCall<T> = Box<dyn FnOnce() -> Result<T, BoxError> + Send>;

/// One call of a hook that has not begun: a future for the runtime, or a function for a thread of the framework.
///
/// The hooks of a [`Resource`](crate::Resource) return it, so that the framework decides when they run and how long.
///
/// ```
/// use lifecycle::{Hook, Stopped};
///
/// /// Runs on the app's runtime.
/// fn flush() -> Hook<Stopped> {
///     Hook::future(async {
///         tokio::time::sleep(std::time::Duration::from_millis(1)).await;
///         Ok(Stopped::Clean)
///     })
/// }
///
/// /// Runs on a thread of its own, where it may block.
/// fn remove_pid_file() -> Hook<Stopped> {
///     Hook::thread(|| {
///         std::fs::remove_file("/run/agent.pid")?;
///         Ok(Stopped::Clean)
///     })
/// }
/// ```
#[must_use = "a hook does nothing until the runtime runs it"]
pub struct Hook<T>(pub(crate) HookCall<T>);

pub(crate) enum HookCall<T> {
    Future(BoxFuture<T>),
    Thread(BoxCall<T>),
}

impl<T: 'static> Hook<T> {
    /// Creates an `async` hook, which is polled on the app's runtime.
    ///
    /// At its timeout the future is dropped at its next await point. It must not block, since that delays other
    /// components.
    pub fn future<F>(future: F) -> Self
    where
        F: Future<Output = Result<T, BoxError>> + Send + 'static,
    {
        Self(HookCall::Future(Box::pin(future)))
    }

    /// Creates a synchronous hook, which is called on a thread of the framework and may block.
    ///
    /// The app's runtime is entered, so that `tokio::spawn` and [`Handle::block_on`](tokio::runtime::Handle::block_on) work.
    /// A thread cannot be cancelled: at its timeout the call is abandoned, and goes on until the process exits.
    pub fn thread<F>(call: F) -> Self
    where
        F: FnOnce() -> Result<T, BoxError> + Send + 'static,
    {
        Self(HookCall::Thread(Box::new(call)))
    }

    /// Calls `first` before the hook. If it fails, the hook is not called and fails with the same error.
    pub(crate) fn after(
        self,
        first: impl FnOnce() -> Result<(), BoxError> + Send + 'static,
    ) -> Self {
        match self.0 {
            HookCall::Future(future) => Self::future(async move {
                first()?;
                future.await
            }),
            HookCall::Thread(call) => Self::thread(move || {
                first()?;
                call()
            }),
        }
    }

    pub(crate) fn map<U: 'static>(self, map: impl FnOnce(T) -> U + Send + 'static) -> Hook<U> {
        match self.0 {
            HookCall::Future(future) => Hook::future(async move { future.await.map(map) }),
            HookCall::Thread(call) => Hook::thread(move || call().map(map)),
        }
    }
}

impl<T> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            HookCall::Future(_) => "Hook::future",
            HookCall::Thread(_) => "Hook::thread",
        })
    }
}

/// How a `stop` ended that did not fail.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stopped {
    /// The stop returned without an error.
    Clean,
    /// The stop returned an error that teardown itself provokes, such as a closed connection. It is logged at debug level and
    /// counts as clean.
    Expected(BoxError),
}

/// The handle to a started resource with its type erased: an `Arc<T>`, where `T` may be a `dyn Trait`.
///
/// Only [`Binding::to`](crate::Binding::to) passes it to user code. Cloning is cheap and clones refer to the same value.
#[derive(Clone)]
pub struct Instance(Arc<dyn Any + Send + Sync>);

impl Instance {
    pub(crate) fn new<T: ?Sized + Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self(Arc::new(value))
    }

    /// Uses the `Arc` itself as the handle, without a second one around it.
    pub(crate) fn of_shared<T: Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self(value)
    }

    pub(crate) fn downcast<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.0.downcast_ref::<Arc<T>>().cloned()
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

/// The key under which the runtime finds a component: the type of the handle that dependents receive.
pub(crate) fn key<T: ?Sized + 'static>() -> TypeId {
    TypeId::of::<Arc<T>>()
}

/// Everything that a component's record lists as needs, for its `start` or its function to take.
///
/// ```
/// use std::sync::Arc;
/// use lifecycle::{Hook, Shutdown, StartContext};
///
/// struct Config;
/// struct Cache { config: Arc<Config>, shutdown: Shutdown }
///
/// /// The `start` of a resource that is written by hand; its record lists `Need::on::<Config, _>()` and `Need::SHUTDOWN`.
/// fn start(context: &mut StartContext) -> Hook<Cache> {
///     // Taken here, since the future cannot borrow the context.
///     let (config, shutdown) = (context.get::<Config>(), context.shutdown());
///     Hook::future(async move { Ok(Cache { config, shutdown }) })
/// }
/// ```
pub struct StartContext {
    pub(crate) name: Arc<str>,
    /// One for each need for a component, with the key under which it is needed.
    pub(crate) instances: Vec<(TypeId, Instance)>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) ready: Option<Ready>,
}

impl StartContext {
    /// Returns the resource `T`, which may be a `dyn Trait`.
    ///
    /// # Panics
    ///
    /// Panics if the component's record does not list the resource in [`Record::needs`](crate::Record::needs): it might not
    /// be up.
    #[must_use]
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Arc<T> {
        self.instances
            .iter()
            .find(|(wanted, _)| *wanted == key::<T>())
            .and_then(|(_, instance)| instance.downcast())
            .unwrap_or_else(|| {
                panic!(
                    "`{}` asks for `{}`, which its record does not list: add it to `Record::needs`",
                    self.name,
                    std::any::type_name::<T>()
                )
            })
    }

    /// Returns the [`Shutdown`] handle of the component's own scope.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        Shutdown::new(Arc::clone(&self.scope))
    }

    /// Returns the [`Tasks`] handle of the component's own scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.shutdown().tasks()
    }

    /// Returns the handle by which the worker reports that it is up. In the context of a `start` it has no effect.
    #[must_use]
    pub fn ready(&self) -> Ready {
        self.ready.clone().unwrap_or_default()
    }
}

impl fmt::Debug for StartContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartContext")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

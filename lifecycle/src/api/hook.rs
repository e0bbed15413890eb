//! What the runtime calls: [`Hook`]s, with what a `start` is handed ([`StartContext`]) and what comes back.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::api::shutdown::Shutdown;
use crate::api::tasks::Tasks;
use crate::api::worker::Ready;
use crate::error::BoxError;
use crate::scope::Scope;

type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type BoxCall<T> = Box<dyn FnOnce() -> Result<T, BoxError> + Send>;

/// One call of a hook, not yet begun: a future for the runtime, or a function for a thread of the framework's own.
#[must_use = "a hook does nothing until the runtime runs it"]
pub struct Hook<T>(pub(crate) HookCall<T>);

pub(crate) enum HookCall<T> {
    Future(BoxFuture<T>),
    Thread(BoxCall<T>),
}

impl<T: 'static> Hook<T> {
    /// An `async` hook: it is polled on the app's runtime.
    pub fn future<F>(future: F) -> Self
    where
        F: Future<Output = Result<T, BoxError>> + Send + 'static,
    {
        Self(HookCall::Future(Box::pin(future)))
    }

    /// A synchronous hook: it is called on a thread of the framework's own, where it may block, with the app's runtime
    /// entered.
    pub fn thread<F>(call: F) -> Self
    where
        F: FnOnce() -> Result<T, BoxError> + Send + 'static,
    {
        Self(HookCall::Thread(Box::new(call)))
    }

    /// The same call, with another one before it, whose error is that of both.
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
pub enum Stopped {
    /// Without an error.
    Clean,
    /// With an error that the resource's `expects` says teardown itself provokes.
    Expected(BoxError),
}

/// The handle to a started resource, its type erased: an `Arc<T>`, where `T` may be a `dyn Trait`, in a box that can be
/// cloned.
#[derive(Clone)]
pub struct Instance(Arc<dyn Any + Send + Sync>);

impl Instance {
    pub(crate) fn new<T: ?Sized + Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self(Arc::new(value))
    }

    /// The value itself stands for whatever it is an `Arc` of.
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

/// The key by which the runtime finds a component: the type of the handle that is given out.
pub(crate) fn key<T: ?Sized + 'static>() -> TypeId {
    TypeId::of::<Arc<T>>()
}

/// What a `start`, or a worker's function, is handed: everything that its record lists.
pub struct StartContext {
    pub(crate) name: Arc<str>,
    /// One for each [`Need`] of the kind `Component`, with the key it was asked by.
    pub(crate) instances: Vec<(TypeId, Instance)>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) ready: Option<Ready>,
}

impl StartContext {
    /// The resource `T`.
    ///
    /// # Panics
    ///
    /// When the component's record does not list it among its needs: then it is not known to be up.
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

    /// The handle of the component's own scope.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        Shutdown::new(Arc::clone(&self.scope))
    }

    /// The tracked tasks of the component's own scope.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.shutdown().tasks()
    }

    /// By which the worker says that it is up. In the context of a `start` it does nothing.
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

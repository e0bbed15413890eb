//! [`Instances`]: the instances of the resources that are up.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};

use crate::api::hook::Instance;
use crate::plan::component::{Id, Source};

/// The instances of the resources that are up, by id. The driver alone adds and removes; viewers, and
/// [`Running::get`](crate::Running::get), read. The lock is held for a clone of an `Arc` at most.
#[derive(Default)]
pub(crate) struct Instances {
    up: Mutex<Vec<Option<Instance>>>,
    /// A resource has come up, or a worker has been called.
    has_begun: AtomicBool,
}

impl Instances {
    pub(crate) fn get(&self, source: &Source) -> Option<Instance> {
        match source {
            Source::Provided(instance) => Some(instance.clone()),
            Source::Component { id, bind } => {
                let instance = self.up(*id)?;
                Some(bind.map_or_else(|| instance.clone(), |bind| bind(&instance)))
            }
        }
    }

    /// The instance of that component.
    pub(crate) fn up(&self, id: Id) -> Option<Instance> {
        let up = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        up.get(id)?.clone()
    }

    /// Whether a component has been up, or may have been: a worker from its first call on.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun.load(SeqCst)
    }

    pub(super) fn begun(&self) {
        self.has_begun.store(true, SeqCst);
    }

    /// Takes all instances out. They are user values: the caller drops them where their destructors may run.
    pub(super) fn clear(&self) -> Vec<Option<Instance>> {
        std::mem::take(&mut *self.up.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the instance of a component; returns the one before.
    pub(super) fn put(&self, id: Id, instance: Option<Instance>) -> Option<Instance> {
        self.begun();
        let mut instances = self.up.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() <= id {
            instances.resize(id + 1, None);
        }
        std::mem::replace(&mut instances[id], instance)
    }
}

//! What is up.

use std::sync::{Mutex, PoisonError};

use crate::api::hook::Instance;
use crate::plan::component::{Id, Source};

/// What is up, for the driver and for [`Running::get`](crate::Running::get).
#[derive(Default)]
pub(crate) struct Instances(Mutex<Vec<Option<Instance>>>);

impl Instances {
    pub(crate) fn get(&self, source: &Source) -> Option<Instance> {
        match source {
            Source::Provided(instance) => Some(instance.clone()),
            Source::Component { id, bind } => {
                let instance = self
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get(*id)?
                    .clone()?;
                Some(bind.map_or_else(|| instance.clone(), |bind| bind(&instance)))
            }
        }
    }

    /// Takes everything out.
    pub(super) fn clear(&self) -> Vec<Option<Instance>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn put(&self, id: Id, instance: Option<Instance>) -> Option<Instance> {
        let mut instances = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if instances.len() <= id {
            instances.resize(id + 1, None);
        }
        std::mem::replace(&mut instances[id], instance)
    }
}

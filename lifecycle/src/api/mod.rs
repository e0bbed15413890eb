//! What users name: resources, workers, the app, the handles that they receive, and the records that the macros write.

pub(crate) mod app;
pub(crate) mod background_policy;
pub(crate) mod cleanup_layer;
pub(crate) mod event;
pub(crate) mod hook;
pub(crate) mod leases;
pub(crate) mod outcome;
pub(crate) mod ready;
pub(crate) mod record;
pub(crate) mod resource;
pub(crate) mod schedule;
pub(crate) mod sealed;
pub(crate) mod settings;
pub(crate) mod shutdown;
pub(crate) mod source_location;
#[cfg(feature = "stream")]
pub(crate) mod stream;
pub(crate) mod tasks;
pub(crate) mod worker;

//! A recorder of metrics that records the state of the app as evidence, or never returns.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use metrics::{Counter, Gauge, GaugeFn, Key, KeyName, Metadata, SharedString, Unit};

use crate::harness::evidence::note;

/// Records each metric with a `state` that is set to one.
#[derive(Debug)]
pub struct Recorder {
    blocks: bool,
}

impl Recorder {
    /// Installs it as the recorder of the process.
    ///
    /// # Panics
    ///
    /// If there is one already.
    pub fn install(blocks: bool) {
        metrics::set_global_recorder(Self { blocks }).expect("it is the first");
    }
}

struct State(String);

impl GaugeFn for State {
    fn increment(&self, _: f64) {}

    fn decrement(&self, _: f64) {}

    fn set(&self, value: f64) {
        if value > 0.5 {
            note(&self.0);
        }
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        if self.blocks {
            note("recorder blocks");
            thread::sleep(Duration::from_secs(3600));
        }
        if key.name() != "lifecycle_state" {
            return Gauge::noop();
        }
        let state = key.labels().map(|label| label.value().to_owned()).next();
        Gauge::from_arc(Arc::new(State(format!(
            "recorded {}",
            state.unwrap_or_default()
        ))))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::noop()
    }
}

//! Metrics by the `metrics` facade: rendered for Prometheus by a recorder of our own, and passed to the recorder that the
//! user has installed for the whole process, if any.
//!
//! They are made of what is known at the moment: gauges are set, and counters are set to their totals, so that recording
//! twice changes nothing. Instants are timestamps, not ages, as Prometheus recommends: a timestamp does not grow stale
//! between two scrapes.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{
    SharedString, counter, describe_counter, describe_gauge, gauge, with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::api::cleanup_layer::CleanupLayer;
use crate::error::panic::caught;
use crate::scope::admission::Work;
use crate::view::admin::state::{AdminState, Known};
use crate::view::status::{Phase, Step};

/// How often the user's recorder gets them, besides each time that the app enters a phase: often enough that no counter of
/// admissions wraps around in between.
const PERIOD: Duration = Duration::from_secs(10);

/// The states of the app.
const STATES: [&str; 5] = ["starting", "running", "lame_duck", "draining", "stopping"];

const STATE: &str = "lifecycle_state";
const STATE_ENTERED: &str = "lifecycle_state_entered_timestamp_seconds";
const STARTUP: &str = "lifecycle_startup_duration_seconds";
const IN_FLIGHT: &str = "lifecycle_in_flight";
const COMPONENT_STATE: &str = "lifecycle_component_state";
const COMPONENT_ENTERED: &str = "lifecycle_component_state_entered_timestamp_seconds";
const START: &str = "lifecycle_component_start_duration_seconds";
const STOP: &str = "lifecycle_component_stop_duration_seconds";
const UNHEALTHY: &str = "lifecycle_component_unhealthy_checks";

const GAUGES: [(&str, &str); 9] = [
    (
        STATE,
        "1 for the current state of the app, 0 for the others.",
    ),
    (
        STATE_ENTERED,
        "When the app entered its current state, in seconds since 1970.",
    ),
    (
        STARTUP,
        "How long the startup took, in seconds; absent until the app has come up.",
    ),
    (
        IN_FLIGHT,
        "Units of admitted work that have not ended, by component.",
    ),
    (
        COMPONENT_STATE,
        "1 for the current state of the component, 0 for the others.",
    ),
    (
        COMPONENT_ENTERED,
        "When the component entered its current state, in seconds since 1970.",
    ),
    (
        START,
        "How long the component took to start, in seconds, including all attempts.",
    ),
    (
        STOP,
        "How long the component took to stop, in seconds, including all layers of cleanup.",
    ),
    (
        UNHEALTHY,
        "Consecutive failed health checks of a component that readiness depends on.",
    ),
];

const ADMITTED: &str = "lifecycle_admitted_total";
const REFUSED: &str = "lifecycle_refused_total";
const STARTS: &str = "lifecycle_component_starts_total";
const START_FAILURES: &str = "lifecycle_component_start_failures_total";
const RESTARTS: &str = "lifecycle_component_restarts_total";
const FAILURES: &str = "lifecycle_component_failures_total";
const STOPS: &str = "lifecycle_component_stops_total";

const COUNTERS: [(&str, &str); 7] = [
    (ADMITTED, "Units of work that were admitted, by component."),
    (
        REFUSED,
        "Units of work that were refused because admission was closed, by component.",
    ),
    (
        STARTS,
        "How often the component started, not counting restarts.",
    ),
    (START_FAILURES, "Failed attempts to start the component."),
    (
        RESTARTS,
        "How often the worker ended by itself and was scheduled to run again.",
    ),
    (
        FAILURES,
        "How often the component failed while it was up, including failed periodic runs.",
    ),
    (
        STOPS,
        "How often the component was stopped, by the layer of cleanup that it needed.",
    ),
];

/// A recorder that renders the metrics. Made at the first request: measuring the machine's clocks takes half a
/// millisecond.
#[derive(Default)]
pub(super) struct Prometheus(OnceLock<(PrometheusRecorder, PrometheusHandle)>);

impl Prometheus {
    /// Renders the metrics in Prometheus' text format.
    pub(super) fn render(&self, state: &AdminState) -> String {
        let now = Snapshot::of(state);
        let (recorder, handle) = self.0.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            (recorder, handle)
        });
        with_local_recorder(recorder, || now.record());
        handle.render()
    }
}

/// Passes them to the recorder of the process, on a thread that it may block.
pub(super) async fn pass_on(state: Arc<AdminState>) {
    let mut phases = state.phases();
    loop {
        // Elapsed or changed: both are a reason to record.
        let _ = timeout(PERIOD, phases.changed()).await;
        let Some(inside) = state.inside() else {
            continue;
        };
        let now = Snapshot::of(&state);
        let (done, is_done) = oneshot::channel();
        inside.threads.run(move || {
            // A recorder is user code, which may panic.
            let _ = caught(|| now.record());
            let _ = done.send(());
        });
        // One at a time, however long the recorder takes.
        let _ = is_done.await;
    }
}

/// What is known at one instant.
struct Snapshot {
    known: Known,
    work: BTreeMap<Arc<str>, Work>,
}

impl Snapshot {
    fn of(state: &AdminState) -> Self {
        let work = state.inside().map(|inside| inside.app.admission.work());
        let known = state.known().clone();
        Self {
            known,
            work: work.unwrap_or_default(),
        }
    }

    fn record(&self) {
        for (name, help) in GAUGES {
            describe_gauge!(name, help);
        }
        for (name, help) in COUNTERS {
            describe_counter!(name, help);
        }
        let Self { known, work } = self;
        let present = name(known.status.phase);
        for state in STATES {
            gauge!(STATE, "state" => state).set(flag(state == present));
        }
        gauge!(STATE_ENTERED).set(timestamp(known.since));
        if let Some(took) = known.status.startup {
            gauge!(STARTUP).set(took.as_secs_f64());
        }
        for (name, work) in work {
            let name = SharedString::from_shared(Arc::clone(name));
            gauge!(IN_FLIGHT, "component" => name.clone()).set(work.in_flight as f64);
            counter!(ADMITTED, "component" => name.clone()).absolute(work.admitted);
            counter!(REFUSED, "component" => name).absolute(work.refused);
        }
        for (component, details) in known.components() {
            let name = || SharedString::from_shared(Arc::clone(&component.name));
            for step in Step::ALL {
                gauge!(COMPONENT_STATE, "component" => name(), "state" => step.as_str())
                    .set(flag(step == component.step));
            }
            gauge!(COMPONENT_ENTERED, "component" => name()).set(timestamp(details.since));
            for (metric, took) in [(START, component.start_took), (STOP, component.stop_took)] {
                if let Some(took) = took {
                    gauge!(metric, "component" => name()).set(took.as_secs_f64());
                }
            }
            counter!(STARTS, "component" => name()).absolute(component.starts);
            counter!(START_FAILURES, "component" => name()).absolute(component.failed_starts);
            counter!(FAILURES, "component" => name()).absolute(component.failures);
            if component.worker {
                counter!(RESTARTS, "component" => name()).absolute(component.restarts);
            }
            if details.readiness {
                gauge!(UNHEALTHY, "component" => name()).set(f64::from(details.unhealthy.0));
            }
            for layer in [
                CleanupLayer::Safe,
                CleanupLayer::Timeout,
                CleanupLayer::Emergency,
            ] {
                counter!(STOPS, "component" => name(), "layer" => layer.as_str())
                    .absolute(component.stops[layer as usize]);
            }
        }
    }
}

/// The name of a phase as a state of the app.
fn name(phase: Phase) -> &'static str {
    let [starting, running, lame_duck, draining, stopping] = STATES;
    match phase {
        Phase::Starting => starting,
        Phase::Running => running,
        Phase::LameDuck => lame_duck,
        Phase::Draining => draining,
        Phase::Stopping | Phase::Forced | Phase::Ended => stopping,
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn timestamp(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

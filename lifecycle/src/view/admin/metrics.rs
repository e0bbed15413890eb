//! Metrics through the `metrics` facade: rendered for Prometheus from a recorder of our own, and recorded with the
//! global recorder that the user has installed, if any.
//!
//! They are recorded from a snapshot: gauges are set, and counters are set to their totals, so that recording twice
//! is the same as recording once. Instants are exported as timestamps, as Prometheus recommends, since a timestamp
//! does not age.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{
    SharedString, counter, describe_counter, describe_gauge, gauge, with_local_recorder,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::api::cleanup_layer::CleanupLayer;
use crate::error::panic::caught;
use crate::scope::admission::totals::Work;
use crate::view::admin::status::{Board, Phase, State, Step};

/// How often the metrics are recorded with the user's recorder, besides each time that the app enters another phase.
/// A counter of admissions may not wrap in between: see `scope/admission/totals.rs`.
const PERIOD: Duration = Duration::from_secs(10);

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

/// The recorder that `/metrics` renders.
pub(super) struct Prometheus {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Prometheus {
    fn new() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        Self { recorder, handle }
    }
}

/// Renders the metrics in the Prometheus text format.
pub(super) fn render(board: &Board) -> String {
    let now = Snapshot::of(board);
    let prometheus = board.prometheus.get_or_init(Prometheus::new);
    with_local_recorder(&prometheus.recorder, || now.record());
    prometheus.handle.render()
}

/// Records the metrics with the global recorder, on a thread that it may block.
pub(super) async fn pass_on(board: Arc<Board>) {
    let mut phases = board.phases();
    loop {
        // Elapsed or changed: record either way.
        let _ = timeout(PERIOD, phases.changed()).await;
        let Some(inside) = board.inside() else {
            continue;
        };
        let now = Snapshot::of(&board);
        let (done, is_done) = oneshot::channel();
        inside.threads.run(move || {
            // A recorder is user code, which may panic.
            let _ = caught(|| now.record());
            let _ = done.send(());
        });
        // One at a time: a recorder that blocks must not take a thread per period.
        let _ = is_done.await;
    }
}

/// What is known at one instant.
struct Snapshot {
    state: State,
    work: BTreeMap<Arc<str>, Work>,
}

impl Snapshot {
    fn of(board: &Board) -> Self {
        let work = board.inside().map(|inside| inside.app.admission.work());
        let state = board.state().clone();
        Self {
            state,
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
        let Self { state, work } = self;
        for phase in Phase::ALL {
            gauge!(STATE, "state" => phase.as_str()).set(flag(phase == state.phase));
        }
        gauge!(STATE_ENTERED).set(timestamp(state.since));
        if let Some(took) = state.startup {
            gauge!(STARTUP).set(took.as_secs_f64());
        }
        for (name, work) in work {
            let name = SharedString::from_shared(Arc::clone(name));
            gauge!(IN_FLIGHT, "component" => name.clone()).set(work.in_flight as f64);
            counter!(ADMITTED, "component" => name.clone()).absolute(work.admitted);
            counter!(REFUSED, "component" => name).absolute(work.refused);
        }
        for part in &state.parts {
            let name = || SharedString::from_shared(Arc::clone(&part.name));
            for step in Step::ALL {
                gauge!(COMPONENT_STATE, "component" => name(), "state" => step.as_str())
                    .set(flag(step == part.step));
            }
            gauge!(COMPONENT_ENTERED, "component" => name()).set(timestamp(part.since));
            for (metric, took) in [(START, part.start_took), (STOP, part.stop_took)] {
                if let Some(took) = took {
                    gauge!(metric, "component" => name()).set(took.as_secs_f64());
                }
            }
            counter!(STARTS, "component" => name()).absolute(part.starts);
            counter!(START_FAILURES, "component" => name()).absolute(part.failed_starts);
            counter!(FAILURES, "component" => name()).absolute(part.failures);
            if part.worker {
                counter!(RESTARTS, "component" => name()).absolute(part.restarts);
            }
            if part.readiness {
                gauge!(UNHEALTHY, "component" => name()).set(f64::from(part.unhealthy.0));
            }
            for layer in [
                CleanupLayer::Safe,
                CleanupLayer::Timeout,
                CleanupLayer::Emergency,
            ] {
                counter!(STOPS, "component" => name(), "layer" => layer.as_str())
                    .absolute(part.stops[layer as usize]);
            }
        }
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn timestamp(at: SystemTime) -> f64 {
    let since = at.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

//! The global subscriber of these tests, which records closed spans and events.

use std::collections::HashMap;
use std::fmt::{self, Debug};
use std::sync::mpsc::Receiver;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The recorded fields of a span or an event.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(HashMap<&'static str, String>);

impl Fields {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    /// In the order in which they were closed.
    pub(super) spans: Vec<Fields>,
    /// The message of an event, with the spans around it.
    pub(super) events: Vec<(String, Vec<Fields>)>,
    /// The threads on which spans were created, entered or closed.
    pub(super) threads: Vec<String>,
}

pub(super) static LOG: LazyLock<Mutex<Log>> = LazyLock::new(|| {
    let subscriber = tracing_subscriber::registry().with(Recorder);
    tracing::subscriber::set_global_default(subscriber).expect("it is the first");
    Mutex::default()
});

/// Creating the span of the stop of `stuck_log` blocks until the other end of this is dropped.
pub(super) static STUCK: Mutex<Option<Receiver<()>>> = Mutex::new(None);

pub(super) fn log() -> MutexGuard<'static, Log> {
    LOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The closed spans of a component.
pub(super) fn spans(component: &str) -> Vec<Fields> {
    let log = log();
    let own = |span: &&Fields| span.get("component") == Some(component);
    log.spans.iter().filter(own).cloned().collect()
}

/// The closed spans of a component in one phase.
pub(super) fn spans_of(component: &str, phase: &str) -> Vec<Fields> {
    let mut spans = spans(component);
    spans.retain(|span| span.get("phase") == Some(phase));
    spans
}

/// The only span of a component in one phase.
#[track_caller]
pub(super) fn span(component: &str, phase: &str) -> Fields {
    let spans = spans_of(component, phase);
    let [span] = spans.as_slice() else {
        panic!("one span of `{component}` and {phase}: {spans:#?}");
    };
    span.clone()
}

/// Component and phase of the span around an event.
pub(super) fn place_of(message: &str) -> Option<(String, String)> {
    let log = log();
    let (_, spans) = log.events.iter().find(|(said, _)| said == message)?;
    let span = spans.last()?;
    Some((
        span.get("component")?.to_owned(),
        span.get("phase")?.to_owned(),
    ))
}

pub(super) fn place(component: &str, phase: &str) -> Option<(String, String)> {
    Some((component.to_owned(), phase.to_owned()))
}

struct Recorder;

impl Recorder {
    fn at(thread: &str) {
        log().threads.push(thread.to_owned());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Recorder {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != "lifecycle" {
            return;
        }
        Self::at(std::thread::current().name().unwrap_or_default());
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let component = fields.get("component").unwrap_or_default();
        if component == "stuck_log" && fields.get("phase") == Some("stop") {
            let stuck = STUCK.lock().expect("no panic under the lock").take();
            // With a limit, so that a test in which this blocks other hooks fails instead of hanging.
            let _ = stuck
                .expect("it is stopped once")
                .recv_timeout(Duration::from_secs(20));
        }
        assert!(component != "broken_log", "no room for a span");
        let span = context.span(id).expect("it is new");
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let span = context.span(id).expect("it is open");
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let scope = context.event_scope(event).into_iter().flatten();
        let spans = scope
            .filter_map(|span| span.extensions().get::<Fields>().cloned())
            .collect();
        let message = fields.get("message").unwrap_or_default().to_owned();
        log().events.push((message, spans));
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        Self::at(std::thread::current().name().unwrap_or_default());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let span = context.span(&id).expect("it is being closed");
        if let Some(fields) = span.extensions_mut().remove::<Fields>() {
            Self::at(std::thread::current().name().unwrap_or_default());
            log().spans.push(fields);
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

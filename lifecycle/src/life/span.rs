//! The spans of calls of user code, so that what a hook logs is within a span of its component.
//!
//! A subscriber is user code. So a span is made, entered and closed where the hook itself runs, never by the driver, and
//! closed before the driver hears that the hook has ended: what stops last finds all others closed, but for those of hooks that
//! were given up. An emergency hook has no span around it, since the subscriber may be what it has to do without; its span is
//! written when it is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;

use super::hook_error::HookError;
use crate::api::cleanup_layer::CleanupLayer;
use crate::base::duration::show;
use crate::error::escape::escape;
use crate::scope::Scope;

/// Which call of a component's code it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallPhase {
    Start,
    Run,
    Reload,
    #[cfg_attr(
        not(feature = "admin"),
        allow(dead_code, reason = "only probes ask for it")
    )]
    Health,
    Stop,
}

/// The span of one call, which is made when the call begins to run. Without a subscriber no
/// span is made.
#[derive(Debug)]
pub(crate) struct CallSpan {
    component: Arc<str>,
    phase: CallPhase,
    /// Says until when the call had time.
    scope: Option<Arc<Scope>>,
    open: Option<(Span, Option<Instant>)>,
}

/// The macro wants its level and its name as constants.
macro_rules! span {
    ($level:ident, $phase:literal, $component:expr) => {
        tracing::span!(
            target: "lifecycle",
            tracing::Level::$level,
            $phase,
            component = escape($component),
            phase = $phase,
            layer = Empty,
            elapsed = Empty,
            elapsed_ms = Empty,
            error = Empty,
        )
    };
}

impl CallSpan {
    pub(crate) fn new(component: Arc<str>, phase: CallPhase, scope: Option<Arc<Scope>>) -> Self {
        Self {
            component,
            phase,
            scope,
            open: None,
        }
    }

    /// The component and the call, for a message.
    pub(crate) fn describe(&self) -> String {
        let call = match self.phase {
            CallPhase::Start => "start",
            CallPhase::Run => "run",
            CallPhase::Reload => "reload",
            CallPhase::Health => "health",
            CallPhase::Stop => "stop",
        };
        format!("`{}.{call}`", escape(&self.component))
    }

    /// Calls what belongs into the span.
    pub(crate) fn enter<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let (component, phase) = (&*self.component, self.phase);
        let (span, _) = self.open.get_or_insert_with(|| {
            let span = match phase {
                CallPhase::Start => span!(INFO, "start", component),
                CallPhase::Run => span!(INFO, "run", component),
                CallPhase::Reload => span!(INFO, "reload", component),
                CallPhase::Health => span!(DEBUG, "health", component),
                CallPhase::Stop => span!(INFO, "stop", component),
            };
            let since = (!span.is_disabled()).then(Instant::now);
            (span, since)
        });
        span.in_scope(call)
    }

    /// Drops what remains of the call: within the span, where there is one.
    pub(crate) fn drop<T>(&self, rest: T) {
        match &self.open {
            Some((span, _)) => span.in_scope(|| drop(rest)),
            None => drop(rest),
        }
    }

    /// Writes down how the call ended, and closes the span. One that never ran has none.
    pub(crate) fn close<T>(&mut self, result: &Result<T, HookError>) {
        let Some((span, Some(since))) = self.open.take() else {
            return;
        };
        record_elapsed(&span, since.elapsed());
        if let Some(layer) = self.layer(result.as_ref().err()) {
            span.record("layer", layer.as_str());
        }
        if let Err(error) = result {
            span.record("error", error.describe());
        }
    }

    /// How far the cleanup had to go with this call, where it is part of one.
    fn layer(&self, error: Option<&HookError>) -> Option<CleanupLayer> {
        let scope = self.scope.as_ref()?;
        let stops = match self.phase {
            CallPhase::Start | CallPhase::Reload | CallPhase::Health => false,
            CallPhase::Run => scope.is_stop_requested(),
            CallPhase::Stop => true,
        };
        // A thread cannot be cancelled: it is abandoned, and returns later, or never.
        let late = || scope.abort_at().is_some_and(|at| at < Instant::now());
        stops.then(|| match error {
            Some(HookError::Cancelled) => CleanupLayer::Timeout,
            _ if late() => CleanupLayer::Timeout,
            Some(_) if self.phase == CallPhase::Stop => CleanupLayer::Emergency,
            _ => CleanupLayer::Safe,
        })
    }
}

/// An emergency hook that is over.
#[derive(Debug)]
pub(crate) struct EmergencySpan {
    pub(crate) component: Arc<str>,
    pub(crate) elapsed: Duration,
    pub(crate) error: Option<String>,
}

impl EmergencySpan {
    /// Whether a subscriber may want it: a look at a level, which calls no user code.
    pub(crate) fn is_wanted() -> bool {
        LevelFilter::current() >= LevelFilter::INFO
    }

    /// Writes the span, which is as good as empty: only `elapsed_ms` says how long the hook took.
    pub(crate) fn write(self) {
        let span = span!(INFO, "emergency", &self.component);
        record_elapsed(&span, self.elapsed);
        span.record("layer", CleanupLayer::Emergency.as_str());
        if let Some(error) = self.error {
            span.record("error", error);
        }
    }
}

fn record_elapsed(span: &Span, elapsed: Duration) {
    // Signed, as exporters have numbers.
    let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    span.record("elapsed_ms", millis);
    span.record("elapsed", show(elapsed));
}

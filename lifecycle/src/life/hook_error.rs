//! [`HookError`]: why a call of user code returned nothing.

use std::time::Duration;

use crate::base::duration::show;
use crate::error::escape::escape;
use crate::error::failure::Failure;

/// Why a call of user code returned nothing.
#[derive(Debug)]
pub(crate) enum HookError {
    Failed(Failure),
    Panicked(String),
    TimedOut(Duration),
    /// A start that took too long, or a worker that did not become ready in time.
    NotUp(Duration),
    /// A worker that ended by itself more often than its policy allows.
    TooOften,
    /// Its future was dropped before it ended.
    Cancelled,
}

impl HookError {
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Failed(failure) => failure.text.clone(),
            Self::Panicked(message) => format!("panicked: {}", escape(message)),
            Self::TimedOut(time) => format!("did not end within {}", show(*time)),
            Self::NotUp(time) => format!("was not up within {}", show(*time)),
            Self::TooOften => "ended by itself more often than `max_restarts` allows".to_owned(),
            Self::Cancelled => "was cancelled".to_owned(),
        }
    }

    pub(crate) fn is_config(&self) -> bool {
        matches!(self, Self::Failed(Failure { config: true, .. }))
    }

    /// Whether it is what a request to stop provokes.
    pub(crate) fn comes_from_stopping(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.provoked,
            Self::Cancelled => true,
            Self::Panicked(_) | Self::TimedOut(_) | Self::NotUp(_) | Self::TooOften => false,
        }
    }
}

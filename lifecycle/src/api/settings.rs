//! [`Settings`]: the app's time limits, from attributes, code and environment.

use std::time::Duration;

/// The app's time limits. What is not set has a default.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::Settings;
///
/// let settings = Settings::default().shutdown_timeout(Duration::from_secs(10));
/// assert_eq!(settings.total(), Duration::from_secs(10));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Settings {
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) drain_timeout: Option<Duration>,
    pub(crate) lame_duck: Option<Duration>,
    pub(crate) emergency_timeout: Option<Duration>,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) startup_timeout: Option<Duration>,
}

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident, $getter:ident = $default:expr;)*) => {
        impl Settings {
            $($(#[$doc])*
            pub const fn $name(mut self, time: Duration) -> Self {
                self.$name = Some(time);
                self
            })*

            $(#[doc = concat!("The `", stringify!($name), "` that holds: the one set, or the default.")]
            #[must_use]
            pub const fn $getter(&self) -> Duration {
                match self.$name {
                    Some(time) => time,
                    None => $default,
                }
            })*
        }
    };
}

settings! {
    /// From the first cause to stop to the end of the process, everything included. Default 25 s: inside the 30 s that
    /// Kubernetes gives a pod that says nothing.
    shutdown_timeout, total = Duration::from_secs(25);
    /// How long to go on serving as not ready before the drain, so that load balancers look away. Default 0.
    lame_duck, lame_duck_time = Duration::ZERO;
    /// The reserve for all emergency hooks together, kept at the end of `shutdown_timeout`. Default 2 s.
    emergency_timeout, emergency_time = Duration::from_secs(2);
    /// One attempt of one start. Default 60 s.
    start_timeout, start_time = Duration::from_secs(60);
    /// The whole startup, retries included. Default 5 min.
    startup_timeout, startup_time = Duration::from_secs(300);
}

impl Settings {
    /// No limit set.
    pub const NONE: Self = Self {
        shutdown_timeout: None,
        drain_timeout: None,
        lame_duck: None,
        emergency_timeout: None,
        start_timeout: None,
        startup_timeout: None,
    };

    /// For in-flight work, and workers without a `timeout` of their own. Default: what lame duck, stop chain and reserve
    /// leave, at least 5 s. Where the timeouts of ordered workers fill it, `main`'s body and workers without one still
    /// have 50 ms to return.
    pub const fn drain_timeout(mut self, time: Duration) -> Self {
        self.drain_timeout = Some(time);
        self
    }

    /// These settings, and where they say nothing those of `other`.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            shutdown_timeout: self.shutdown_timeout.or(other.shutdown_timeout),
            drain_timeout: self.drain_timeout.or(other.drain_timeout),
            lame_duck: self.lame_duck.or(other.lame_duck),
            emergency_timeout: self.emergency_timeout.or(other.emergency_timeout),
            start_timeout: self.start_timeout.or(other.start_timeout),
            startup_timeout: self.startup_timeout.or(other.startup_timeout),
        }
    }
}

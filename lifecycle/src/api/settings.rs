//! [`Settings`]: the app's time limits, from attributes, code and environment.

use std::time::Duration;

/// The app's time limits. A limit that is not set has a default.
///
/// `#[app(shutdown_timeout = "30s")]` sets them for an app, [`Builder::settings`](crate::Builder::settings) for a
/// [`Builder`](crate::Builder), [`Setup::settings`](crate::Setup::settings) at startup, and environment variables such as
/// `LIFECYCLE_SHUTDOWN_TIMEOUT` override all of these. Each setter takes the settings by value; the getter of the same
/// limit has the prefix `get_`. Limits above 365 days count as 365 days.
///
/// ```
/// use std::time::Duration;
/// use lifecycle::Settings;
///
/// let settings = Settings::default().shutdown_timeout(Duration::from_secs(10));
/// assert_eq!(settings.get_shutdown_timeout(), Duration::from_secs(10));
/// assert_eq!(settings.get_emergency_timeout(), Duration::from_secs(2));
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
            }

            #[doc = concat!("Returns the [`", stringify!($name), "`](Self::", stringify!($name), ") that was set, or its default.")]
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
    /// Sets the time from the first cause to stop to the end of the process, everything included. Default: 25 s.
    ///
    /// The default is within the 30 s that Kubernetes gives a pod whose specification does not set a grace period.
    shutdown_timeout, get_shutdown_timeout = Duration::from_secs(25);
    /// Sets how long the app goes on serving as not ready before it drains. Default: 0.
    ///
    /// Load balancers need this time to notice, and to send new requests elsewhere. It is part of `shutdown_timeout`.
    lame_duck, get_lame_duck = Duration::ZERO;
    /// Sets the reserve for all emergency hooks together, at the end of `shutdown_timeout`. Default: 2 s.
    ///
    /// The framework keeps at least 50 ms of it for the report, and at most half of `shutdown_timeout`.
    emergency_timeout, get_emergency_timeout = Duration::from_secs(2);
    /// Sets the time for one attempt of one `start`, for components without a `start_timeout`. Default: 60 s.
    start_timeout, get_start_timeout = Duration::from_secs(60);
    /// Sets the time for the whole startup, retries included. Default: 5 min.
    ///
    /// An app that is not up by then stops, with [`Reason::StartupTimeout`](crate::Reason::StartupTimeout).
    startup_timeout, get_startup_timeout = Duration::from_secs(300);
}

impl Settings {
    /// Settings without any limit set: all limits have their defaults.
    pub const NONE: Self = Self {
        shutdown_timeout: None,
        drain_timeout: None,
        lame_duck: None,
        emergency_timeout: None,
        start_timeout: None,
        startup_timeout: None,
    };

    /// Sets the time of the drain: for work in flight, for `main`'s body, and for workers without a `timeout`.
    ///
    /// By default it is what `lame_duck`, the stops of the resources and `emergency_timeout` do not need of
    /// `shutdown_timeout`, but at least 5 s. Even if the timeouts of ordered workers take all of it, `main`'s body and
    /// workers without a timeout have 50 ms to return.
    pub const fn drain_timeout(mut self, time: Duration) -> Self {
        self.drain_timeout = Some(time);
        self
    }

    /// Returns the [`drain_timeout`](Self::drain_timeout) that was set; `None` if it depends on the app's components.
    #[must_use]
    pub const fn get_drain_timeout(&self) -> Option<Duration> {
        self.drain_timeout
    }

    /// Returns these settings, with the limits of `other` where these set none.
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

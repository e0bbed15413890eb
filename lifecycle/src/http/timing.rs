//! How long the server waits for what it cannot see.

use std::time::Duration;

/// How long a connection that was used is kept for a request that may be on its way: what a packet takes within a continent.
/// The drain takes that much longer.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// How long a new one is.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// How long an HTTP/2 connection without requests may take to answer that it goes away; Go's server waits as long.
pub(super) const ASLEEP: Duration = Duration::from_secs(1);

/// What hyper gives a head by default.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

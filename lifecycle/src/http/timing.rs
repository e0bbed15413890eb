//! How long the server waits for what it cannot observe.

use std::time::Duration;

/// How long a connection that has been used is kept for a request that may be in transit: about what a packet takes
/// within a continent. The drain takes that much longer.
pub(super) const SETTLE: Duration = Duration::from_millis(50);

/// How long a connection is kept on which no request has arrived yet: a client sends one soon after it connects.
pub(super) const FRESH: Duration = Duration::from_secs(1);

/// How long an idle HTTP/2 connection may take to acknowledge its GOAWAY. Go's `net/http` waits as long
/// (`goAwayTimeout`).
pub(super) const ASLEEP: Duration = Duration::from_secs(1);

/// The default limit for the head of an HTTP/1 request: hyper's own.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after a failed `accept`, unless a connection ends earlier and frees its descriptor.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// How long to discard what remains of a request that was refused, from its last byte on.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The longest time that a server keeps for itself at the end of its scope's time.
const MARGIN: Duration = Duration::from_millis(100);

/// How long aborted connections may take to end. Half of the margin: the server must return before its scope is
/// aborted.
pub(super) const ABORT_GRACE: Duration = MARGIN.checked_div(2).unwrap();

/// How long before its scope a server aborts what is still in flight: a tenth of the scope's remaining time, at most
/// 100 ms. So the requests are counted as aborted by the server, instead of vanishing together with its task.
pub(super) fn abort_margin(remaining: Duration) -> Duration {
    MARGIN.min(remaining / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_margin_is_a_tenth_of_the_remaining_time_and_at_most_100_ms() {
        for (remaining, margin) in [(0, 0), (10, 1), (999, 99), (1_000, 100), (60_000, 100)] {
            let found = abort_margin(Duration::from_millis(remaining));
            assert_eq!(found.as_millis(), margin, "{remaining} ms");
        }
    }
}

//! [`Blame`]: which components took longest.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use crate::base::duration::exact;
use crate::error::escape::escape;
use crate::report::timeline::Timeline;

/// How many components a list names; the last line counts the others.
const MOST: usize = 20;

/// The components that took longest to start and to stop, as text; returned by [`Report::blame`](crate::Report::blame).
///
/// It displays as two lists, `longest to start` and `longest to stop`. Each has a line per component with the time
/// that it took and its name, the slowest first, at most 20, and a line that counts the others. An empty list is
/// omitted. The time of a start includes retries and the delays between them; that of a stop includes the drain of a
/// worker, the emergency hook and the destructor. Neither includes the time that the component waited for others.
/// Times are rounded for reading (`340µs`, `1.25s`).
///
/// ```
/// use lifecycle::{Lifecycle, Shutdown};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), lifecycle::StartError> {
/// let running = Lifecycle::builder()
///     .background("poll", |shutdown: Shutdown| async move { shutdown.requested().await })
///     .start()
///     .await?;
/// let blame = running.stop().await.blame().to_string();
/// assert!(blame.starts_with("longest to start:\n") && blame.contains("  poll\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Blame {
    start: Vec<(Duration, String)>,
    stop: Vec<(Duration, String)>,
}

impl Blame {
    /// What is still going on counts up to `now`.
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        let took = |(begin, end): (Duration, Duration)| end.min(now).saturating_sub(begin);
        let mut start = Vec::new();
        let mut stop = Vec::new();
        for row in &timeline.rows {
            start.extend(row.start().map(|extent| (took(extent), escape(&row.name))));
            stop.extend(row.stop().map(|extent| (took(extent), escape(&row.name))));
        }
        for list in [&mut start, &mut stop] {
            list.sort_by_key(|(took, _)| Reverse(*took));
        }
        Self { start, stop }
    }
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, list) in [("start", &self.start), ("stop", &self.stop)] {
            if list.is_empty() {
                continue;
            }
            writeln!(f, "longest to {what}:")?;
            for (took, name) in list.iter().take(MOST) {
                writeln!(f, "  {:>8}  {name}", exact(*took))?;
            }
            if let Some(more @ 1..) = list.len().checked_sub(MOST) {
                writeln!(f, "            and {more} more")?;
            }
        }
        Ok(())
    }
}

//! The critical path: the chain of components that startup, or shutdown, could not have been faster than.

use std::collections::HashSet;
use std::time::Duration;

use super::timeline::{Kind, Timeline};
use crate::life::track::Mark;

/// Both paths, each in the order in which it was gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Critical {
    pub(crate) startup: Vec<Step>,
    pub(crate) shutdown: Vec<Step>,
}

/// What was waited for from `begin` to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) who: Who,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The component of that row.
    Row(usize),
    LameDuck,
    /// What was in flight, tasks of the app, starts that were under way.
    Work,
}

impl Critical {
    pub(crate) fn of(timeline: &Timeline, now: Duration) -> Self {
        Self {
            startup: startup(timeline, now),
            shutdown: shutdown(timeline, now),
        }
    }
}

/// From who came up last, or what failed, back over whom each one waited for.
fn startup(timeline: &Timeline, now: Duration) -> Vec<Step> {
    let until = timeline
        .mark(Mark::Up)
        .or(timeline.mark(Mark::Cause))
        .unwrap_or(now);
    let step = |place: usize| {
        let (begin, end) = timeline.rows[place].start()?;
        let end = end.min(until);
        let who = Who::Row(place);
        (begin <= end).then_some(Step { who, begin, end })
    };
    let last = (0..timeline.rows.len())
        .filter_map(step)
        .max_by_key(|step| step.end);
    let after = |place: usize| timeline.rows[place].start_after.and_then(step);
    chain(last, after)
}

/// From who ended last back to what the drain waited for.
fn shutdown(timeline: &Timeline, now: Duration) -> Vec<Step> {
    let Some(cause) = timeline.mark(Mark::Cause) else {
        return Vec::new();
    };
    let step = |place: usize| {
        let (begin, end) = timeline.rows[place].stop()?;
        let end = end.min(now);
        // A worker may have ended before.
        let who = Who::Row(place);
        (cause <= end && begin <= end).then_some(Step { who, begin, end })
    };
    let after = |place: usize| timeline.rows[place].stop_after.and_then(step);
    let latest = |of: &dyn Fn(usize) -> bool| {
        let places = (0..timeline.rows.len()).filter(|place| of(*place));
        places.filter_map(step).max_by_key(|step| step.end)
    };
    let is_resource = |place: usize| timeline.rows[place].kind == Kind::Resource;
    let resources = chain(latest(&is_resource), after);
    let workers = chain(latest(&|place| !is_resource(place)), after);

    let drain = timeline.mark(Mark::Drain);
    let stop = timeline.mark(Mark::Stop);
    let mut path = Vec::new();
    let duck = timeline.mark(Mark::LameDuck);
    path.extend(duck.zip(drain).map(|(begin, end)| Step {
        who: Who::LameDuck,
        begin,
        end,
    }));
    let drained = workers.last().map(|step| step.end).or(drain);
    path.extend(workers);
    // A moment passes between any two steps.
    let moment = Duration::from_millis(1);
    if let (Some(begin), Some(end)) = (drained, stop.or(timeline.mark(Mark::Emergency)))
        && end.saturating_sub(begin) > moment
    {
        path.push(Step {
            who: Who::Work,
            begin,
            end,
        });
    }
    path.extend(resources);
    path
}

/// What leads to the last step, first things first.
fn chain(last: Option<Step>, before: impl Fn(usize) -> Option<Step>) -> Vec<Step> {
    let mut path: Vec<Step> = Vec::new();
    let mut known = HashSet::new();
    let mut next = last;
    while let Some(step) = next {
        let Who::Row(place) = step.who else { break };
        // Each step back is one in time; those of no time at one instant may have waited for each other.
        if path.last().is_some_and(|later| step.end > later.begin) || !known.insert(place) {
            break;
        }
        path.push(step);
        next = before(place);
    }
    path.reverse();
    path
}

//! The drain: which worker is asked to stop when, which is aborted when, and when the drain is over.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::runs::{Run, Runs};
use super::starts::attempts;
use crate::life::driver::GRACE;
use crate::life::simulation::evidence::{Seen, Stage, What, millis};

/// A drain that ended before the emergency layer began.
pub(super) struct Drain {
    /// When the first resources may stop.
    pub(super) over: Instant,
    /// Until when it would have lasted at most.
    pub(super) end: Instant,
}

/// Its groups, the first to be asked to stop first.
fn groups<'a>(seen: &Seen<'_>, workers: &'a [Runs]) -> Vec<Vec<&'a Runs>> {
    let mut groups: BTreeMap<_, Vec<&Runs>> = BTreeMap::new();
    // Main's body is asked with the unordered ones, which need not exist.
    groups.insert((true, 0), Vec::new());
    for worker in workers {
        let group = seen.world.worker(worker.id).group();
        groups.entry(group).or_default().push(worker);
    }
    groups.into_values().rev().collect()
}

/// The explicit timeouts of a group: its longest, where all have one; and its longest of any.
fn times(seen: &Seen<'_>, group: &[&Runs]) -> (Option<Duration>, Duration) {
    let timeouts = || {
        group
            .iter()
            .map(|worker| seen.world.worker(worker.id).timeout)
    };
    let longest = timeouts().flatten().max().map_or(Duration::ZERO, millis);
    (
        timeouts()
            .all(|timeout| timeout.is_some())
            .then_some(longest),
        longest,
    )
}

/// Adds to `abandoned` the workers whose threads are.
pub(super) fn check(
    seen: &Seen<'_>,
    workers: &[Runs],
    abandoned: &mut Vec<usize>,
) -> Option<Drain> {
    let cause = seen.cause();
    let reserve = seen.reserve();
    let ran = seen
        .driver(What::Running)
        .is_some_and(|running| running.is_before(cause));
    let reason = &seen.story.outcome.reason;
    let waits = ran && *reason != crate::scope::reason::Reason::Signal(2);
    let lame_duck = if waits { seen.world.lame_duck } else { 0 };
    let expected = cause.at + millis(lame_duck).min(reserve - cause.at);
    let Some(draining) = seen.draining() else {
        assert!(!seen.surely_in_time(expected), "it never drains");
        return None;
    };
    let heard = expected..=expected + seen.blocked();
    assert!(
        heard.contains(&draining.at),
        "it does not drain after the lame duck"
    );

    let groups = groups(seen, workers);
    let chain: Duration = groups.iter().map(|group| times(seen, group).1).sum();
    let most = millis(seen.world.drain)
        .max(chain)
        .min(reserve - draining.at);
    let end = draining.at + most;
    let mut time = draining.at;
    for (step, group) in groups.iter().enumerate() {
        let after = groups[step + 1..].iter().map(|group| times(seen, group).0);
        let fixed: Duration = after.clone().flatten().sum();
        let shares = u32::try_from(after.filter(Option::is_none).count()).unwrap();
        let remaining = end.saturating_duration_since(time);
        let share = remaining.saturating_sub(fixed) / (1 + shares);
        let share = share.max(GRACE.min(reserve.saturating_duration_since(time)));
        let mut ended = time;
        for worker in group {
            let timeout = seen.world.worker(worker.id).timeout;
            let allowed = timeout
                .map_or(share, millis)
                .min(reserve.saturating_duration_since(time));
            ended = ended.max(asked(seen, worker, time, allowed, abandoned)?);
        }
        if step == 0 {
            ended = ended.max(body(seen, time, share)?);
        }
        time = ended;
    }
    let over = if time >= end {
        time
    } else {
        time.max(work(seen)?.min(end))
    };
    seen.surely_in_time(over).then_some(Drain { over, end })
}

/// Checks a worker that is asked to stop at that time; returns when it had ended. `None` when the emergency layer began
/// before.
fn asked(
    seen: &Seen<'_>,
    worker: &Runs,
    time: Instant,
    allowed: Duration,
    abandoned: &mut Vec<usize>,
) -> Option<Instant> {
    let abort_at = seen.tick(time + allowed);
    // A first poll that blocks the runtime may still be to come.
    let late = seen.blocked();
    let over = |at: Instant| {
        if seen.surely_in_time(at) {
            Some(at)
        } else {
            None
        }
    };
    over(time)?;
    let Some(run) = worker.runs.last().filter(|run| runs_at(run, time)) else {
        return Some(time);
    };
    let id = worker.id;
    match run.end {
        // Its tasks are still to end.
        Some((end, _)) if end.at <= time && run.stop_requested.is_none() => {}
        _ if run.stop_requested.is_none() && !seen.surely_in_time(time + late) => {}
        _ => assert!(
            run.stop_requested
                .is_some_and(|asked| (time..=time + late).contains(&asked.at))
                || abort_at == time,
            "w{id} was asked to stop at {:?}, and not {:?} after the begin",
            run.stop_requested.map(|asked| asked.at - seen.story.began),
            time - seen.story.began,
        ),
    }
    let thread = seen.world.worker(id).run(run.called.number).thread;
    let tasks = run.tasks_over();
    let ended = match run.end {
        Some((end, What::Aborted(_))) => {
            assert!(
                (abort_at..=abort_at + late).contains(&end.at)
                    || !seen.surely_in_time(end.at)
                    || end.at <= time,
                "w{id} was aborted {:?} after it was asked to stop, and had {allowed:?}",
                end.at - time
            );
            Some(end.at)
        }
        Some((end, _)) if end.at <= abort_at + late => Some(end.at),
        _ if thread => {
            abandoned.push(id);
            Some(abort_at)
        }
        _ => None,
    };
    let ended = match (ended, tasks) {
        (Some(ended), Some(tasks)) => Some(ended.max(tasks)),
        _ => None,
    };
    assert!(
        ended.is_some() || !seen.surely_in_time(abort_at + late) || abort_at == seen.story.ended,
        "w{id} was not aborted when its time was over"
    );
    over(ended?)
}

/// Whether function or tasks of the run have not ended by then.
fn runs_at(run: &Run, time: Instant) -> bool {
    run.over()
        .is_none_or(|over| over > time || run.stop_requested.is_some_and(|asked| asked.at == time))
}

/// The same for main's body.
fn body(seen: &Seen<'_>, time: Instant, share: Duration) -> Option<Instant> {
    let id = seen.world.body_id();
    let Some(called) = seen.first(id, What::Called(Stage::Body)) else {
        return Some(time);
    };
    let abort_at = seen.tick(time + share);
    let end = seen.find(id, |what| {
        matches!(
            what,
            What::Ended(Stage::Body, _) | What::Aborted(Stage::Body)
        )
    });
    let end = end.filter(|end| called.is_before(*end));
    let aborted = seen.first(id, What::Aborted(Stage::Body)).is_some();
    let Some(end) = end else {
        assert!(
            !seen.surely_in_time(abort_at),
            "main's body was not aborted when its time was over"
        );
        return None;
    };
    if end.at > time || aborted {
        let late = seen.blocked();
        let asked = seen
            .first(id, What::StopRequested(Stage::Body))
            .map(|asked| asked.at);
        assert!(
            asked.map_or(abort_at <= time + late, |asked| (time..=time + late)
                .contains(&asked))
                || !seen.surely_in_time(time + late),
            "main's body is asked first"
        );
    }
    assert!(
        !seen.surely_in_time(end.at)
            || if aborted {
                end.at == abort_at
            } else {
                end.at <= abort_at
            },
        "main's body ended {:?} after it was asked to stop, and had {share:?}",
        end.at - time
    );
    seen.surely_in_time(end.at).then_some(end.at.max(time))
}

/// When everything else had ended that the drain awaits: starts under way, the app's tasks, admitted work. Far in the
/// future where something did not.
fn work(seen: &Seen<'_>) -> Option<Instant> {
    let draining = seen.draining()?;
    let never = seen.story.ended + millis(seen.world.shutdown);
    let mut over = draining.at;
    for (id, resource) in seen.world.resources.iter().enumerate() {
        let attempts = attempts(seen, id);
        let Some(last) = attempts.last() else {
            continue;
        };
        let thread = resource.start(attempts.len() - 1).thread;
        let open = match last.end {
            Some((end, _)) => draining.is_before(end),
            None => true,
        };
        // At that very instant its time may have been over.
        let in_time = match last.end {
            Some((end, _)) if last.limit == draining.at => {
                end.at > draining.at && (!thread || seen.is_up(id))
            }
            _ => last.limit > draining.at,
        };
        if open && (thread || resource.takes_shutdown) && in_time {
            over = over.max(match last.end {
                Some((end, What::Ended(..))) => end.at,
                _ => never,
            });
        }
    }
    let body = seen.world.body_id();
    let spawned = seen.count(body, What::Called(Stage::Task));
    let is_end = |what: &What| matches!(what, What::Ended(Stage::Task, _));
    let ends: Vec<Instant> = seen
        .of(body)
        .iter()
        .filter(|(_, what)| is_end(what))
        .map(|(spot, _)| spot.at)
        .collect();
    if ends.len() < spawned {
        return Some(never);
    }
    over = ends.into_iter().fold(over, Instant::max);
    for unit in 0..seen.world.units.len() {
        let id = seen.world.unit_id(unit);
        if seen.first(id, What::Admitted).is_some() {
            let finished = seen.first(id, What::Finished);
            over = over.max(finished.map_or(never, |finished| finished.at));
        }
    }
    Some(over)
}

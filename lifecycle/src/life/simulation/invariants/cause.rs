//! The first cause is the one that is reported, the root error the first one, and the exit code follows from what
//! happened.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::drain::Drain;
use super::runs::{OwnEnd, Runs};
use super::starts::attempts;
use super::stops::Ending;
use crate::api::background_policy::EndAction;
use crate::life::simulation::evidence::{Seen, Spot, Stage, What, millis};
use crate::life::simulation::exit_code::{Fact, Facts, allowed};
use crate::life::simulation::world::{End, Outside};
use crate::scope::reason::Reason;

/// Something that ends the app, or fails.
#[derive(Debug)]
struct Event {
    at: Instant,
    /// What the app stops for, where it does.
    reason: Option<Reason>,
    failure: bool,
    config: bool,
    /// Not so at an instant at which it may also have come too late to matter.
    certain: bool,
}

pub(super) fn check(
    seen: &Seen<'_>,
    workers: &[Runs],
    drain: Option<&Drain>,
    abandoned: &[usize],
    endings: &[Ending],
) {
    let outcome = &seen.story.outcome;
    let cause = seen.cause().at;
    let mut events = Vec::new();
    starts(seen, &mut events);
    for worker in workers {
        run(seen, worker, abandoned.contains(&worker.id), &mut events);
    }
    body(seen, &mut events);
    outside(seen, &mut events);

    let earlier = events
        .iter()
        .find(|event| event.reason.is_some() && event.certain && event.at + seen.blocked() < cause);
    assert!(
        earlier.is_none(),
        "it should have stopped earlier: {earlier:?}"
    );
    let reason = &outcome.reason;
    let first = events.iter().find(|event| {
        let heard = event.at..=event.at + seen.blocked();
        heard.contains(&cause) && event.reason.as_ref() == Some(reason)
    });
    assert!(
        first.is_some(),
        "{reason:?} was not when the app stopped, {events:#?}"
    );
    let failed = matches!(reason, Reason::Failed(_) | Reason::StartupTimeout);
    assert_eq!(outcome.root.is_some(), failed, "{:?}", outcome.root);
    if let (Reason::Failed(name), Some(root)) = (reason, &outcome.root) {
        assert!(root.contains(&format!("`{name}`")), "{root}");
    }
    let config = first.is_some_and(|event| event.config);
    let (mut unclean, may_be_unclean) = unclean(seen, endings, workers, drain);
    unclean |= !abandoned.is_empty();
    exit_code(seen, &events, config, (unclean, unclean || may_be_unclean));
}

fn exit_code(
    seen: &Seen<'_>,
    events: &[Event],
    config: bool,
    (unclean, may_be_unclean): (bool, bool),
) {
    let outcome = &seen.story.outcome;
    let forced: Vec<(Spot, i32)> = seen
        .of(seen.world.outside_id())
        .iter()
        .filter_map(|(spot, what)| match what {
            What::Sent(Outside::Forced(signal)) => Some((*spot, *signal)),
            _ => None,
        })
        .collect();
    if let Some((first, _)) = forced.first() {
        // Of those of one instant any may have been heard first.
        let latest = first.at + seen.blocked();
        let heard = |signal| {
            let mut forced = forced.iter();
            forced.any(|(spot, sent)| *sent == signal && spot.at <= latest)
        };
        let too_late = first.at == seen.story.ended;
        assert!(
            outcome.forced.map_or(too_late, heard),
            "forced by {forced:?}, reported {:?}",
            outcome.forced
        );
    }
    if outcome.forced.is_some() {
        assert!(!forced.is_empty());
    }
    let failed = events.iter().any(|event| event.failure && event.certain);
    let may_fail = events.iter().any(|event| event.failure);
    let mut expected = allowed(&Facts {
        forced: Fact::of(outcome.forced.is_some(), false),
        signals: outcome.forced.as_slice(),
        config: Fact::of(config, false),
        failed: Fact::of(failed, may_fail),
        unclean: Fact::of(unclean, may_be_unclean),
    });
    // A wrong configuration precedes a call of `exit`, and so does a signal that forces.
    if !config && outcome.forced.is_none() {
        after_exit(seen, &mut expected);
    }
    let code = outcome.exit_code;
    assert!(
        expected.contains(&code),
        "the exit code is {code}, not of {expected:?}: {:#?}\n{events:#?}",
        outcome.components
    );
}

/// What a call of `exit` makes of the exit codes.
fn after_exit(seen: &Seen<'_>, expected: &mut BTreeSet<i32>) {
    let sent = seen.of(seen.world.outside_id()).iter();
    let mut calls = sent.filter_map(|(spot, what)| match what {
        What::Sent(Outside::Exited(code)) => Some((spot.at, *code)),
        _ => None,
    });
    let Some((at, code)) = calls.next() else {
        return;
    };
    let heard = at < seen.story.ended;
    match code {
        0 if expected.contains(&0) => {
            if heard {
                expected.remove(&0);
            }
            expected.insert(3);
        }
        0 => {}
        code => {
            if heard {
                expected.clear();
            }
            expected.insert(code);
        }
    }
}

/// Whether something was aborted or needed more than its hook; and whether it may have been.
fn unclean(
    seen: &Seen<'_>,
    endings: &[Ending],
    workers: &[Runs],
    drain: Option<&Drain>,
) -> (bool, bool) {
    let mut unclean = !seen.story.outcome.aborted_work.is_empty() || seen.out_of_time().is_some();
    let mut maybe = unclean
        || endings
            .iter()
            .any(|ending| matches!(ending, Ending::OutOfTime(true) | Ending::CleanThenOutOfTime));
    unclean |= endings.iter().any(|ending| {
        matches!(
            ending,
            Ending::CleanButAborted
                | Ending::Failed
                | Ending::FailedAsItEnded
                | Ending::OutOfTime(false)
        )
    });
    let draining = seen.draining();
    for id in 0..seen.world.resources.len() {
        // Waited for in vain.
        if let Some(last) = attempts(seen, id).last().filter(|_| !seen.is_up(id)) {
            let resource = &seen.world.resources[id];
            let thread = resource.start(last.called.number).thread;
            let waited = thread || resource.takes_shutdown;
            let open = last
                .end
                .is_none_or(|(end, _)| draining.is_some_and(|draining| draining.is_before(end)));
            let awaited = waited && open && last.limit > seen.cause().at;
            let over = drain.map(|drain| drain.over);
            let (in_vain, perhaps) = match last.end {
                Some((end, What::Ended(..))) => (Some(end.at) > over, Some(end.at) == over),
                // Its own time was over at the same instant.
                Some((end, _)) if end.at == last.limit => (false, true),
                None if Some(last.limit) == over => (false, true),
                _ => (true, true),
            };
            unclean |= awaited && in_vain;
            maybe |= awaited && perhaps;
        }
    }
    for worker in workers {
        unclean |= worker.aborted;
        unclean |= seen.first(worker.id, What::Aborted(Stage::Task)).is_some();
    }
    let body = seen.world.body_id();
    unclean |= seen.first(body, What::Aborted(Stage::Task)).is_some();
    // It may have been aborted before it was polled, and the life may have ended before it was dropped.
    let called = seen.world.body.is_some() && seen.driver(What::Running).is_some();
    let ended = |what| matches!(what, What::Ended(Stage::Body, _));
    unclean |= called && seen.find(body, ended).is_none();
    (unclean, unclean || maybe)
}

fn starts(seen: &Seen<'_>, events: &mut Vec<Event>) {
    let cause = seen.cause();
    let reason = &seen.story.outcome.reason;
    for (id, resource) in seen.world.resources.iter().enumerate() {
        if seen.is_up(id) {
            continue;
        }
        let attempts = attempts(seen, id);
        let Some(last) = attempts.last() else {
            continue;
        };
        let waits = resource.takes_shutdown || resource.start(attempts.len() - 1).thread;
        // While the app drains, its own time is not what bounds it.
        let at = match last.end {
            Some((end, _)) if waits && last.limit > cause.at => end.at,
            _ => last.over(),
        };
        let root = seen.story.outcome.root.as_deref().unwrap_or_default();
        let config = matches!(last.end, Some((end, What::Ended(_, End::Config)))
            if end.at < last.limit || end.at == last.limit && !root.contains("was not up"));
        let is_last = attempts.len() == 1 + resource.retries as usize || config;
        let name = seen.world.name(id);
        assert!(
            is_last || *reason != Reason::Failed(name.as_str().into()),
            "{name} has failed before its last attempt"
        );
        let certain = at < cause.at;
        let failed = if certain {
            is_last
        } else {
            match last.end {
                Some((_, What::Ended(_, End::Ok | End::Disconnect))) => at == cause.at,
                // Asked to stop, it cannot but fail.
                Some((_, What::Ended(..))) => !resource.takes_shutdown || at == cause.at,
                // Its destructor panicked, or its time was over.
                Some((end, What::Aborted(_))) => {
                    end.at == last.limit || !waits && resource.start(last.called.number).bomb
                }
                _ => at == cause.at,
            }
        };
        let by_itself = matches!(last.end, Some((_, What::Ended(..))));
        let certain = certain
            || by_itself
                && !resource.takes_shutdown
                && at > cause.at
                && seen.surely_in_time(at)
                && seen.draining().is_some_and(|draining| {
                    at < draining.at + millis(seen.world.drain).min(seen.reserve() - draining.at)
                });
        if failed {
            events.push(Event {
                at,
                reason: Some(Reason::Failed(name.as_str().into())),
                failure: true,
                config,
                certain,
            });
        }
    }
    let at = seen.story.began + millis(seen.world.startup);
    let ran = seen.driver(What::Running);
    if ran.is_none_or(|ran| ran.at >= at) && at <= cause.at {
        events.push(Event {
            at,
            reason: Some(Reason::StartupTimeout),
            failure: true,
            config: false,
            certain: at + seen.blocked() < cause.at
                && ran.is_none_or(|ran| ran.at > at + seen.blocked()),
        });
    }
}

fn run(seen: &Seen<'_>, worker: &Runs, abandoned: bool, events: &mut Vec<Event>) {
    let policy = seen.world.worker(worker.id);
    let name = || seen.world.name(worker.id).as_str().into();
    let running = seen.driver(What::Running);
    let mut push = |at: Instant, reason: Option<Reason>, failure: bool, certain: bool| {
        events.push(Event {
            at,
            reason,
            failure,
            config: false,
            certain: certain && seen.surely_in_time(at),
        });
    };
    let end = worker.runs.last().and_then(|run| run.end);
    let is_error = matches!(
        end,
        Some((_, What::Ended(_, End::Fail | End::Config | End::Panic)))
    );
    match worker.own_end {
        Some(OwnEnd::Finished(at)) if policy.on_finish == EndAction::Shutdown => {
            push(at, Some(Reason::Finished(name())), false, true);
        }
        Some(OwnEnd::Failed(at)) => {
            // Before the app is up, whatever its policy says.
            let early = running.is_none_or(|running| at + seen.blocked() < running.at);
            let same = running.is_some_and(|running| at <= running.at);
            let fatal = policy.on_failure == EndAction::Shutdown;
            // At the instant at which it was asked to stop, it may have been asked first.
            let asked = seen
                .draining()
                .is_some_and(|draining| at + seen.blocked() >= draining.at);
            if early || same || fatal {
                let certain = if asked {
                    fatal && is_error
                } else {
                    early || fatal
                };
                push(at, Some(Reason::Failed(name())), true, certain);
            }
        }
        _ => {}
    }
    let failures = worker.runs.iter().rev().take_while(|run| !run.is_ok());
    let failures = u32::try_from(failures.count()).unwrap();
    let may_fail = policy
        .every
        .is_some_and(|every| every.max_failures.is_none_or(|most| failures < most));
    // Once asked to stop, it may only fail as the request provokes it, or as a run of it may.
    if let (None, Some((spot, _))) = (worker.own_end, end.filter(|_| is_error && !abandoned))
        && policy.on_failure == EndAction::Shutdown
        && !may_fail
    {
        let asked = worker
            .runs
            .last()
            .is_some_and(|run| run.stop_requested.is_some());
        // At the same instant its time was over, and its end came too late.
        let errors = &seen.outcome(worker.id).errors;
        let aborted = errors.iter().any(|error| error.contains("did not end"));
        push(spot.at, None, true, asked && !aborted);
    }
    for (spot, what) in seen.of(worker.id) {
        if let What::Sent(outside) = what {
            let reason = match outside {
                Outside::Fail => Reason::Failed(name()),
                _ => Reason::Requested,
            };
            push(spot.at, Some(reason), *outside == Outside::Fail, true);
        }
    }
}

fn body(seen: &Seen<'_>, events: &mut Vec<Event>) {
    let id = seen.world.body_id();
    let is_end = |what| {
        matches!(
            what,
            What::Ended(Stage::Body, _) | What::Aborted(Stage::Body)
        )
    };
    let Some((spot, what)) = seen.last(id, is_end) else {
        return;
    };
    let asked = seen
        .first(id, What::StopRequested(Stage::Body))
        .is_some_and(|asked: Spot| asked.is_before(spot));
    let bomb = seen.world.body.as_ref().is_some_and(|body| body.call.bomb);
    let (reason, failure) = match what {
        What::Ended(_, End::Ok | End::Expected) => (Reason::MainReturned, false),
        What::Ended(_, End::Disconnect) if asked => return,
        What::Aborted(_) if !bomb => return,
        _ => (Reason::Failed("main".into()), true),
    };
    events.push(Event {
        at: spot.at,
        reason: Some(reason),
        failure,
        config: what == What::Ended(Stage::Body, End::Config),
        certain: seen.surely_in_time(spot.at) && spot.at != seen.story.ended,
    });
}

fn outside(seen: &Seen<'_>, events: &mut Vec<Event>) {
    for (spot, what) in seen.of(seen.world.outside_id()) {
        let What::Sent(outside) = what else { continue };
        let reason = match outside {
            Outside::Stop => Reason::Requested,
            Outside::Fail => Reason::Failed("app".into()),
            Outside::Hangup => Reason::Signal(1),
            Outside::Signal(signal) | Outside::Forced(signal) => Reason::Signal(*signal),
            Outside::Exited(code) => Reason::Exited(Some(*code)),
        };
        events.push(Event {
            at: spot.at,
            reason: Some(reason),
            failure: *outside == Outside::Fail,
            config: false,
            certain: spot.at < seen.story.ended,
        });
    }
}

//! Stops: each begins as soon as all that come before it have ended, and has its own time or its share. So a failure
//! gives its time back at once, and what is slow takes nothing from the others.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::drain::Drain;
use crate::life::simulation::evidence::{Seen, Stage, What, millis};
use crate::life::simulation::world::{Destructor, End, Resource};

/// How a resource that was up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    NeverUp,
    /// By itself, gracefully.
    Clean,
    /// By itself, gracefully, but tasks or destructor were aborted, or the destructor panicked.
    CleanButAborted,
    /// With an error, a panic, or aborted: its emergency hook is due.
    Failed,
    /// Its time was over at the very instant at which its thread ended it gracefully. That thread disarms the emergency
    /// hook, the driver makes it due: either may be first.
    FailedAsItEnded,
    /// The hook ended by itself, gracefully; before the rest did, the emergency layer may have begun.
    CleanThenOutOfTime,
    /// The emergency layer began before, or at that very instant: `true` where that is not certain.
    OutOfTime(bool),
}

/// What stops after a resource: so much fixed time, so many that want a share.
type Chain = (Duration, u32);

/// The chains after each resource that no other one covers; and whether there are so many that a plan may go by a
/// worse one.
struct Chains {
    after: Vec<Vec<Chain>>,
    many: Vec<bool>,
}

/// More than a plan keeps.
const MANY: usize = 8;

fn add(chains: &mut Vec<Chain>, chain: Chain) {
    let covers = |a: &Chain, b: &Chain| a.0 >= b.0 && a.1 >= b.1;
    if !chains.iter().any(|other| covers(other, &chain)) {
        chains.retain(|other| !covers(&chain, other));
        chains.push(chain);
    }
}

impl Chains {
    fn new(resources: &[Resource]) -> Self {
        let mut this = Self {
            after: Vec::new(),
            many: Vec::new(),
        };
        // Of all of one order, with themselves: what the next order has below it.
        let mut below: BTreeMap<i32, (Vec<Chain>, bool)> = BTreeMap::new();
        for resource in resources {
            let mut chains = vec![];
            let mut many = false;
            let smaller = resource
                .order
                .and_then(|order| below.range(..order).next_back());
            if let Some((_, (barrier, is_many))) = smaller {
                chains.clone_from(barrier);
                many |= is_many;
            }
            for need in &resource.needs {
                for chain in this.with(*need, resources) {
                    add(&mut chains, chain);
                }
                many |= this.many[*need];
            }
            many |= chains.len() > MANY;
            this.after.push(chains);
            this.many.push(many);
            if let Some(order) = resource.order {
                let id = this.after.len() - 1;
                let own = this.with(id, resources);
                let (all, is_many) = below.entry(order).or_default();
                own.into_iter().for_each(|chain| add(all, chain));
                *is_many |= many || all.len() > MANY;
            }
        }
        this
    }

    /// What has to stop after those that need it: itself, and what is after it.
    fn with(&self, id: usize, resources: &[Resource]) -> Vec<Chain> {
        let own = |(fixed, shares)| match resources[id].timeout {
            Some(timeout) => (fixed + millis(timeout), shares),
            None => (fixed, shares + 1),
        };
        if self.after[id].is_empty() {
            return vec![own(Chain::default())];
        }
        self.after[id].iter().copied().map(own).collect()
    }

    /// The least and the most that a stop may get of what remains before the reserve.
    fn promise(
        &self,
        id: usize,
        timeout: Option<Duration>,
        remaining: Duration,
    ) -> (Duration, Duration) {
        let own = u32::from(timeout.is_none());
        let most = timeout.unwrap_or(remaining).min(remaining);
        let chains = &self.after[id];
        let bound = |(fixed, shares): Chain| {
            let rest = remaining
                .checked_sub(fixed)
                .filter(|rest| !rest.is_zero())?;
            Some(if own == 0 { rest } else { rest / (1 + shares) })
        };
        // Where not even the fixed times fit any more, the deadline decides.
        let Some(exact) = chains
            .iter()
            .map(|chain| bound(*chain))
            .try_fold(most, |least, bound| Some(least.min(bound?)))
        else {
            return (Duration::ZERO, most);
        };
        if !self.many[id] {
            return (exact, exact);
        }
        let worst = chains.iter().fold(Chain::default(), |worst, chain| {
            (worst.0.max(chain.0), worst.1.max(chain.1))
        });
        (bound(worst).unwrap_or_default().min(exact), exact)
    }
}

pub(super) fn check(seen: &Seen<'_>, drain: Option<&Drain>) -> Vec<Ending> {
    let resources = &seen.world.resources;
    let mut endings = vec![Ending::NeverUp; resources.len()];
    let Some(drain) = drain else {
        for id in 0..resources.len() {
            let stops = seen.first(id, What::Called(Stage::Stop));
            assert!(
                stops.is_none_or(|stop| !seen.surely_in_time(stop.at)),
                "r{id} stopped before the drain was over"
            );
            if seen.is_up(id) {
                // The drain may have been over at that very instant.
                let drained = resources[id].stop.is_none() && seen.draining().is_some();
                endings[id] = Ending::OutOfTime(stops.is_some() || drained);
            }
        }
        return endings;
    };
    let chains = Chains::new(resources);
    // When each has ended, and may at the latest; `None` when the emergency layer began before.
    let mut ends: Vec<Option<Instant>> = vec![None; resources.len()];
    // The latest ends by order, and what each waits for through its dependents.
    let mut waits: Vec<Option<Instant>> = vec![Some(drain.over); resources.len()];
    let mut orders: BTreeMap<i32, Option<Instant>> = BTreeMap::new();
    for id in (0..resources.len()).rev() {
        let mut begin = waits[id];
        if let Some(order) = resources[id].order {
            for end in orders.range(order + 1..).map(|(_, end)| *end) {
                begin = later(begin, end);
            }
        }
        let (ending, end) = match begin {
            Some(begin) if seen.is_up(id) => stop(seen, &chains, id, begin),
            Some(begin) => (Ending::NeverUp, Some(begin)),
            None => {
                // At the very instant what comes first may have ended, and this as well.
                let stops = seen.first(id, What::Called(Stage::Stop));
                assert!(
                    stops.is_none_or(|stop| !seen.surely_in_time(stop.at)),
                    "r{id} stopped before all that come first had ended"
                );
                let ending = if seen.is_up(id) {
                    Ending::OutOfTime(stops.is_some() || resources[id].stop.is_none())
                } else {
                    Ending::NeverUp
                };
                (ending, None)
            }
        };
        endings[id] = ending;
        ends[id] = end;
        for need in &resources[id].needs {
            waits[*need] = later(waits[*need], end);
        }
        if let Some(order) = resources[id].order {
            let latest = orders.entry(order).or_insert(Some(drain.over));
            *latest = later(*latest, end);
        }
    }
    endings
}

/// The later of two ends, of which one may never have come.
fn later(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    Some(a?.max(b?))
}

/// Checks the stop of a resource that nothing keeps any more; returns when it had ended, unless the emergency layer began
/// before.
fn stop(seen: &Seen<'_>, chains: &Chains, id: usize, begin: Instant) -> (Ending, Option<Instant>) {
    let resource = &seen.world.resources[id];
    if !seen.maybe_in_time(begin) {
        return (Ending::OutOfTime(false), None);
    }
    let certain = seen.surely_in_time(begin);
    if resource.stop.is_some() {
        let called = seen.first(id, What::Called(Stage::Stop));
        assert!(
            called.map_or(!certain, |called| called.at == begin),
            "r{id} should stop at {:?}, and does at {:?}",
            begin - seen.story.began,
            called.map(|called| called.at - seen.story.began)
        );
    }
    let remaining = seen.reserve().saturating_duration_since(begin);
    let (least, most) = chains.promise(id, resource.timeout.map(millis), remaining);
    let (first, last) = (seen.tick(begin + least), seen.tick(begin + most));
    let (hook, clean, aborted) = hook(seen, id, begin, (first, last));
    let tasks = tasks(seen, id);
    // Where the driver may go by less than the most, the tasks that it aborted show by how much.
    let own_end = aborted.or(tasks.aborted).unwrap_or(last);
    if let Some(at) = tasks.aborted.filter(|at| seen.surely_in_time(*at)) {
        assert!(
            first <= at && at <= last || Some(at) == aborted,
            "the tasks of r{id} were aborted at another time"
        );
    }
    let bound = aborted.unwrap_or(last);
    assert!(
        tasks.end.is_some() || !seen.surely_in_time(bound) || bound == seen.story.ended,
        "the tasks of r{id} were not aborted when its time was over"
    );
    let over = |ending| (ending, None);
    let maybe = !certain || hook.is_some_and(|hook| !seen.surely_in_time(hook));
    let Some(hook) = hook else {
        return over(Ending::OutOfTime(maybe));
    };
    if maybe {
        return over(Ending::OutOfTime(true));
    }
    let end = tasks.end.map(|tasks| tasks.max(hook));
    let Some(end) = end.filter(|end| seen.surely_in_time(*end)) else {
        return over(if clean {
            Ending::CleanThenOutOfTime
        } else {
            Ending::OutOfTime(false)
        });
    };
    let (end, destructor) = destructor(seen, id, end, own_end);
    let graceful = [End::Ok, End::Expected].map(|end| What::Ended(Stage::Stop, end));
    let as_it_ended = resource.stop.is_some_and(|stop| stop.thread)
        && seen
            .find(id, |what| graceful.contains(&what))
            .is_some_and(|ended| ended.at == hook);
    let ending = match clean {
        false if as_it_ended => Ending::FailedAsItEnded,
        false => Ending::Failed,
        true if !seen.surely_in_time(end) => Ending::CleanThenOutOfTime,
        true if destructor || tasks.aborted.is_some() => Ending::CleanButAborted,
        true => Ending::Clean,
    };
    (ending, seen.surely_in_time(end).then_some(end))
}

/// When the hook had ended, whether gracefully, and when it was aborted.
fn hook(
    seen: &Seen<'_>,
    id: usize,
    begin: Instant,
    (first, last): (Instant, Instant),
) -> (Option<Instant>, bool, Option<Instant>) {
    let Some(call) = seen.world.resources[id].stop else {
        return (Some(begin), true, None);
    };
    let by_itself = (call.act.end != End::Never).then(|| begin + millis(call.act.after));
    let end = seen.last(id, |what| {
        matches!(
            what,
            What::Ended(Stage::Stop, _) | What::Aborted(Stage::Stop)
        )
    });
    // Of a thread it cannot be seen; but then its instance is dropped.
    let dropped = seen.own(id).find(|(_, what)| *what == What::Dropped);
    let abandoned_at = dropped
        .map(|(spot, _)| spot.at)
        .filter(|dropped| call.thread || *dropped == seen.story.ended)
        .filter(|dropped| (first..=last).contains(dropped))
        .or((first == last).then_some(last));
    match end {
        Some((spot, What::Ended(_, end))) => {
            assert_eq!(Some(spot.at), by_itself, "r{id} takes as long as its stop");
            if let Some(at) = abandoned_at.filter(|at| *at < spot.at) {
                return (Some(at), false, Some(at));
            }
            let clean = matches!(end, End::Ok | End::Expected);
            // At that very instant its time was over, too.
            let errors = &seen.outcome(id).errors;
            let timed_out = errors
                .iter()
                .any(|error| error.contains("its stop did not end"));
            if clean && spot.at == last && timed_out {
                return (Some(last), false, Some(last));
            }
            (Some(spot.at), clean, None)
        }
        Some((spot, _)) if seen.surely_in_time(spot.at) => {
            assert!(
                first <= spot.at && spot.at <= last,
                "r{id} was aborted after {:?}, and was promised {:?} to {:?}",
                spot.at - begin,
                first - begin,
                last - begin,
            );
            assert!(
                by_itself.is_none_or(|end| end >= spot.at),
                "r{id} was aborted, and had ended by itself"
            );
            (Some(spot.at), false, Some(spot.at))
        }
        // A thread, or the life ended before the future was dropped.
        _ if seen.surely_in_time(abandoned_at.unwrap_or(last)) => {
            assert!(
                call.thread || abandoned_at == Some(seen.story.ended),
                "r{id} was not aborted when its time was over"
            );
            let at = abandoned_at.unwrap_or(last);
            (Some(at), false, Some(at))
        }
        _ => (None, false, None),
    }
}

struct Tasks {
    /// When the last one had ended, unless one never did.
    end: Option<Instant>,
    /// When the first of them was aborted.
    aborted: Option<Instant>,
}

fn tasks(seen: &Seen<'_>, id: usize) -> Tasks {
    let mut open = 0;
    let mut tasks = Tasks {
        end: Some(seen.story.began),
        aborted: None,
    };
    for (spot, what) in seen.own(id) {
        match what {
            What::Called(Stage::Task) => open += 1,
            What::Ended(Stage::Task, _) | What::Aborted(Stage::Task) => {
                open -= 1;
                tasks.end = Some(spot.at);
                if what == What::Aborted(Stage::Task) {
                    tasks.aborted = tasks.aborted.or(Some(spot.at));
                }
            }
            _ => {}
        }
    }
    tasks.end = tasks.end.filter(|_| open == 0);
    tasks
}

/// When the destructor had ended or been abandoned; and whether it panicked or was abandoned.
fn destructor(seen: &Seen<'_>, id: usize, begin: Instant, own_end: Instant) -> (Instant, bool) {
    let remaining = seen.reserve().saturating_duration_since(begin);
    match seen.world.resources[id].destructor {
        Destructor::None | Destructor::Quick => (begin, false),
        Destructor::Panic => (begin, true),
        Destructor::Slow(time) => {
            let most = own_end.max(begin + millis(50).min(remaining));
            let end = begin + millis(time);
            (end.min(most), end > most)
        }
    }
}

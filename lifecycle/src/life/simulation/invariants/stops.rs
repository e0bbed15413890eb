//! Stops: each begins as soon as all that come before it have ended, and has its own time or its share. So a failure
//! gives its time back at once, and what is slow costs nobody else anything.

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
    /// By itself, and well.
    Clean,
    /// By itself, and well, but tasks or destructor were cut, or the destructor panicked.
    CleanButCut,
    /// With an error, a panic, or cut: its emergency hook is due.
    Failed,
    /// The hook ended by itself, and well; before the rest did, the plan may have been left.
    CleanThenOver,
    /// The plan was left before, or at that very instant: `true` where that is not certain.
    Over(bool),
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

    /// The least and the most that a stop may get of what is left before the reserve.
    fn promise(
        &self,
        id: usize,
        timeout: Option<Duration>,
        left: Duration,
    ) -> (Duration, Duration) {
        let own = u32::from(timeout.is_none());
        let most = timeout.unwrap_or(left).min(left);
        let chains = &self.after[id];
        let bound = |(fixed, shares): Chain| {
            let rest = left.checked_sub(fixed).filter(|rest| !rest.is_zero())?;
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
                stops.is_none_or(|stop| !seen.before_over(stop.at)),
                "r{id} stopped before the drain was over"
            );
            if seen.is_up(id) {
                // The drain may have been over at that very instant.
                let drained = resources[id].stop.is_none() && seen.draining().is_some();
                endings[id] = Ending::Over(stops.is_some() || drained);
            }
        }
        return endings;
    };
    let chains = Chains::new(resources);
    // When each has ended, and may at the latest; `None` when the plan was left before.
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
                    stops.is_none_or(|stop| !seen.before_over(stop.at)),
                    "r{id} stopped before all that come first had ended"
                );
                let ending = if seen.is_up(id) {
                    Ending::Over(stops.is_some() || resources[id].stop.is_none())
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

/// Checks the stop of a resource that nothing keeps any more; returns when it had ended, unless the plan was left before.
fn stop(seen: &Seen<'_>, chains: &Chains, id: usize, begin: Instant) -> (Ending, Option<Instant>) {
    let resource = &seen.world.resources[id];
    if !seen.maybe_before_over(begin) {
        return (Ending::Over(false), None);
    }
    let certain = seen.before_over(begin);
    if resource.stop.is_some() {
        let called = seen.first(id, What::Called(Stage::Stop));
        assert!(
            called.map_or(!certain, |called| called.at == begin),
            "r{id} should stop at {:?}, and does at {:?}",
            begin - seen.story.began,
            called.map(|called| called.at - seen.story.began)
        );
    }
    let left = seen.reserve().saturating_duration_since(begin);
    let (least, most) = chains.promise(id, resource.timeout.map(millis), left);
    let (first, last) = (seen.tick(begin + least), seen.tick(begin + most));
    let (hook, clean, cut) = hook(seen, id, begin, (first, last));
    let tasks = tasks(seen, id);
    // Where the driver may go by less than the most, the tasks that it cut tell.
    let own_end = cut.or(tasks.cut).unwrap_or(last);
    if let Some(at) = tasks.cut.filter(|at| seen.before_over(*at)) {
        assert!(
            first <= at && at <= last || Some(at) == cut,
            "the tasks of r{id} were cut at another time"
        );
    }
    let bound = cut.unwrap_or(last);
    assert!(
        tasks.end.is_some() || !seen.before_over(bound) || bound == seen.story.ended,
        "the tasks of r{id} were not cut when its time was over"
    );
    let over = |ending| (ending, None);
    let maybe = !certain || hook.is_some_and(|hook| !seen.before_over(hook));
    let Some(hook) = hook else {
        return over(Ending::Over(maybe));
    };
    if maybe {
        return over(Ending::Over(true));
    }
    let end = tasks.end.map(|tasks| tasks.max(hook));
    let Some(end) = end.filter(|end| seen.before_over(*end)) else {
        return over(if clean {
            Ending::CleanThenOver
        } else {
            Ending::Over(false)
        });
    };
    let (end, destructor) = destructor(seen, id, end, own_end);
    let ending = match clean {
        false => Ending::Failed,
        true if !seen.before_over(end) => Ending::CleanThenOver,
        true if destructor || tasks.cut.is_some() => Ending::CleanButCut,
        true => Ending::Clean,
    };
    (ending, seen.before_over(end).then_some(end))
}

/// When the hook had ended, whether well, and when it was cut.
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
        matches!(what, What::Ended(Stage::Stop, _) | What::Cut(Stage::Stop))
    });
    // Of a thread it cannot be seen; but then its instance is dropped.
    let dropped = seen.own(id).find(|(_, what)| *what == What::Dropped);
    let given_up = dropped
        .map(|(spot, _)| spot.at)
        .filter(|dropped| call.thread || *dropped == seen.story.ended)
        .filter(|dropped| (first..=last).contains(dropped))
        .or((first == last).then_some(last));
    match end {
        Some((spot, What::Ended(_, end))) => {
            assert_eq!(Some(spot.at), by_itself, "r{id} takes as long as its stop");
            if let Some(cut) = given_up.filter(|cut| *cut < spot.at) {
                return (Some(cut), false, Some(cut));
            }
            let clean = matches!(end, End::Ok | End::Expected);
            // At that very instant its time was over, too.
            let errors = &seen.outcome(id).errors;
            let cut = errors
                .iter()
                .any(|error| error.contains("its stop did not end"));
            if clean && spot.at == last && cut {
                return (Some(last), false, Some(last));
            }
            (Some(spot.at), clean, None)
        }
        Some((spot, _)) if seen.before_over(spot.at) => {
            assert!(
                first <= spot.at && spot.at <= last,
                "r{id} was cut after {:?}, and was promised {:?} to {:?}",
                spot.at - begin,
                first - begin,
                last - begin,
            );
            assert!(
                by_itself.is_none_or(|end| end >= spot.at),
                "r{id} was cut, and had ended by itself"
            );
            (Some(spot.at), false, Some(spot.at))
        }
        // A thread, or the life ended before the future was dropped.
        _ if seen.before_over(given_up.unwrap_or(last)) => {
            assert!(
                call.thread || given_up == Some(seen.story.ended),
                "r{id} was not cut when its time was over"
            );
            let cut = given_up.unwrap_or(last);
            (Some(cut), false, Some(cut))
        }
        _ => (None, false, None),
    }
}

struct Tasks {
    /// When the last one had ended, unless one never did.
    end: Option<Instant>,
    cut: Option<Instant>,
}

fn tasks(seen: &Seen<'_>, id: usize) -> Tasks {
    let mut open = 0;
    let mut tasks = Tasks {
        end: Some(seen.story.began),
        cut: None,
    };
    for (spot, what) in seen.own(id) {
        match what {
            What::Called(Stage::Task) => open += 1,
            What::Ended(Stage::Task, _) | What::Cut(Stage::Task) => {
                open -= 1;
                tasks.end = Some(spot.at);
                if what == What::Cut(Stage::Task) {
                    tasks.cut = tasks.cut.or(Some(spot.at));
                }
            }
            _ => {}
        }
    }
    tasks.end = tasks.end.filter(|_| open == 0);
    tasks
}

/// When the destructor had ended or been given up; and whether it panicked or was given up.
fn destructor(seen: &Seen<'_>, id: usize, begin: Instant, own_end: Instant) -> (Instant, bool) {
    let left = seen.reserve().saturating_duration_since(begin);
    match seen.world.resources[id].destructor {
        Destructor::None | Destructor::Quick => (begin, false),
        Destructor::Panic => (begin, true),
        Destructor::Slow(time) => {
            let most = own_end.max(begin + millis(50).min(left));
            let end = begin + millis(time);
            (end.min(most), end > most)
        }
    }
}

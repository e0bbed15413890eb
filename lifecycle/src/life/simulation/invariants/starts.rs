//! Starts: nothing before all it needs is up, and as soon as that is; attempts, their limits and pauses.

use std::time::Duration;

use tokio::time::Instant;

use crate::life::simulation::evidence::{Seen, Spot, Stage, What, millis};
use crate::life::simulation::world::{End, Resource};

/// One attempt of one start.
pub(super) struct Attempt {
    pub(super) called: Spot,
    pub(super) end: Option<(Spot, What)>,
    /// When its own time is over.
    pub(super) limit: Instant,
}

pub(super) fn attempts(seen: &Seen<'_>, id: usize) -> Vec<Attempt> {
    let limit = millis(seen.world.resources[id].start_timeout);
    let mut attempts: Vec<Attempt> = Vec::new();
    for (spot, what) in seen.of(id) {
        match what {
            What::Called(Stage::Start) => attempts.push(Attempt {
                called: *spot,
                end: None,
                limit: spot.at + limit,
            }),
            What::Ended(Stage::Start, _) | What::Aborted(Stage::Start) => {
                attempts[spot.number].end = Some((*spot, *what));
            }
            _ => {}
        }
    }
    attempts
}

impl Attempt {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.end, Some((_, What::Ended(_, End::Ok))))
    }

    /// When it had ended, or its time was over.
    pub(super) fn over(&self) -> Instant {
        self.end
            .map_or(self.limit, |(end, _)| end.at.min(self.limit))
    }
}

/// All of a smaller order, and what it needs.
pub(super) fn before(resources: &[Resource], id: usize) -> impl Iterator<Item = usize> {
    let own = resources[id].order;
    let smaller = move |other: &usize| matches!((resources[*other].order, own), (Some(other), Some(own)) if other < own);
    let needs = resources[id].needs.iter().copied();
    needs.chain((0..resources.len()).filter(smaller))
}

pub(super) fn check(seen: &Seen<'_>) {
    let resources = &seen.world.resources;
    let cause = seen.cause();
    let up: Vec<Option<Spot>> = (0..resources.len()).map(|id| seen.up(id)).collect();
    for (id, resource) in resources.iter().enumerate() {
        let attempts = attempts(seen, id);
        let last = attempts.last();
        let logged = last.filter(|attempt| attempt.is_up());
        // At the same instant its time may have been over.
        let in_time = |attempt: &Attempt| {
            let end = attempt.over();
            end < attempt.limit && seen.surely_in_time(end) && end < drained(seen)
        };
        assert!(
            if seen.is_up(id) {
                logged.is_some()
            } else {
                logged.is_none_or(|attempt| !in_time(attempt))
            },
            "r{id} is up and reported so"
        );
        let free = before(resources, id).try_fold(seen.story.began, |free, other| {
            Some(free.max(up[other]?.at))
        });
        let Some(first) = attempts.first() else {
            assert!(
                free.is_none_or(|free| free >= cause.at),
                "r{id} was never started, and could have been"
            );
            continue;
        };
        assert_eq!(
            Some(first.called.at),
            free,
            "r{id} is not started when it can be"
        );
        for other in before(resources, id) {
            assert!(
                up[other].is_some_and(|up| up.is_before(first.called)),
                "r{id} started before r{other} was up"
            );
        }
        assert!(
            attempts.len() <= 1 + resource.retries as usize,
            "r{id} is tried too often"
        );
        for (tries, pair) in attempts.windows(2).enumerate() {
            let ended = matches!(
                pair[0].end,
                Some((_, What::Ended(_, End::Ok | End::Config)))
            );
            assert!(
                !ended || pair[0].over() == pair[0].limit,
                "r{id} is started again without need"
            );
            let pause = pair[1].called.at - pair[0].over();
            let whole = millis(resource.backoff) * 2_u32.pow(u32::try_from(tries).unwrap());
            assert_pause(pause, whole, whole, id);
        }
        let last = last.expect("there is a first one");
        assert!(
            last.called.is_before(cause),
            "r{id} is started after the cause to stop"
        );
        let failed = !seen.is_up(id) && last.over() < cause.at;
        let is_final = attempts.len() == 1 + resource.retries as usize
            || matches!(last.end, Some((_, What::Ended(_, End::Config))));
        if failed && !is_final {
            let whole =
                millis(resource.backoff) * 2_u32.pow(u32::try_from(attempts.len() - 1).unwrap());
            assert!(last.over() + whole >= cause.at, "r{id} is not tried again");
        }
    }
}

/// Backoffs are between half and the whole.
pub(super) fn assert_pause(pause: Duration, whole: Duration, most: Duration, id: usize) {
    // The clock of a runtime counts in milliseconds, rounded up.
    let most = most + millis(1);
    assert!(
        whole / 2 <= pause && pause <= most,
        "{id} is tried again after {pause:?}, not up to {whole:?}"
    );
}

/// Until when starts that are under way are waited for when the app drains.
fn drained(seen: &Seen<'_>) -> Instant {
    seen.draining()
        .map_or(seen.cause().at + millis(seen.world.shutdown), |draining| {
            let most = seen.reserve() - draining.at;
            draining.at + millis(seen.world.drain).min(most)
        })
}

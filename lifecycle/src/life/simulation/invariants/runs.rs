//! The runs of workers: when they begin, and what their ends mean by the worker's policy.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::starts::assert_pause;
use crate::api::background_policy::RestartPolicy;
use crate::life::simulation::evidence::{Seen, Spot, Stage, What, millis};
use crate::life::simulation::world::{End, Ready, Worker};

/// One run of a worker.
pub(super) struct Run {
    pub(super) called: Spot,
    /// When it saw that it is asked to stop.
    pub(super) stop_requested: Option<Spot>,
    pub(super) end: Option<(Spot, What)>,
    pub(super) ready: Option<Spot>,
    /// When it is aborted although it is not asked to stop: it takes too long, or was never up.
    limit: Option<Instant>,
    /// When the last of its tasks that have ended did, and how many have not.
    tasks_end: Option<Instant>,
    tasks: usize,
}

/// How a worker ended for good before it was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OwnEnd {
    Finished(Instant),
    Failed(Instant),
}

/// What a worker did, all its life long.
pub(super) struct Runs {
    pub(super) id: usize,
    pub(super) runs: Vec<Run>,
    pub(super) own_end: Option<OwnEnd>,
    /// Its last run was aborted because the app stops.
    pub(super) aborted: bool,
}

impl Run {
    /// When function and tasks had ended.
    pub(super) fn over(&self) -> Option<Instant> {
        let (end, _) = self.end.filter(|_| self.tasks == 0)?;
        Some(self.tasks_end.map_or(end.at, |tasks| tasks.max(end.at)))
    }

    /// When its tasks had ended; `None` where some have not.
    pub(super) fn tasks_over(&self) -> Option<Instant> {
        (self.tasks == 0).then(|| self.tasks_end.unwrap_or(self.called.at))
    }

    /// Whether it ended before it was asked to stop.
    fn ended_by_itself(&self) -> bool {
        match (self.stop_requested, self.end) {
            (Some(requested), Some((end, _))) => end.is_before(requested),
            (_, Some(_)) => true,
            _ => false,
        }
    }

    pub(super) fn was_aborted(&self) -> bool {
        matches!(self.end, Some((_, What::Aborted(_))))
    }

    pub(super) fn is_ok(&self) -> bool {
        matches!(self.end, Some((_, What::Ended(_, End::Ok | End::Expected))))
    }
}

fn runs(seen: &Seen<'_>, id: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (spot, what) in seen.of(id) {
        match what {
            What::Called(Stage::Run) => runs.push(Run {
                called: *spot,
                stop_requested: None,
                end: None,
                ready: None,
                limit: None,
                tasks_end: None,
                tasks: 0,
            }),
            What::StopRequested(Stage::Run) => runs[spot.number].stop_requested = Some(*spot),
            What::Ended(Stage::Run, _) | What::Aborted(Stage::Run) => {
                runs[spot.number].end = Some((*spot, *what));
            }
            What::Called(Stage::Task) => runs[spot.number].tasks += 1,
            What::Ready if runs[spot.number].end.is_none() => runs[spot.number].ready = Some(*spot),
            What::Ended(Stage::Task, _) | What::Aborted(Stage::Task) => {
                runs[spot.number].tasks_end = Some(spot.at);
                runs[spot.number].tasks -= 1;
            }
            _ => {}
        }
    }
    let worker = seen.world.worker(id);
    let mut was_ready = false;
    for run in &mut runs {
        run.limit = own_limit(worker, run, was_ready);
        was_ready |= run.ready.is_some() || run.is_ok();
        let limit = run.limit.filter(|limit| *limit == seen.story.ended);
        if let (None, None, Some(at)) = (run.end, run.stop_requested, limit) {
            // The life ended before its future was dropped.
            let position = seen.story.log.len();
            let number = run.called.number;
            let spot = Spot {
                at,
                position,
                number,
            };
            run.end = Some((spot, What::Aborted(Stage::Run)));
        }
    }
    runs
}

pub(super) fn check(seen: &Seen<'_>) -> Vec<Runs> {
    let all: Vec<Runs> = seen
        .world
        .worker_ids()
        .map(|id| {
            let runs = runs(seen, id);
            let mut aborted = false;
            let own_end = follow(seen, id, &runs, &mut aborted);
            Runs {
                id,
                runs,
                own_end,
                aborted,
            }
        })
        .collect();
    for worker in &all {
        if let Some(first) = worker.runs.first() {
            after_what_is_before(seen, &all, worker, first);
        }
    }
    let body = seen.world.body_id();
    if let Some(called) = seen.first(body, What::Called(Stage::Body)) {
        assert!(
            all.iter().all(|worker| was_up(seen, worker, called)),
            "main's body ran before all workers were up"
        );
    }
    all
}

/// It is up: by its word, by its first poll, or because it has done what it had to do.
fn was_up(seen: &Seen<'_>, worker: &Runs, before: Spot) -> bool {
    let Worker { ready, every, .. } = seen.world.worker(worker.id);
    let called = |run: &Run| run.called.is_before(before);
    let said = |run: &Run| run.ready.is_some_and(|ready| ready.is_before(before));
    let done = |run: &Run| run.is_ok() && run.over().is_some_and(|over| over <= before.at);
    every.is_some()
        || match ready {
            Ready::FirstPoll(_) => worker.runs.iter().any(called),
            Ready::Sets(_) | Ready::NeverSets => {
                worker.runs.iter().any(|run| said(run) || done(run))
            }
        }
}

fn after_what_is_before(seen: &Seen<'_>, all: &[Runs], worker: &Runs, first: &Run) {
    let id = worker.id;
    for resource in 0..seen.world.resources.len() {
        let up = seen.up(resource);
        assert!(
            up.is_some_and(|up| up.is_before(first.called)),
            "w{id} ran before r{resource} was up"
        );
    }
    let group = seen.world.worker(id).group();
    for other in all {
        let earlier = seen.world.worker(other.id).group() < group;
        assert!(
            !earlier || was_up(seen, other, first.called),
            "w{id} ran before w{} was up",
            other.id
        );
    }
}

/// Follows the policy from run to run.
fn follow(seen: &Seen<'_>, id: usize, runs: &[Run], aborted: &mut bool) -> Option<OwnEnd> {
    let worker = seen.world.worker(id);
    let mut restarts: VecDeque<Instant> = VecDeque::new();
    let mut failures = 0;
    for (number, run) in runs.iter().enumerate() {
        let next = runs.get(number + 1);
        let limit = run.limit;
        let over = run.over();
        assert!(
            next.is_none_or(|next| over.is_some_and(|over| over <= next.called.at)),
            "w{id} runs twice at a time"
        );
        let (end, _) = run.end?;
        // One that was aborted at another time was aborted because the app stops.
        let own = limit.is_some_and(|limit| (limit..=limit + seen.blocked()).contains(&end.at));
        if !run.ended_by_itself() || run.was_aborted() && !own {
            assert!(
                next.is_none(),
                "w{id} runs again after it was asked to stop"
            );
            *aborted = run.was_aborted();
            return None;
        }
        assert!(
            limit.is_none_or(|limit| end.at <= limit + seen.blocked()),
            "w{id} ran for longer than a run of it may"
        );
        let over = over?;
        let ok = run.is_ok();
        failures = if ok { 0 } else { failures + 1 };
        restarts.retain(|at| over - *at < millis(worker.within));
        let recent = u32::try_from(restarts.len()).unwrap();
        let doubled = millis(worker.backoff) * 2_u32.saturating_pow(recent);
        let own_end = match (worker.every, worker.restart) {
            (Some(every), _) => {
                let too_many = every.max_failures.is_some_and(|most| failures >= most);
                too_many.then_some(OwnEnd::Failed(over))
            }
            (None, RestartPolicy::Never | RestartPolicy::OnFailure) if ok => {
                Some(OwnEnd::Finished(over))
            }
            (None, RestartPolicy::Never) => Some(OwnEnd::Failed(over)),
            _ => (recent >= worker.max_restarts).then_some(OwnEnd::Failed(over)),
        };
        restarts.push_back(over);
        if own_end.is_some() {
            assert!(next.is_none(), "w{id} runs again, against its policy");
            return own_end;
        }
        let most = worker.every.map_or(doubled, |every| millis(every.period));
        match next {
            Some(next) if worker.every.is_some() => assert!(
                (over + most..=over + most + seen.blocked()).contains(&next.called.at),
                "w{id} does not run when it is time"
            ),
            Some(next) => {
                assert_pause(next.called.at - over, most, most + seen.blocked(), id);
            }
            None => assert!(
                over + most + seen.blocked() >= stops_running(seen),
                "w{id} does not run again, against its policy"
            ),
        }
    }
    None
}

fn own_limit(worker: &Worker, run: &Run, was_ready: bool) -> Option<Instant> {
    let of_run = worker.every.and_then(|every| every.run_timeout);
    let says = worker.every.is_none() && !matches!(worker.ready, Ready::FirstPoll(_));
    let waits = says && !was_ready && run.ready.is_none();
    let of_start = waits.then_some(worker.start_timeout);
    let limit = of_run.or(of_start)?;
    Some(run.called.at + millis(limit))
}

/// From when on no worker runs again.
fn stops_running(seen: &Seen<'_>) -> Instant {
    let ran = seen.driver(What::Running).is_some();
    let stops = seen.draining().filter(|_| ran).unwrap_or(seen.cause());
    seen.out_of_time()
        .map_or(stops.at, |over| over.at.min(stops.at))
}

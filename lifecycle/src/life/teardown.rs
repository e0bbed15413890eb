//! Teardown: not ready, drain, stop, report; and the emergency layer when the time is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::event::{Call, Event};
use super::member::{Member, Phase};
use super::notice::{Left, Notice};
use super::outcome::{Fate, Layer};
use super::timeline::{Activity, Mark};
use super::{GRACE, Life, Timer, late};
use crate::component::Id;
use crate::drill::Stage;
use crate::duration::show;
use crate::plan::Plan;
use crate::reason::Reason;
use crate::record::HookKind;
use crate::scope::Scope;

/// How often whoever watches the drain is told what is still in flight.
const COUNT: Duration = Duration::from_secs(1);

impl Life {
    /// Takes down whatever is up, within the deadline.
    pub(super) async fn tear_down(&mut self) {
        self.cut_reload();
        self.lame_duck().await;
        if !self.is_over() {
            self.drain().await;
        }
        if !self.is_over() {
            self.stop_all().await;
        }
        // Where all have ended there is nothing left to do, unless somebody has begun it: no hook is left in the middle.
        if self.is_over() && (self.is_forced() || !self.has_ended()) {
            self.emergency_layer().await;
        }
    }

    /// Goes on serving as not ready, unless nobody was ever sent here or somebody waits at a terminal.
    async fn lame_duck(&mut self) {
        let time = self.plan.limits.lame_duck.min(self.left());
        let interrupted = self
            .cause
            .as_ref()
            .is_some_and(|cause| cause.reason == Reason::Signal(2));
        if !self.ran || interrupted || time == Duration::ZERO {
            return;
        }
        self.mark(Mark::LameDuck);
        self.app.lame_duck.send_replace(true);
        self.notice(Notice::LameDuck { time });
        let until = Instant::now() + time;
        self.timer(until, Timer::Wake);
        while Instant::now() < until && !self.is_over() {
            self.step().await;
        }
    }

    /// Admits nothing more, and lets what is under way end.
    async fn drain(&mut self) {
        self.draining = true;
        self.mark(Mark::Drain);
        let plan = Arc::clone(&self.plan);
        plan.drill.enter(Stage::Draining);
        let time = plan.limits.drain.min(self.left());
        let end = Instant::now() + time;
        self.app.admission.close();
        let left = self.left_to_drain();
        self.notice(Notice::Draining {
            left: left.clone(),
            time,
        });
        self.timer(end, Timer::Drain);
        self.count_again(left);
        self.settle_starts(end);

        let sequence = DrainSequence::new(&plan);
        for (step, group) in sequence.groups.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            // Where the timeouts of others fill the drain: what it takes to hear of it and to return.
            let share = sequence.share(step, left).max(GRACE.min(self.left()));
            self.group_left = group
                .iter()
                .filter(|id| self.members[**id].phase != Phase::Ended)
                .count();
            if step == 0 {
                // The body is told together with the unordered workers.
                let until = Instant::now() + share;
                self.body_told_at = Some(Instant::now());
                if let Some(track) = &mut self.body_track {
                    track.enter(Activity::Draining, Instant::now());
                }
                // What is left of the drain is its own, or promised to others: there is no slack.
                self.app_scope.tell(until, until);
                self.timer(until, Timer::Wake);
                self.body_cut_at = Some(until);
            }
            for &id in group {
                if self.members[id].phase != Phase::Ended {
                    let timeout = plan.components[id].timeout;
                    let allowed = timeout.unwrap_or(share).min(self.left());
                    let slack = if sequence.is_last(step) {
                        left
                    } else {
                        allowed
                    };
                    self.tell_worker(id, allowed, slack);
                }
            }
            loop {
                self.cut_body_when_due();
                let waits = self.group_left > 0 || (step == 0 && self.body_running);
                if !waits || self.is_over() {
                    break;
                }
                self.step().await;
            }
        }
        self.starting = self.count(Phase::Starting);
        while !self.drain_over && !self.is_over() && self.work_is_left() {
            self.step().await;
        }
        self.cut_work().await;
        while plan.drill.holds(Stage::Draining) && !self.is_over() {
            self.step().await;
        }
    }

    fn left_to_drain(&self) -> Left {
        let workers = &self.members[self.plan.resources..];
        let scopes = workers.iter().filter_map(|worker| worker.scope.as_ref());
        let scopes = scopes.chain([&self.app_scope]);
        let in_flight = self.app.admission.in_flight();
        let by_name = (in_flight > 0).then(|| self.app.admission.by_name());
        Left {
            in_flight,
            by_name: by_name.unwrap_or_default(),
            tasks: scopes.map(|scope| scope.tasks.len()).sum(),
            body: self.body_running,
        }
    }

    /// Tells what the drain still waits for, where that has changed.
    pub(super) fn tell_what_is_left(&mut self) {
        let left = self.left_to_drain();
        if left != self.drain_left {
            self.notice(Notice::StillDraining { left: left.clone() });
        }
        self.count_again(left);
    }

    fn count_again(&mut self, left: Left) {
        if left != Left::default() {
            self.timer(Instant::now() + COUNT, Timer::Count);
        }
        self.drain_left = left;
    }

    fn count(&self, phase: Phase) -> usize {
        self.members
            .iter()
            .filter(|member| member.phase == phase)
            .count()
    }

    /// Whether there is something to wait for; its end will be an event.
    fn work_is_left(&self) -> bool {
        self.tasks_run(&[]) || self.starting > 0 || self.app.admission.in_flight() > 0
    }

    /// Starts that are under way when the app is told to stop: one that took a `Shutdown` is told, a thread cannot be
    /// interrupted and is waited for, any other future is dropped.
    fn settle_starts(&mut self, end: Instant) {
        let plan = Arc::clone(&self.plan);
        for id in 0..plan.resources {
            match self.members[id].phase {
                Phase::Starting if plan.components[id].takes_shutdown => {
                    self.scope(id).tell(end, end);
                    self.cut_at(id, end);
                }
                Phase::Starting if self.members[id].call.as_ref().is_some_and(Call::is_thread) => {
                    self.cut_at(id, end)
                }
                Phase::Starting => {
                    // The event that it was dropped, or was faster, still comes.
                    if let Some(call) = &self.members[id].call {
                        call.cut();
                    }
                }
                Phase::Scheduled => {
                    self.members[id].next_turn(Phase::Ended);
                }
                _ => {}
            }
        }
    }

    /// Ends what the drain did not see the end of.
    async fn cut_work(&mut self) {
        self.hear_what_has_come();
        self.cut_work = self.app.admission.by_name();
        for id in 0..self.plan.resources {
            let member = &mut self.members[id];
            if member.phase == Phase::Starting {
                let thread = member.call.as_ref().is_some_and(Call::is_thread);
                member.cut_call();
                let what = if thread {
                    "its start was abandoned on its thread"
                } else {
                    "its start was cut"
                };
                member.fate.errors.push(what.to_owned());
                member.fate.unclean = true;
                member.next_turn(Phase::Ended);
                if let Some(scope) = member.scope.take() {
                    scope.tasks.cancel();
                }
            }
        }
        self.cancel_app_tasks();
        let until = Instant::now() + GRACE;
        self.timer(until, Timer::Wake);
        while self.tasks_run(&[]) && Instant::now() < until && !self.is_over() {
            self.step().await;
        }
        self.conclude_app_tasks();
    }

    /// Main's own tasks are told to drop.
    fn cancel_app_tasks(&mut self) {
        let scope = Arc::clone(&self.app_scope);
        if !scope.tasks.names().is_empty() {
            self.body_fate().cancel_tasks(&scope);
        }
        scope.tasks.close();
    }

    /// Whether tasks of these, or main's own, still run; their end will be an event.
    fn tasks_run(&self, ids: &[Id]) -> bool {
        let of = |id: &Id| self.members[*id].scope.as_ref();
        let scopes = ids.iter().filter_map(of).chain([&self.app_scope]);
        let run = |scope: &Arc<Scope>| {
            let sender = self.sender.clone();
            !scope
                .tasks
                .idle_or(move || drop(sender.send(Event::TasksGone)))
        };
        // Each of them is to tell.
        scopes.filter(|scope| run(scope)).count() > 0
    }

    /// Writes down which of them did not end even so.
    fn conclude_app_tasks(&mut self) {
        let left = self.app_scope.tasks.names();
        if !left.is_empty() {
            let fate = self.body_fate();
            fate.unclean = true;
            fate.layer = Layer::Timeout;
            fate.tasks_left = left;
        } else if let Some(fate) = &mut self.body {
            fate.tasks_left = left;
        }
    }

    /// Cuts main's body at its time, and gives it the moment that it takes to be dropped.
    fn cut_body_when_due(&mut self) {
        let Some(at) = self.body_cut_at.filter(|_| self.body_running) else {
            return;
        };
        if at > Instant::now() {
            return;
        }
        if self.wiring.body.is_none() {
            // Cut before: it is not dropped even now.
            self.body_is_over();
            return;
        }
        self.cut_body();
        let until = Instant::now() + GRACE;
        self.body_cut_at = Some(until);
        self.timer(until, Timer::Wake);
    }

    fn cut_body(&mut self) {
        let waited = self
            .body_told_at
            .map_or(Duration::ZERO, |told| told.elapsed());
        if self.wiring.body.take().is_none() {
            return;
        }
        let forced = self.forced.is_some();
        let fate = self.body_fate();
        fate.layer = Layer::Timeout;
        fate.unclean = true;
        fate.stopped = Some(waited);
        fate.errors.push(if forced {
            "was cut".to_owned()
        } else {
            format!("did not end within {}", show(waited))
        });
        let fate = fate.clone();
        self.notice(Notice::stopped(fate));
    }

    /// The line of main's body in the report; it has one only when there is something to say.
    pub(super) fn body_fate(&mut self) -> &mut Fate {
        self.body.get_or_insert_with(Fate::of_body)
    }

    /// A worker has ended, as far as the teardown is concerned.
    pub(super) fn worker_over(&mut self, id: Id) {
        let member = &mut self.members[id];
        let called = member.was_up;
        member.next_turn(Phase::Ended);
        self.group_left = self.group_left.saturating_sub(1);
        self.ends.push(id);
        if called {
            let took = self.members[id].since.elapsed();
            self.members[id].fate.stopped = Some(took);
            self.notice_stopped(id);
        }
    }

    pub(super) fn notice_stopped(&mut self, id: Id) {
        let fate = self.members[id].fate.clone();
        self.notice(Notice::stopped(fate));
    }

    /// The time is over, or a second signal came: everything else is told to drop, and the emergency hooks of all that
    /// are up run in stop order, on their own threads.
    async fn emergency_layer(&mut self) {
        // Who has ended in its time is not left behind.
        self.hear_what_has_come();
        // The signal's event may still be on its way.
        self.forced = self.forced.or_else(|| self.emergency.forced());
        let limits = self.plan.limits;
        self.mark(Mark::Emergency);
        self.notice(Notice::Forced {
            signal: self.forced,
        });
        let deadline = self
            .cause
            .as_ref()
            .map_or_else(Instant::now, |cause| cause.deadline);
        let margin = (limits.emergency / 10).min(Duration::from_millis(50));
        let now = Instant::now();
        let left = deadline
            .saturating_duration_since(now)
            .min(limits.emergency)
            .saturating_sub(margin);
        let _hold = self.threads.hold();
        // Over before it began: the process was stopped, or the machine asleep.
        let left = if left.is_zero() {
            late(limits.emergency)
        } else {
            left
        };
        self.emergency.begin(std::time::Instant::now() + left);
        // The watchdog may have begun them, and with more time: a process that was stopped has its reserve from then on.
        let left = left.max(self.emergency.left());
        self.app.admission.close();
        let told = now + left;
        self.app_scope.tell(told, told);
        let scopes = self
            .members
            .iter()
            .filter_map(|member| member.scope.as_ref());
        scopes.for_each(|scope| scope.tell(told, told));
        if self.cut_work.is_empty() {
            self.cut_work = self.app.admission.by_name();
        }
        if self.body_running {
            self.cut_body();
        }
        self.cancel_app_tasks();
        // Workers, then resources in stop order.
        let plan = Arc::clone(&self.plan);
        let left_behind: Vec<Id> = (plan.resources..self.members.len())
            .chain(plan.graph.start_order().iter().rev().copied())
            .filter(|id| self.leave(*id))
            .collect();
        for id in &left_behind {
            let member = &mut self.members[*id];
            member.cut_call();
            if let Some(scope) = &member.scope {
                scope.tasks.cancel();
            }
            self.count_leaks(*id);
        }
        self.timer(told, Timer::EmergencyOver);
        let counted = now + GRACE;
        self.timer(counted, Timer::Wake);
        let waits = |life: &Self| {
            Instant::now() < counted && (life.counting > 0 || life.tasks_run(&left_behind))
        };
        while !self.emergency_over && (!self.emergency.is_over() || waits(self)) {
            self.step().await;
        }
        // The conductor's last share ends as the time does: it may be a moment behind.
        for slot in 0..self.slots.len() {
            self.emergency.give_up(slot);
        }
        self.hear_emergency_ends();
        // An instance among it must not be dropped here.
        self.hear_what_has_come();
        self.conclude_app_tasks();
        for id in left_behind {
            self.conclude(id);
        }
        plan.drill.third_signal().await;
    }

    /// Whether nothing is left to be waited for.
    fn has_ended(&self) -> bool {
        let ended = |member: &Member| {
            matches!(
                member.phase,
                Phase::Ended | Phase::Waiting | Phase::Scheduled
            )
        };
        !self.body_running && self.members.iter().all(ended)
    }

    fn hear_what_has_come(&mut self) {
        for _ in 0..self.events.len() {
            if let Ok(event) = self.events.try_recv() {
                self.on_event(event);
            }
        }
    }

    /// Writes down how far a component had come when the time was over. Whatever of it still ends is stale from here on:
    /// nothing is begun any more. Returns whether it was up, or about to be.
    fn leave(&mut self, id: Id) -> bool {
        let component = &self.plan.components[id];
        let worker = component.is_worker();
        let stops = component.has(HookKind::Stop) || component.has(HookKind::Emergency);
        // A worker whose function had failed, and whose tasks were still awaited, has failed all the same.
        let member = &mut self.members[id];
        if let Some(Err(error)) = member.ended.take() {
            if member.ended_untold {
                self.worker_failed_before(id, &error);
            } else {
                self.worker_failed_when_told(id, &error);
            }
        }
        let forced = self.forced.is_some();
        let member = &mut self.members[id];
        let has_tasks = |scope: &Arc<Scope>| !scope.tasks.names().is_empty();
        let note = match member.phase {
            Phase::Ended | Phase::Waiting | Phase::Scheduled => {
                member.next_turn(Phase::Ended);
                return false;
            }
            Phase::Starting => Some("its start was cut"),
            Phase::Up if worker && !member.cancelled => Some("was cut"),
            Phase::Up if worker => None,
            Phase::Up if !stops && member.scope.as_ref().is_some_and(has_tasks) => {
                Some("its tasks were cut")
            }
            Phase::Up if !stops => {
                member.fate.stopped = Some(Duration::ZERO);
                member.next_turn(Phase::Ended);
                self.ends.push(id);
                self.count_leaks(id);
                return false;
            }
            Phase::Up if forced => Some("its stop was left out: forced"),
            Phase::Up => Some("there was no time left to stop it"),
            Phase::EndingTasks | Phase::StopTasks => Some("its tasks were cut"),
            Phase::Stopping => Some("its stop was cut"),
            Phase::InEmergency => None,
            Phase::Dropping => Some("its destructor did not end"),
            Phase::Left => return false,
        };
        member.fate.errors.extend(note.map(ToOwned::to_owned));
        member.fate.unclean = true;
        if member.phase != Phase::Starting {
            let took = if member.told {
                member.since.elapsed()
            } else {
                Duration::ZERO
            };
            member.fate.stopped = Some(took);
        }
        member.next_turn(Phase::Left);
        true
    }

    /// Writes down how it ended after all.
    fn conclude(&mut self, id: Id) {
        let member = &mut self.members[id];
        let was_due = member.slot.is_some_and(|slot| self.emergency.was_due(slot));
        let layer = if was_due {
            Layer::Emergency
        } else {
            Layer::Timeout
        };
        member.fate.layer = member.fate.layer.max(layer);
        if let Some(scope) = &member.scope {
            member.fate.tasks_left = scope.tasks.names();
        }
        self.ends.push(id);
        if self.members[id].fate.stopped.is_some() {
            self.notice_stopped(id);
        }
    }
}

/// The workers in the order in which they are told: those without an order first, then the highest order.
struct DrainSequence {
    groups: Vec<Vec<Id>>,
    /// For each group: its fixed time, or none where one of it has no timeout.
    times: Vec<Option<Duration>>,
}

impl DrainSequence {
    fn new(plan: &Plan) -> Self {
        let mut groups: Vec<Vec<Id>> = plan.groups.iter().rev().cloned().collect();
        let unordered =
            |group: &Vec<Id>| group.iter().all(|id| plan.components[*id].order.is_none());
        if !groups.first().is_some_and(unordered) {
            // Main's body goes first in any case.
            groups.insert(0, Vec::new());
        }
        let time = |group: &Vec<Id>| {
            group
                .iter()
                .map(|id| plan.components[*id].timeout)
                .try_fold(Duration::ZERO, |most, time| Some(most.max(time?)))
        };
        let times = groups.iter().map(time).collect();
        Self { groups, times }
    }

    /// The time of those without a timeout in that step, of what the drain has left.
    fn share(&self, step: usize, left: Duration) -> Duration {
        let after = &self.times[step + 1..];
        let fixed: Duration = after.iter().flatten().sum();
        let shares = u32::try_from(after.iter().filter(|time| time.is_none()).count())
            .unwrap_or(u32::MAX - 1);
        left.saturating_sub(fixed) / (1 + shares)
    }

    fn is_last(&self, step: usize) -> bool {
        step + 1 == self.groups.len()
    }
}

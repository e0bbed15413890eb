//! SIGHUP: the `reload` hooks, one after the other.

use std::sync::Arc;

use tokio::time::Instant;

use super::driver::Life;
use super::hook_error::HookError;
use super::input::Input;
use super::span::CallPhase;
use super::timers::Timer;
use crate::api::event::EventKind;
use crate::api::hook::Hook;
use crate::api::record::HookKind;
use crate::plan::component::{Id, Kind};
use crate::scope::reason::Reason;

impl Life {
    /// Reloads where something can be reloaded; else stops the app, as SIGHUP does by default.
    pub(super) fn on_hangup(&mut self) {
        if self.shutdown.is_requested() {
            return;
        }
        if !self
            .plan
            .components
            .iter()
            .any(|component| component.has(HookKind::Reload))
        {
            self.stop_because(Reason::Signal(1), None, false);
        } else if !self.history.has_come_up() || self.reload.is_under_way() {
            // Of several that come meanwhile one is enough: it sees the newest configuration.
            self.reload.wanted = true;
        } else {
            self.begin_reload();
        }
    }

    /// Reloads one after the other, in start order: what a component takes has reloaded before it.
    pub(super) fn begin_reload(&mut self) {
        let queue: Vec<Id> = self
            .plan
            .graph
            .start_order()
            .iter()
            .rev()
            .copied()
            .filter(|id| self.plan.components[*id].has(HookKind::Reload))
            .collect();
        let limits = queue
            .iter()
            .map(|id| self.plan.components[*id].start_timeout);
        let time_limit = limits.sum();
        self.reload.begin(queue);
        self.emit(EventKind::ReloadBegan { time_limit });
        // Passed on at once: systemd matches the reload to the signal by the time of this event.
        self.events.flush();
        self.reload_next();
    }

    fn reload_next(&mut self) {
        let Some(id) = self.reload.current() else {
            self.emit(EventKind::ReloadEnded);
            if std::mem::take(&mut self.reload.wanted) {
                self.begin_reload();
            }
            return;
        };
        let plan = Arc::clone(&self.plan);
        let Kind::Resource { table, .. } = &plan.components[id].kind else {
            return;
        };
        let instance = self.instance(id);
        let reload = table.reload;
        let planned = Arc::clone(&plan);
        let make = move || match instance.and_then(|instance| reload(&instance)) {
            Some(hook) => planned.drill.reload(id, hook),
            None => Hook::thread(|| Ok(())),
        };
        let turn = self.reload.next_turn();
        let sender = self.sender.clone();
        let limit = plan.components[id].start_timeout;
        let then = move |result| drop(sender.send(Input::Reloaded { id, turn, result }));
        if let Some(call) = self.call(id, make, CallPhase::Reload, None, then) {
            self.reload.called(call);
        }
        self.timers
            .set(Instant::now() + limit, Timer::Reload { id, turn });
    }

    pub(super) fn on_reload_timeout(&mut self, id: Id) {
        let limit = self.plan.components[id].start_timeout;
        self.on_reloaded(id, Err(HookError::TimedOut(limit)));
    }

    pub(super) fn on_reloaded(&mut self, id: Id, result: Result<(), HookError>) {
        // The timer, or the end of a call that was aborted, may come when that reload is through already.
        if self.reload.current() != Some(id) {
            return;
        }
        self.reload.current_ended();
        let error = result.err().map(|error| error.describe());
        self.emit(EventKind::Reloaded {
            name: self.name(id),
            error,
        });
        self.reload_next();
    }
}

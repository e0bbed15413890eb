//! While the app runs: main's body, and the wait for a cause to stop.

use std::sync::Arc;

use super::driver::Life;
use super::hook_error::HookError;
use super::input::Input;
use crate::api::event::EventKind;
use crate::api::hook::StartContext;
use crate::plan::component::Id;
use crate::scope::reason::Reason;

impl Life {
    /// Announces that the app is up, runs main's body, and waits for a cause to stop.
    pub(super) async fn run_until_stopped(&mut self) {
        let took = self.history.came_up();
        self.emit(EventKind::Running { took });
        // Viewers know it before main does: a probe of main's first client finds the app up.
        self.events.flush();
        let (plan, scope) = (Arc::clone(&self.plan), Arc::clone(&self.app_scope));
        let instances = &self.instances;
        self.body.start(|| StartContext {
            name: "main".into(),
            instances: plan
                .fields
                .iter()
                .filter_map(|(key, source)| Some((*key, instances.get(source)?)))
                .collect(),
            scope,
            ready: None,
        });
        if let Some(up) = self.starts.up.take() {
            // The task that waits for it is user code, and so may its waker be.
            self.threads.run(move || {
                let _ = up.send(());
            });
        }
        if std::mem::take(&mut self.reload.wanted) || self.plan.drill.reloads() {
            self.begin_reload();
        }
        while !self.shutdown.is_requested() {
            if !self.reload.is_under_way() {
                let is_up = |id: Id| self.components[id].is_up();
                let stop = || drop(self.sender.send(Input::Stop));
                self.plan.drill.go_down(is_up, stop);
            }
            self.step().await;
        }
    }

    pub(super) fn on_body_ended(&mut self, result: Result<(), HookError>) {
        self.body.ended();
        let asked = self.app_scope.is_stop_requested();
        match result {
            Ok(()) => self.stop_because(Reason::MainReturned, None, false),
            Err(error) if asked && error.comes_from_stopping() => {
                self.emit(EventKind::ExpectedError {
                    name: "main".into(),
                    error: error.describe(),
                });
            }
            Err(error) => {
                // Where it is the cause to stop, it is the root error of the report already.
                if self.shutdown.is_requested() {
                    self.body.outcome().errors.push(error.describe());
                }
                self.app_has_failed();
                let root = format!("`main` failed: {}", error.describe());
                self.emit(EventKind::Failed {
                    name: "main".into(),
                    error: error.describe(),
                    retry_in: None,
                });
                self.stop_because(Reason::Failed("main".into()), Some(root), error.is_config());
            }
        }
    }
}

//! The health checks that readiness depends on: every 5 s while they succeed, every second while they fail, from when
//! the app is up until it is asked to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::checks::{Check, Health};
use crate::view::admin::state::AdminState;
use crate::view::status::Phase;

/// How often in a row a `health` fails before the app is not ready.
pub(super) const FAILURES: u32 = 3;

const PERIOD: Duration = Duration::from_secs(5);
/// The period once a check has failed: both that it goes on and that it is over should be known soon.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn watch(state: Arc<AdminState>) {
    let mut phases = state.phases();
    if phases
        .wait_for(|phase| *phase != Phase::Starting)
        .await
        .is_err()
    {
        return;
    }
    for (place, check) in state.checks.all().iter().enumerate() {
        let decides = state.known().details(check.id).readiness;
        if decides {
            tokio::spawn(watch_one(Arc::clone(&state), place));
        }
    }
}

async fn watch_one(state: Arc<AdminState>, place: usize) {
    let check = &state.checks.all()[place];
    let inside = || state.inside().filter(|_| state.known().is_running());
    while let Some(inside) = inside() {
        let health = check.ask(inside, false).answer().await;
        let pause = if health.is_ok() { PERIOD } else { AGAIN };
        state.note(check, health);
        sleep(pause).await;
    }
}

impl AdminState {
    fn note(&self, check: &Check, health: Health) {
        let mut known = self.known();
        let unhealthy = &mut known.details(check.id).unhealthy;
        *unhealthy = match health {
            Ok(()) => (0, String::new()),
            Err(error) => (unhealthy.0 + 1, error),
        };
    }
}

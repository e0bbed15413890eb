//! Who asks those that readiness depends on: every 5 s while they are well, every second while they are not, from when
//! the app is up until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::checks::{Check, Health};
use crate::view::admin::status::{Board, Phase};

/// So often in a row a `health` has to fail before the app is not ready.
pub(super) const FAILURES: u32 = 3;

const PERIOD: Duration = Duration::from_secs(5);
/// Once it has failed: both that it is serious and that it is over should be known soon.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn watch(board: Arc<Board>) {
    let mut phases = board.phases();
    if phases
        .wait_for(|phase| *phase != Phase::Starting)
        .await
        .is_err()
    {
        return;
    }
    for (place, check) in board.checks.all().iter().enumerate() {
        let decides = board.state().parts[check.id].readiness;
        if decides {
            tokio::spawn(watch_one(Arc::clone(&board), place));
        }
    }
}

async fn watch_one(board: Arc<Board>, place: usize) {
    let check = &board.checks.all()[place];
    let inside = || board.inside().filter(|_| board.state().is_running());
    while let Some(inside) = inside() {
        let health = check.ask(inside, false).answer().await;
        let pause = if health.is_ok() { PERIOD } else { AGAIN };
        board.note(check, health);
        sleep(pause).await;
    }
}

impl Board {
    fn note(&self, check: &Check, health: Health) {
        let mut state = self.state();
        let unhealthy = &mut state.parts[check.id].unhealthy;
        *unhealthy = match health {
            Ok(()) => (0, String::new()),
            Err(error) => (unhealthy.0 + 1, error),
        };
    }
}

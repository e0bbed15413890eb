//! The watchdog of systemd: `WatchdogSec=`.

use std::pin::pin;
use std::sync::mpsc::Sender;
use std::time::Duration;

use super::Message;
use crate::life::liveness::Liveness;
use crate::sys::environment::take;

/// How long systemd waits for a ping, where it waits for one of ours: takes it out of the environment.
pub(super) fn interval() -> Option<Duration> {
    let (limit, process) = (take("WATCHDOG_USEC"), take("WATCHDOG_PID"));
    let of = |process: &std::ffi::OsString| process.to_str()?.parse::<u32>().ok();
    if process.is_some_and(|process| of(&process) != Some(std::process::id())) {
        return None;
    }
    let limit = limit?.to_str()?.parse().ok()?;
    Some(Duration::from_micros(limit)).filter(|limit| !limit.is_zero())
}

/// Asks the runtime at half of the time, and pings when it has answered: one that is stuck is silent, and killed. Some
/// time before that it is said why.
pub(super) async fn send(liveness: Liveness, limit: Duration, messages: Sender<Message>) {
    loop {
        let mut answer = pin!(liveness.answer());
        if tokio::time::timeout(limit / 4, &mut answer).await.is_err() {
            if let Some(time) = liveness.silent_for() {
                let _ = messages.send(Message::Silent(time));
            }
            answer.await;
        }
        if messages.send(Message::Alive).is_err() {
            return;
        }
        tokio::time::sleep(limit / 2).await;
    }
}

//! The watchdog of systemd: `WatchdogSec=`.

use std::pin::pin;
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::life::liveness::Liveness;
use crate::sys::environment::take;
use crate::view::systemd::message::Message;

/// Takes out of the environment how long systemd waits for a ping; `None` where it waits for none of this process.
pub(super) fn interval() -> Option<Duration> {
    let (limit, process) = (take("WATCHDOG_USEC"), take("WATCHDOG_PID"));
    let of = |process: &std::ffi::OsString| process.to_str()?.parse::<u32>().ok();
    if process.is_some_and(|process| of(&process) != Some(std::process::id())) {
        return None;
    }
    let limit = limit?.to_str()?.parse().ok()?;
    Some(Duration::from_micros(limit)).filter(|limit| !limit.is_zero())
}

/// Asks the runtime twice within the limit, and pings when it has answered: without an answer there is no ping, and
/// systemd kills the process. A quarter of the limit after the question the status line says why.
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

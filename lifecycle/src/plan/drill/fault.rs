//! How a [`Fault`] strikes.

use std::thread;
use std::time::Duration;

use tokio::time::sleep;

use super::script::Fault;
use crate::error::BoxError;

/// One sleep of a thread that blocks for ever.
const LONG: Duration = Duration::from_secs(3600);

impl Fault {
    /// Strikes in an asynchronous hook. If it returns without an error, the hook itself follows.
    pub(super) async fn strike(self) -> Result<(), BoxError> {
        match self {
            Self::Hang => std::future::pending().await,
            Self::Slow(time) => {
                sleep(time).await;
                Ok(())
            }
            Self::Error | Self::Panic | Self::Block => self.strike_thread(),
        }
    }

    /// Strikes in a synchronous hook, on the thread of the hook.
    pub(super) fn strike_thread(self) -> Result<(), BoxError> {
        match self {
            Self::Error => Err("the drill's error".into()),
            Self::Panic => panic!("the drill's panic"),
            Self::Hang => loop {
                thread::park();
            },
            Self::Block => loop {
                thread::sleep(LONG);
            },
            Self::Slow(time) => {
                thread::sleep(time);
                Ok(())
            }
        }
    }
}

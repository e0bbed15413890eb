//! How a [`Fault`] strikes.

use std::thread;
use std::time::Duration;

use tokio::time::sleep;

use super::script::Fault;
use crate::error::BoxError;

/// One sleep of a thread that never returns; `thread::sleep` cannot sleep for ever.
const LONG: Duration = Duration::from_secs(3600);

impl Fault {
    /// Goes wrong on the runtime; where it returns without an error the hook itself follows.
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

    /// Goes wrong on the thread.
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

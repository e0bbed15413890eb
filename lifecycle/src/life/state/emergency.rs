//! [`EmergencyState`]: what the driver knows of the emergency hooks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::life::emergency::{Emergency, EmergencyEnd};
use crate::plan::component::Id;

pub(crate) struct EmergencyState {
    pub(crate) hooks: Emergency,
    /// A hook has ended, or all are through. No input, since to send one takes memory.
    pub(crate) news: Arc<Notify>,
    /// The component of each hook, in stop order.
    slots: Vec<Id>,
    /// What of the reserve has not been taken by hooks that were called one by one.
    remaining: Duration,
    /// The time of the emergency layer is over.
    pub(crate) over: bool,
    /// How many abandoned components are being asked for their leases.
    pub(crate) counting: usize,
}

impl EmergencyState {
    /// Makes the threads of the hooks: later there may be none to be had.
    pub(crate) fn new(slots: Vec<Id>, reserve: Duration) -> std::io::Result<Self> {
        let news = Arc::new(Notify::new());
        let wake = Arc::clone(&news);
        Ok(Self {
            hooks: Emergency::new(slots.len(), move || wake.notify_one())?,
            news,
            slots,
            remaining: reserve,
            over: false,
            counting: 0,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = (usize, Id)> {
        self.slots.iter().copied().enumerate()
    }

    /// What a hook may take that is called by itself: an equal part of the reserve for each that may still be called.
    pub(crate) fn share(&self) -> Duration {
        let armed = u32::try_from(self.hooks.armed()).unwrap_or(u32::MAX);
        self.remaining / armed.max(1)
    }

    pub(crate) fn has_taken(&mut self, time: Duration) {
        self.remaining = self.remaining.saturating_sub(time);
    }

    /// How a hook ended that was due, with its component; only the first call after its end returns that.
    pub(crate) fn take_end(&self, slot: usize) -> Option<(Id, EmergencyEnd)> {
        let end = self.hooks.take_end(slot)?;
        Some((self.slots[slot], end))
    }

    pub(crate) fn give_up_all(&self) {
        for slot in 0..self.count() {
            self.hooks.give_up(slot);
        }
    }
}

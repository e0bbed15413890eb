//! [`Message`]: what the notifier's thread is sent.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use sd_notify::NotifyState;

use crate::api::event::Event;

pub(super) enum Message {
    Event {
        event: Event,
        /// When a reload began, on the clock that systemd goes by.
        reload: Option<NotifyState<'static>>,
    },
    /// The app's runtime has answered.
    Alive,
    /// The app's runtime has not answered for this long.
    Silent(Duration),
    /// How the life ended. The sender is used when systemd has been sent that.
    End(String, SyncSender<()>),
}

//! [`Warnings`]: what viewers warn of, such as an observer that panicked.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::event::Event;
use crate::view::screen::Show;
use crate::view::screen_thread::Message;

/// Passes warnings to the screen's thread, where they appear in the order of the events, or shows them at once when
/// that thread takes none any more.
pub(super) struct Warnings {
    screen: Arc<Mutex<Option<Sender<Message>>>>,
    show_late: Show,
}

impl Warnings {
    pub(super) fn new(screen: Sender<Message>, show_late: Show) -> Self {
        Self {
            screen: Arc::new(Mutex::new(Some(screen))),
            show_late,
        }
    }

    /// Returns what shows a warning.
    pub(super) fn sink(&self) -> impl Fn(String) + Clone + Send + use<> {
        let (screen, show_late) = (Arc::clone(&self.screen), Arc::clone(&self.show_late));
        move |message| {
            let warning = Event::warning(message);
            let screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
            match &*screen {
                // Under the lock, so that it is sent before whatever follows `bypass`.
                Some(screen) => drop(screen.send(Message::Event(warning))),
                None => {
                    drop(screen);
                    show_late(&warning);
                }
            }
        }
    }

    /// From now on warnings are shown at once. All that were passed to the screen's thread before are in its channel.
    pub(super) fn bypass(&self) {
        *self.screen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

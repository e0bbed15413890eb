//! [`Screen`]: one way of showing a life, driven by the view's thread.

use std::sync::Arc;

use crate::api::event::Event;
use crate::report::Report;

/// Shows an event on the thread that calls it.
pub(super) type Show = Arc<dyn Fn(&Event) + Send + Sync>;

/// Shows a life. Called by the view's thread only, so that an output that blocks holds up nothing else.
pub(super) trait Screen {
    /// Shows what happened.
    fn event(&mut self, event: &Event);

    /// Draws again what changes with time. Returns whether there is such a thing: while there is, it is called again.
    fn tick(&mut self) -> bool {
        false
    }

    /// Shows how the life ended. The last call.
    fn finish(&mut self, report: &Report);
}

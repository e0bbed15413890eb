//! The emergency layer: hooks of last resort that run without the driver, and the rule of how much time they have.

mod hooks;
mod slot;
mod window;

pub(crate) use self::hooks::Emergency;
pub(crate) use self::slot::EmergencyEnd;
pub(crate) use self::window::EmergencyWindow;

//! Streams that end in order when the app stops: [`InterruptibleStream`] and its adapters.
//!
//! `interruptible.rs` has what users call, `saved_stream.rs` the stream that it results in, and `save.rs` the protocol by
//! which the consumer of that stream and the task that saves it share what was collected.

mod interrupt_reason;
mod interruptible;
mod save;
mod saved_stream;
mod size_hint;
#[cfg(test)]
mod tests;

pub use interrupt_reason::InterruptReason;
pub use interruptible::{Collecting, Interruptible, InterruptibleStream};
pub use saved_stream::SavedStream;

//! Interrupt a streamed response when the application stops, and save the part that was sent. Feature `stream`.
//!
//! A response of a language model can take a minute. When the application stops in the middle of it, the client should
//! learn that the response is incomplete, and the server should save exactly the part that the client received. The
//! same part should be saved when the client disconnects. [`InterruptibleStream`](crate::InterruptibleStream) handles
//! both cases for any `Stream`:
//!
//! ```
//! # #[cfg(all(feature = "stream", feature = "axum"))] mod example {
//! use std::convert::Infallible;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use axum::response::sse::{Event, Sse};
//! use futures_util::{Stream, StreamExt as _, stream};
//! use lifecycle::{InterruptibleStream as _, Shutdown, InterruptReason, resource};
//!
//! struct Database;
//!
//! #[resource(timeout = "10s")]
//! impl Database {
//!     async fn start() -> Self {
//!         Self
//!     }
//! }
//!
//! impl Database {
//!     async fn save_partial(&self, id: u64, text: &str) {
//!         let _ = (id, text);
//!     }
//! }
//!
//! fn tokens() -> impl Stream<Item = String> + Send + 'static {
//!     stream::iter(["one ".to_owned(), "two".to_owned()])
//! }
//!
//! fn answer(
//!     id: u64,
//!     db: Arc<Database>,
//!     shutdown: &Shutdown,
//! ) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
//!     let answer = tokens()
//!         .interruptible(shutdown)
//!         // Collects the items that the consumer received.
//!         .collecting(String::new(), |text, token| text.push_str(token))
//!         // Continues after a stop request, until only 2 s remain. Without this line, the
//!         // stream is interrupted at once.
//!         .finishing(Duration::from_secs(2))
//!         // Runs once, and only if the stream did not reach its own end. The returned item
//!         // is the last one.
//!         .on_interrupt(async move |text, reason| {
//!             db.save_partial(id, &text).await;
//!             (reason == InterruptReason::Shutdown).then(|| "[interrupted]".to_owned())
//!         });
//!     Sse::new(answer.map(|token| Ok(Event::default().data(token))))
//! }
//! # }
//! ```
//!
//! The stream counts as work in flight from its creation until its save has completed, so the drain waits for it. A
//! stream that does not finish within the drain is counted as aborted and makes the exit code 3.
//!
//! | event | effect |
//! | --- | --- |
//! | the stream ends by itself | the save does not run; the consumer has the whole result and can save it |
//! | stop requested | the stream is interrupted: the save runs, and the item that it returns is the last one |
//! | stop requested, with `finishing(margin)` | the stream continues, and is interrupted when only `margin` of the time remains |
//! | the consumer drops the stream | the save runs as a task, and the item that it returns is discarded |
//! | the stream is created during the drain | the stream ends at once with its save, unless `finishing` gives it time |
//!
//! Pass the `Shutdown` of a worker or of `main`. The `Shutdown` of a resource is not suitable: it is requested only
//! after the drain.

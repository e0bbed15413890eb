//! Answers that are cut in the middle, and what is saved of them. Feature `stream`.
//!
//! An answer of a language model takes a minute. When the app stops in the middle, its reader should learn that it is not
//! complete, and what the reader has seen should be what is saved. When the reader goes away instead, the same should be
//! saved. [`InterruptibleStream`](crate::InterruptibleStream) does both, for any `Stream`:
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
//!         // What was handed out, and nothing else.
//!         .collecting(String::new(), |text, token| text.push_str(token))
//!         // Told to stop it goes on while there is time. Without this line it is
//!         // interrupted at once.
//!         .finishing(Duration::from_secs(2))
//!         // Once, and only where the stream did not get to its own end. What it returns
//!         // is the last item.
//!         .on_interrupt(async move |text, why| {
//!             db.save_partial(id, &text).await;
//!             (why == InterruptReason::Shutdown).then(|| "[interrupted]".to_owned())
//!         });
//!     Sse::new(answer.map(|token| Ok(Event::default().data(token))))
//! }
//! # }
//! ```
//!
//! From its creation to the end of its save the stream is work in flight: the drain waits for it, and what the drain does
//! not see the end of is counted as cut and makes the exit code 3.
//!
//! | at the end | what happens |
//! | --- | --- |
//! | the stream ends by itself | nothing is saved: whoever reads it to its end saves it |
//! | its scope is told to stop | interrupted: the save runs, its item is the last one |
//! | the same, with `finishing(margin)` | it goes on, and is interrupted when only the margin is left |
//! | the consumer drops it | interrupted: the save runs as a task, nobody gets the item |
//! | it is created while draining | it ends at once through its save, unless it may finish |
//!
//! Give it the handle of a worker or of `main`, not that of a resource: a resource is told when the drain is over.

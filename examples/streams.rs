//! Streams: an answer that the end of the app interrupts ends with a marker, and the part that was sent is saved.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use lifecycle::{App, InterruptibleStream as _, Shutdown, background, resource};

struct Answers;

#[resource(timeout = "2s")]
impl Answers {
    fn start() -> Self {
        Self
    }

    /// Every save has ended by now: the drain waits for them.
    async fn stop(&self) {
        println!("answers: closed");
    }
}

impl Answers {
    async fn save_partial(&self, text: &str) {
        println!("answers: saved {} words", text.split_whitespace().count());
    }
}

/// A language model whose answer never ends.
fn tokens() -> impl Stream<Item = String> + Send + 'static {
    stream::unfold(0, async |count| {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((format!("word{count} "), count + 1))
    })
}

#[background(timeout = "5s")]
async fn answer(answers: Arc<Answers>, shutdown: Shutdown) {
    let mut answer = tokens()
        .interruptible(&shutdown)
        .collecting(String::new(), |text, token: &String| text.push_str(token))
        .on_interrupt(async move |text, why| {
            answers.save_partial(&text).await;
            Some(format!("[{why:?}]"))
        });
    while let Some(token) = answer.next().await {
        println!("answer: {token}");
    }
}

#[derive(App)]
#[app(shutdown_timeout = "10s", background = [answer])]
struct Chat {}

#[lifecycle::main]
async fn main(_app: Chat, shutdown: Shutdown) {
    println!("main: up; press Ctrl+C");
    shutdown.requested().await;
}

//! `console`: the agent at a prompt.

use std::io::{self, BufRead, IsTerminal, Write};
use std::pin::pin;

use futures_util::StreamExt;
use lifecycle::{Shutdown, background};
use tokio::sync::mpsc;

use crate::answers::{Answers, Piece, Question};
use crate::sessions::End;

/// Answers questions from standard input. The worker, and with it the app, ends at the end of the input. When a stop is
/// requested, it interrupts the current answer, whose text is saved.
#[background(timeout = "5s", on_finish = "shutdown")]
pub async fn console(answers: &Answers, shutdown: Shutdown) -> io::Result<()> {
    let mut lines = lines()?;
    let mut session = None;
    let is_terminal = io::stdin().is_terminal();
    say("Ask a question. Ctrl+D (end of input) stops the agent.\n")?;
    while !shutdown.is_requested() {
        if is_terminal {
            say("> ")?;
        }
        let Some(Some(line)) = shutdown.run(lines.recv()).await else {
            if is_terminal {
                say("\n")?;
            }
            break;
        };
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let question = Question {
            question: line,
            session: session.clone(),
            max_tokens: None,
        };
        let pieces = match answers.ask(question, &shutdown).await {
            Ok(pieces) => pieces,
            Err(error) => {
                say(&format!("{}\n", error.full()))?;
                continue;
            }
        };
        let mut pieces = pin!(pieces);
        while let Some(Some(piece)) = shutdown.run(pieces.next()).await {
            match piece {
                Piece::Session(id) => session = Some(id),
                Piece::Token(text) => say(&text)?,
                Piece::End {
                    end: End::Complete, ..
                } => {}
                Piece::End { end, message } => say(&format!(
                    " [{}] {}",
                    end.as_str(),
                    message.unwrap_or_default()
                ))?,
            }
        }
        say("\n")?;
    }
    Ok(())
}

/// Returns the lines of standard input. They are read by a plain thread, which is never joined: a blocking read from a
/// terminal cannot be cancelled, so it must be neither in a worker nor on a thread of the runtime.
fn lines() -> io::Result<mpsc::Receiver<io::Result<String>>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new()
        .name("stdin".into())
        .spawn(move || {
            for line in io::stdin().lock().lines() {
                if sender.blocking_send(line).is_err() {
                    break;
                }
            }
        })?;
    Ok(receiver)
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

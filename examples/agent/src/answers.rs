//! [`Answers`]: answers questions from the documents, as a stream of pieces, and saves the text of every answer,
//! whatever ends it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, Stream, StreamExt};
use lifecycle::{InterruptReason, InterruptibleStream, Shutdown, resource};

use crate::error::Error;
use crate::library::Library;
use crate::model::{LanguageModel, Prompt, TokenStream};
use crate::sessions::{End, Sessions};

/// How many passages an answer is based on.
const PASSAGES: usize = 4;
/// How many earlier exchanges of the session are part of the prompt.
const HISTORY: u32 = 6;
pub const DEFAULT_TOKENS: usize = 96;
const MOST_TOKENS: usize = 4096;
/// The time that is reserved for saving an answer when shutdown interrupts it.
const MARGIN: Duration = Duration::from_secs(1);
/// How much of [`MARGIN`] a save may take. The rest is for sending the end to the client, whether or not the save
/// succeeded.
const LAST_SAVE: Duration = Duration::from_millis(600);
/// How often the text so far is saved. A `kill -9` loses at most the text of this interval.
const KEEP_EVERY: Duration = Duration::from_millis(250);

pub struct Answers {
    library: Arc<Library>,
    sessions: Arc<Sessions>,
    model: Arc<dyn LanguageModel>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub question: String,
    pub session: Option<String>,
    pub max_tokens: Option<usize>,
}

/// A conversation whose history the client keeps.
#[derive(Debug, Default)]
pub struct Chat {
    /// Instructions for the style of the answer.
    pub instructions: String,
    /// The questions and answers so far, oldest first.
    pub history: Vec<(String, String)>,
    pub question: String,
    pub max_tokens: Option<usize>,
}

/// A piece of an answer. The last one is always [`End`](Self::End).
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Session(String),
    Token(String),
    End { end: End, message: Option<String> },
}

#[resource(order = 3)]
impl Answers {
    async fn start(
        library: Arc<Library>,
        sessions: Arc<Sessions>,
        model: Arc<dyn LanguageModel>,
    ) -> Self {
        Self {
            library,
            sessions,
            model,
        }
    }
}

impl Answers {
    /// Answers a question as a stream. The answer is in-flight work of the scope `shutdown`, and is interrupted shortly
    /// before the deadline of that scope.
    pub async fn ask(
        &self,
        question: Question,
        shutdown: &Shutdown,
    ) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
        check(&question.question, question.max_tokens)?;
        let session = self.sessions.open(question.session.as_deref()).await?;
        let history = self.sessions.history(&session, HISTORY).await?;
        let chat = Chat {
            history: history
                .into_iter()
                .map(|exchange| (exchange.question, exchange.answer))
                .collect(),
            question: question.question,
            max_tokens: question.max_tokens,
            ..Chat::default()
        };
        self.answer(session, chat, shutdown).await
    }

    /// Answers the question of a conversation that the client keeps. The answer is saved in a new session.
    pub async fn chat(
        &self,
        chat: Chat,
        shutdown: &Shutdown,
    ) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
        check(&chat.question, chat.max_tokens)?;
        let session = self.sessions.open(None).await?;
        self.answer(session, chat, shutdown).await
    }

    async fn answer(
        &self,
        session: String,
        chat: Chat,
        shutdown: &Shutdown,
    ) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
        let prompt = Prompt {
            instructions: chat.instructions,
            passages: self.library.search(&chat.question, PASSAGES).await?,
            history: chat.history,
            question: chat.question,
            max_tokens: chat.max_tokens.unwrap_or(DEFAULT_TOKENS),
        };
        let pieces = self.begin(&session, prompt, shutdown).await?;
        Ok(stream::iter([Piece::Session(session)]).chain(pieces))
    }

    /// Begins an answer in a separate task: if the client disconnects meanwhile, the returned stream is dropped, and
    /// dropping it saves the answer.
    async fn begin(
        &self,
        session: &str,
        prompt: Prompt,
        shutdown: &Shutdown,
    ) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
        let (session, shutdown) = (session.to_owned(), shutdown.clone());
        let (sessions, model) = (Arc::clone(&self.sessions), Arc::clone(&self.model));
        let begun = shutdown.clone().tasks().spawn("begin answer", async move {
            let answer = Answer {
                id: sessions.begin(&session, &prompt.question).await?,
                sessions,
            };
            let tokens = model.tokens(prompt, &shutdown);
            Ok(pieces(answer, tokens, &shutdown))
        });
        begun.await.map_err(|_| Error::Stopping)?
    }
}

fn check(question: &str, max_tokens: Option<usize>) -> Result<(), Error> {
    if question.trim().is_empty() {
        return Err(Error::Invalid("the question is empty".into()));
    }
    match max_tokens {
        Some(max) if max > MOST_TOKENS => Err(Error::Invalid(format!(
            "max_tokens is {max} (allowed: up to {MOST_TOKENS})"
        ))),
        _ => Ok(()),
    }
}

/// Returns the pieces of an answer as they are generated. The answer is completed if the time allows; otherwise, or
/// when the client disconnects, the text that the client has received is saved.
fn pieces(
    answer: Answer,
    tokens: TokenStream,
    shutdown: &Shutdown,
) -> impl Stream<Item = Piece> + Send + use<> {
    let unfinished = answer.clone();
    let writing = Writing {
        answer,
        tokens,
        text: String::new(),
        kept: Instant::now(),
    };
    stream::unfold(Some(writing), async |writing| writing?.next().await)
        .interruptible(shutdown)
        .collecting(String::new(), |text, piece| {
            if let Piece::Token(token) = piece {
                text.push_str(token);
            }
        })
        .finishing(MARGIN)
        .on_interrupt(async move |text: String, why| {
            let (end, limit) = match why {
                InterruptReason::Shutdown => (End::Shutdown, LAST_SAVE),
                // `ConsumerGone`: no client waits for the save, which may take any time.
                _ => (End::ConsumerGone, Duration::MAX),
            };
            Some(unfinished.end(&text, end, None, limit).await)
        })
}

/// The row in which an answer is saved.
#[derive(Clone)]
struct Answer {
    id: i64,
    sessions: Arc<Sessions>,
}

impl Answer {
    /// Saves the text so far. A failure is only logged: the text is saved again with the end of the answer.
    async fn keep(&self, text: &str) {
        if let Err(error) = self.sessions.keep(self.id, text).await {
            tracing::warn!(answer = self.id, %error, "the text of an answer in progress could not be saved");
        }
    }

    /// Saves how the answer ended. The text is in the database before the client receives the end.
    async fn end(&self, text: &str, end: End, error: Option<Error>, limit: Duration) -> Piece {
        let saved = self.sessions.end(self.id, text, end, limit).await;
        match saved {
            Ok(()) => Piece::End {
                end,
                message: error.map(|error| error.full()),
            },
            Err(error) => {
                tracing::error!(answer = self.id, %error, "an answer could not be saved");
                Piece::End {
                    end: End::Error,
                    message: Some(format!("the answer could not be saved: {error}")),
                }
            }
        }
    }
}

/// An answer in progress.
struct Writing {
    answer: Answer,
    tokens: TokenStream,
    text: String,
    /// When the text was last saved.
    kept: Instant,
}

impl Writing {
    /// Returns the next token or the end, and the state for what follows it.
    async fn next(mut self) -> Option<(Piece, Option<Self>)> {
        let (end, error) = match self.tokens.next().await {
            Some(Ok(token)) => {
                self.text.push_str(&token);
                if self.kept.elapsed() >= KEEP_EVERY {
                    self.answer.keep(&self.text).await;
                    self.kept = Instant::now();
                }
                return Some((Piece::Token(token), Some(self)));
            }
            Some(Err(error)) => (End::Error, Some(error.into())),
            None => (End::Complete, None),
        };
        let end = self.answer.end(&self.text, end, error, Duration::MAX);
        let end = end.await;
        Some((end, None))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::pin::pin;

    use lifecycle::{Lifecycle, Running, Settings};
    use lifecycle_tests::harness::folder;

    use super::*;
    use crate::config::tests::in_folder;

    async fn start_in(folder: &Path) -> Running {
        // Once a stop is requested, the drain lasts as long as the time that is reserved for saving.
        let limits = Settings::default().drain_timeout(MARGIN);
        let builder = Lifecycle::builder()
            .resource::<Answers>()
            .settings(limits)
            .provide(in_folder(folder));
        builder.start().await.unwrap()
    }

    async fn start() -> (tempfile::TempDir, Running) {
        let folder = folder();
        let running = start_in(folder.path()).await;
        let library = running.get::<Library>().unwrap();
        library.add("Garden", "Tomatoes want sun.").await.unwrap();
        (folder, running)
    }

    fn question(max_tokens: usize, session: Option<String>) -> Question {
        Question {
            question: "What do tomatoes want?".into(),
            session,
            max_tokens: Some(max_tokens),
        }
    }

    /// Returns the texts and states of the session's answers from the database.
    async fn saved(running: &Running, session: &str) -> Vec<(String, String)> {
        let sessions = running.get::<Sessions>().unwrap();
        let history = sessions.history(session, 9).await.unwrap();
        history
            .into_iter()
            .map(|exchange| (exchange.answer, exchange.state))
            .collect()
    }

    #[tokio::test]
    async fn an_answer_is_saved_before_its_end_is_sent() {
        let (_folder, running) = start().await;
        let answers = running.get::<Answers>().unwrap();
        let mut pieces = pin!(
            answers
                .ask(question(4, None), &running.shutdown())
                .await
                .unwrap()
        );
        let Some(Piece::Session(session)) = pieces.next().await else {
            panic!("no session")
        };
        let mut text = String::new();
        loop {
            match pieces.next().await.unwrap() {
                Piece::Token(token) => text.push_str(&token),
                end => {
                    assert_eq!(
                        end,
                        Piece::End {
                            end: End::Complete,
                            message: None
                        }
                    );
                    assert_eq!(saved(&running, &session).await, [(text, "complete".into())]);
                    break;
                }
            }
        }
        assert!(pieces.next().await.is_none());
        let again = answers
            .ask(question(1, Some(session.clone())), &running.shutdown())
            .await
            .unwrap();
        assert_eq!(again.collect::<Vec<_>>().await.len(), 3);
        assert_eq!(saved(&running, &session).await.len(), 2);
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
    }

    /// Returns the session of an answer, and its text.
    fn read(pieces: &[Piece]) -> (&str, String) {
        let [Piece::Session(session), rest @ ..] = pieces else {
            panic!("no session: {pieces:?}")
        };
        let texts = rest.iter().map(|piece| match piece {
            Piece::Token(token) => &**token,
            other => panic!("{other:?} among the tokens"),
        });
        (session, texts.collect())
    }

    #[tokio::test]
    async fn an_answer_is_saved_as_far_as_it_was_read_when_the_client_disconnects() {
        let (folder, running) = start().await;
        let answers = running.get::<Answers>().unwrap();
        let shutdown = running.shutdown();
        let asked = answers.ask(question(4000, None), &shutdown).await.unwrap();
        let pieces: Vec<_> = asked.take(4).collect().await;
        drop((answers, shutdown));
        let (session, text) = read(&pieces);
        // The drain waits for the save.
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
        let running = start_in(folder.path()).await;
        let kept = saved(&running, session).await;
        assert_eq!(kept, [(text, "consumer_gone".into())]);
        drop(running.stop().await);
    }

    #[tokio::test]
    async fn wherever_an_answer_is_interrupted_the_text_before_the_marker_is_saved() {
        for tokens in 0..=8 {
            let (folder, running) = start().await;
            let answers = running.get::<Answers>().unwrap();
            let shutdown = running.shutdown();
            let asked = answers.ask(question(4000, None), &shutdown).await.unwrap();
            let mut asked = pin!(asked);
            let pieces: Vec<_> = asked.by_ref().take(1 + tokens).collect().await;
            let stopped = tokio::spawn(running.stop());
            shutdown.requested().await;
            let rest: Vec<_> = asked.collect().await;
            let end = End::Shutdown;
            assert_eq!(rest, [Piece::End { end, message: None }]);
            drop((answers, shutdown));
            let report = stopped.await.unwrap();
            assert!(report.is_clean() && report.aborted_work() == 0, "{report}");

            let (session, text) = read(&pieces);
            let running = start_in(folder.path()).await;
            let kept = saved(&running, session).await;
            assert_eq!(kept, [(text, "shutdown".into())]);
            drop(running.stop().await);
        }
    }

    #[tokio::test]
    async fn invalid_questions_are_rejected() {
        let (_folder, running) = start().await;
        let answers = running.get::<Answers>().unwrap();
        let empty = Question {
            question: " ".into(),
            ..question(1, None)
        };
        for wrong in [empty, question(MOST_TOKENS + 1, None)] {
            let error = answers.ask(wrong, &running.shutdown()).await.err();
            assert!(matches!(error, Some(Error::Invalid(_))), "{error:?}");
        }
        let error = answers
            .ask(question(1, Some("unknown".into())), &running.shutdown())
            .await
            .err();
        assert!(matches!(error, Some(Error::NotFound { .. })), "{error:?}");
        drop(running.stop().await);
    }
}

//! [`Answers`]: answers questions from the documents, piece by piece, and keeps what was written however it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, Stream, StreamExt};
use lifecycle::{Shutdown, resource};

use crate::error::Error;
use crate::grace::finish;
use crate::library::Library;
use crate::model::{LanguageModel, Prompt, TokenStream};
use crate::sessions::{End, Sessions};

const PASSAGES: usize = 4;
/// How many earlier exchanges of the session the model is told.
const HISTORY: u32 = 6;
const DEFAULT_TOKENS: usize = 96;
const MOST_TOKENS: usize = 4096;
/// The time that is kept for saving an answer when it has to be cut.
const MARGIN: Duration = Duration::from_secs(1);
/// How often what has been written is kept: so much of an answer a `kill -9` can lose.
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

/// A piece of an answer. `End` comes last, and always.
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
    /// The answer to a question. `shutdown` is the scope of whoever asks: it cuts the answer when its time is nearly
    /// over, and a save that outlives the asker is one of its tasks.
    pub async fn ask(
        &self,
        question: Question,
        shutdown: &Shutdown,
    ) -> Result<impl Stream<Item = Piece> + Send + use<>, Error> {
        if question.question.trim().is_empty() {
            return Err(Error::Invalid("the question is empty".into()));
        }
        let max_tokens = question.max_tokens.unwrap_or(DEFAULT_TOKENS);
        if max_tokens > MOST_TOKENS {
            return Err(Error::Invalid(format!(
                "max_tokens is {max_tokens}; allowed is up to {MOST_TOKENS}"
            )));
        }
        let session = self.sessions.open(question.session.as_deref()).await?;
        let history = self.sessions.history(&session, HISTORY).await?;
        let prompt = Prompt {
            passages: self.library.search(&question.question, PASSAGES).await?,
            history: history
                .into_iter()
                .map(|exchange| (exchange.question, exchange.answer))
                .collect(),
            question: question.question,
            max_tokens,
        };
        let unsaved = self.begin(&session, &prompt.question, shutdown).await?;
        let pieces = Writing {
            tokens: self.model.tokens(prompt),
            unsaved,
            kept: Instant::now(),
        }
        .pieces();
        Ok(stream::iter([Piece::Session(session)]).chain(pieces))
    }
}

impl Answers {
    /// As a task: should the asker go away in the middle of it, what it returns is dropped, and with that saved.
    async fn begin(
        &self,
        session: &str,
        question: &str,
        shutdown: &Shutdown,
    ) -> Result<Unsaved, Error> {
        let (session, question) = (session.to_owned(), question.to_owned());
        let (sessions, shutdown) = (Arc::clone(&self.sessions), shutdown.clone());
        let begun = shutdown.tasks().spawn("begin answer", async move {
            let id = sessions.begin(&session, &question).await?;
            Ok(Unsaved {
                id,
                text: String::new(),
                sessions,
                shutdown,
                is_saved: false,
            })
        });
        begun.await.map_err(|_| Error::Stopping)?
    }
}

/// An answer under way.
struct Writing {
    tokens: TokenStream,
    unsaved: Unsaved,
    /// When it was kept last.
    kept: Instant,
}

impl Writing {
    fn pieces(self) -> impl Stream<Item = Piece> + Send {
        stream::unfold(Some(self), |writing| async move {
            let mut writing = writing?;
            Some(match writing.token().await {
                Ok(Some(token)) => (Piece::Token(token), Some(writing)),
                Ok(None) => (writing.end(End::Complete, None).await, None),
                Err(Error::Stopping) => (writing.end(End::Shutdown, None).await, None),
                Err(error) => (writing.end(End::Error, Some(error)).await, None),
            })
        })
    }

    async fn token(&mut self) -> Result<Option<String>, Error> {
        let Some(token) = finish(&self.unsaved.shutdown, MARGIN, self.tokens.next()).await else {
            return Err(Error::Stopping);
        };
        let token = token.transpose()?;
        self.unsaved.text.extend(token.as_deref());
        if token.is_some() && self.kept.elapsed() >= KEEP_EVERY {
            self.unsaved.keep().await;
            self.kept = Instant::now();
        }
        Ok(token)
    }

    /// The text is in the database before the reader sees the end.
    async fn end(mut self, end: End, error: Option<Error>) -> Piece {
        match self.unsaved.save(end).await {
            Ok(()) => Piece::End {
                end,
                message: error.map(|error| error.full()),
            },
            Err(message) => Piece::End {
                end: End::Error,
                message: Some(message),
            },
        }
    }
}

/// What has been written so far; saved when it is dropped, which is when the reader goes away.
struct Unsaved {
    id: i64,
    text: String,
    sessions: Arc<Sessions>,
    shutdown: Shutdown,
    is_saved: bool,
}

impl Unsaved {
    /// That it cannot be kept now is no reason to stop: its end is saved all the same.
    async fn keep(&self) {
        if let Err(error) = self.sessions.keep(self.id, &self.text).await {
            tracing::warn!(answer = self.id, %error, "an answer under way could not be kept");
        }
    }

    /// As a task of the asker's scope: it goes on when the reader, and with it this future, goes away.
    fn save(&mut self, end: End) -> impl Future<Output = Result<(), String>> + use<> {
        self.is_saved = true;
        let (id, text, sessions) = (
            self.id,
            std::mem::take(&mut self.text),
            Arc::clone(&self.sessions),
        );
        let task = self.shutdown.tasks().spawn("save answer", async move {
            let saved = sessions.end(id, &text, end).await;
            saved.map_err(|error| {
                tracing::error!(answer = id, %error, "an answer could not be saved");
                format!("the answer could not be saved: {error}")
            })
        });
        async move {
            task.await
                .map_err(|error| format!("the answer was not saved: {error}"))?
        }
    }
}

impl Drop for Unsaved {
    fn drop(&mut self) {
        if !self.is_saved {
            let end = if self.shutdown.is_requested() {
                End::Shutdown
            } else {
                End::ConsumerGone
            };
            drop(self.save(end));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use lifecycle::{Lifecycle, Running};

    use super::*;
    use crate::config::tests::in_folder;

    async fn start() -> (tempfile::TempDir, Running) {
        let folder = tempfile::tempdir().unwrap();
        let builder = Lifecycle::builder()
            .resource::<Answers>()
            .provide(in_folder(folder.path()));
        let running = builder.start().await.unwrap();
        running
            .get::<Library>()
            .unwrap()
            .add("Garden", "Tomatoes want sun.")
            .await
            .unwrap();
        (folder, running)
    }

    fn question(max_tokens: usize, session: Option<String>) -> Question {
        Question {
            question: "What do tomatoes want?".into(),
            session,
            max_tokens: Some(max_tokens),
        }
    }

    /// The texts and states of the session's answers, as the database has them.
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

    #[tokio::test]
    async fn an_answer_whose_reader_goes_away_is_saved_as_far_as_it_came() {
        let (_folder, running) = start().await;
        let answers = running.get::<Answers>().unwrap();
        let asked = answers
            .ask(question(4000, None), &running.shutdown())
            .await
            .unwrap();
        let pieces: Vec<_> = asked.take(4).collect().await;
        let [Piece::Session(session), tokens @ ..] = &pieces[..] else {
            panic!("no session")
        };
        let text: String = tokens
            .iter()
            .map(|piece| {
                if let Piece::Token(token) = piece {
                    token
                } else {
                    ""
                }
            })
            .collect();
        while !running.shutdown().tasks().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(
            saved(&running, session).await,
            [(text, "consumer_gone".into())]
        );
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
    }

    #[tokio::test]
    async fn what_cannot_be_asked_is_refused() {
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
            .ask(question(1, Some("nobody's".into())), &running.shutdown())
            .await
            .err();
        assert!(matches!(error, Some(Error::NotFound { .. })), "{error:?}");
        drop(running.stop().await);
    }
}

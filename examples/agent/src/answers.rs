//! [`Answers`]: answers questions from the documents, piece by piece, and keeps what was written however it ends.

use std::sync::Arc;
use std::time::Duration;

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
        Ok(token)
    }

    /// The text is in the database before the reader sees the end.
    async fn end(mut self, end: End, error: Option<Error>) -> Piece {
        match self.unsaved.save(end).await {
            Ok(()) => Piece::End {
                end,
                message: error.map(|error| error.to_string()),
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

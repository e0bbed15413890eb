//! [`Sessions`]: conversations, their questions and answers, and the clean-up of those that nobody uses any more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lifecycle::{Shutdown, background, resource};
use sqlx::Connection;
use uuid::Uuid;

use crate::cache::Cache;
use crate::database::{Database, millis, now, written};
use crate::error::Error;
use crate::exchanges::{Exchange, Exchanges};

/// How long an answer of which nothing new was kept counts as being written.
const LEASE: Duration = Duration::from_secs(60);
/// How long a session is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// An answer does not stand still for longer because what there is of it cannot be kept.
const LONGEST_KEEP: Duration = Duration::from_secs(1);
/// How long a save waits for the database: less than the time of `stop`, so that the report says what it waited for.
const LAST_SAVE: Duration = Duration::from_millis(1500);

pub struct Sessions {
    db: Arc<Database>,
    exchanges: Exchanges,
    /// When sessions were last used, as far as the database does not know it yet: a question does not wait for that.
    used: Mutex<HashMap<String, i64>>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "when {sessions} of the sessions were last used is not written down; each may be forgotten sooner than after a day without use"
)]
pub struct NotWritten {
    sessions: usize,
    source: sqlx::Error,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// The app had to stop before the answer was complete.
    Shutdown,
    ConsumerGone,
    Error,
}

#[resource(order = 3, timeout = "2s")]
impl Sessions {
    async fn start(db: Arc<Database>, cache: Arc<Cache>) -> Result<Self, sqlx::Error> {
        let sessions = Self::new(db, cache);
        // Those that bear this process's own name are of an earlier life of it.
        sessions.mark_killed(Some(sessions.db.holder())).await?;
        Ok(sessions)
    }

    async fn stop(&self) -> Result<(), NotWritten> {
        self.save().await.map_err(|source| NotWritten {
            sessions: self.used().len(),
            source,
        })
    }
}

/// Also writes down what was used since, so that a crash loses a minute of that at most.
#[background(every = "60s", timeout = "2s")]
pub async fn expire_sessions(sessions: &Sessions, shutdown: Shutdown) -> Result<(), sqlx::Error> {
    // Told to stop, it breaks off: what is left can be done by the next run, whoever's that is.
    shutdown.run(sessions.tidy()).await.unwrap_or(Ok(()))
}

impl Sessions {
    pub fn new(db: Arc<Database>, cache: Arc<Cache>) -> Self {
        Self {
            exchanges: Exchanges::new(Arc::clone(&db), cache),
            db,
            used: Mutex::default(),
        }
    }

    /// The session to go on with, or a new one.
    pub async fn open(&self, id: Option<&str>) -> Result<String, Error> {
        let now = now();
        let Some(id) = id else {
            let id = Uuid::new_v4().simple().to_string();
            sqlx::query("INSERT INTO sessions (id, created, last_used) VALUES ($1, $2, $3)")
                .bind(&id)
                .bind(now)
                .bind(now)
                .execute(&mut **self.db.connection().await?)
                .await?;
            return Ok(id);
        };
        let last_used = self.check(id).await?;
        if last_used < now - millis(IDLE / 2) {
            // Before another agent forgets it, which knows of no use but those in the database.
            self.touch(id, now).await?;
        } else {
            self.used().insert(id.to_owned(), now);
        }
        Ok(id.to_owned())
    }

    /// The last `limit` exchanges, oldest first.
    pub async fn history(&self, id: &str, limit: u32) -> Result<Vec<Exchange>, Error> {
        self.check(id).await?;
        Ok(self.exchanges.latest(id, limit).await?)
    }

    /// Writes down that an answer is under way, and gives its id.
    pub async fn begin(&self, session: &str, question: &str) -> Result<i64, Error> {
        let statement = format!(
            "INSERT INTO answers (session, question, state, created, writer, lease)
             VALUES ($1, $2, 'streaming', $3, $4, {} + $5) RETURNING id",
            self.db.store().clock()
        );
        let inserted = sqlx::query_as(&statement)
            .bind(session)
            .bind(question)
            .bind(now())
            .bind(self.db.holder())
            .bind(millis(LEASE));
        let (id,): (i64,) = written(inserted, &mut *self.db.connection().await?)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        Ok(id)
    }

    /// Keeps what has been written so far, in case nobody gets to the end.
    pub async fn keep(&self, answer: i64, text: &str) -> Result<(), sqlx::Error> {
        let statement = format!(
            "UPDATE answers SET text = $1, lease = {} + $2 WHERE id = $3 AND state = 'streaming'",
            self.db.store().clock()
        );
        let kept = async {
            sqlx::query(&statement)
                .bind(text)
                .bind(millis(LEASE))
                .bind(answer)
                .execute(&mut **self.db.connection().await?)
                .await
        };
        self.db.within(LONGEST_KEEP, kept).await.map(drop)
    }

    /// Writes down how an answer has ended, where the database takes no longer than `limit` for that.
    pub async fn end(
        &self,
        answer: i64,
        text: &str,
        end: End,
        limit: Duration,
    ) -> Result<(), sqlx::Error> {
        let saved = async {
            let ended = sqlx::query_as(
                "UPDATE answers SET text = $1, state = $2 WHERE id = $3 RETURNING session, question",
            )
            .bind(text)
            .bind(end.as_str())
            .bind(answer);
            written(ended, &mut *self.db.connection().await?).await
        };
        let ended: Option<(String, String)> = self.db.within(limit, saved).await?;
        // Of a session that is forgotten there is nothing left to end.
        if let Some((session, question)) = ended {
            let exchange = Exchange {
                question,
                answer: text.into(),
                state: end.as_str().into(),
            };
            self.exchanges.keep(&session, answer, &exchange).await;
        }
        Ok(())
    }

    async fn tidy(&self) -> Result<(), sqlx::Error> {
        self.save().await?;
        self.mark_killed(None).await?;
        let expired = self.expire(IDLE).await?;
        if expired > 0 {
            tracing::info!(expired, "sessions that nobody used for a day are forgotten");
        }
        Ok(())
    }

    /// Cancel safe: what is not written now is for the next time.
    async fn save(&self) -> Result<(), sqlx::Error> {
        let used = self.used().clone();
        self.db.within(LAST_SAVE, self.write(&used)).await?;
        self.used().retain(|id, at| used.get(id) != Some(at));
        Ok(())
    }

    async fn write(&self, used: &HashMap<String, i64>) -> Result<(), sqlx::Error> {
        if used.is_empty() {
            return Ok(());
        }
        let mut connection = self.db.connection().await?;
        let mut transaction = connection.begin().await?;
        for (id, at) in used {
            sqlx::query("UPDATE sessions SET last_used = $1 WHERE id = $2 AND last_used < $1")
                .bind(at)
                .bind(id)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    async fn expire(&self, idle: Duration) -> Result<u64, sqlx::Error> {
        sqlx::query("DELETE FROM sessions WHERE last_used < $1")
            .bind(now() - millis(idle))
            .execute(&mut **self.db.connection().await?)
            .await
            .map(|done| done.rows_affected())
    }

    /// Whoever was writing these was killed: this holder in an earlier life, and all that let their lease end. Should
    /// one of them only have been slow, its end is saved all the same.
    async fn mark_killed(&self, holder: Option<&str>) -> Result<(), sqlx::Error> {
        let statement = format!(
            "UPDATE answers SET state = 'killed'
             WHERE state = 'streaming' AND (writer = $1 OR coalesce(lease, 0) < {})",
            self.db.store().clock()
        );
        sqlx::query(&statement)
            .bind(holder)
            .execute(&mut **self.db.connection().await?)
            .await
            .map(drop)
    }

    async fn touch(&self, id: &str, now: i64) -> Result<(), Error> {
        let touched = sqlx::query("UPDATE sessions SET last_used = $1 WHERE id = $2")
            .bind(now)
            .bind(id)
            .execute(&mut **self.db.connection().await?)
            .await?;
        match touched.rows_affected() {
            0 => Err(gone(id)),
            _ => Ok(()),
        }
    }

    /// When it was last used, as far as the database knows.
    async fn check(&self, id: &str) -> Result<i64, Error> {
        let found: Option<(i64,)> = sqlx::query_as("SELECT last_used FROM sessions WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut **self.db.connection().await?)
            .await?;
        found.map(|(last_used,)| last_used).ok_or_else(|| gone(id))
    }

    fn used(&self) -> MutexGuard<'_, HashMap<String, i64>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn gone(id: &str) -> Error {
    Error::NotFound {
        what: "session",
        id: id.into(),
        hint: ", or no longer; leave it out to begin a new one",
    }
}

impl End {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Shutdown => "shutdown",
            Self::ConsumerGone => "consumer_gone",
            Self::Error => "error",
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::cache::tests::local;
    use crate::database::tests::{close, scratch};

    #[tokio::test]
    async fn a_session_remembers_and_says_what_was_cut() {
        let (_folder, db) = scratch().await;
        remember(&db).await;
    }

    /// On any database.
    pub async fn use_all(db: &Arc<Database>) {
        remember(db).await;
        lapse(db).await;
        forget(db).await;
    }

    async fn remember(db: &Arc<Database>) {
        let sessions = Sessions::start(Arc::clone(db), local()).await.unwrap();
        let id = sessions.open(None).await.unwrap();
        assert_eq!(sessions.open(Some(&id)).await.unwrap(), id);
        let first = sessions.begin(&id, "one?").await.unwrap();
        sessions
            .end(first, "One.", End::Complete, Duration::MAX)
            .await
            .unwrap();
        let second = sessions.begin(&id, "two?").await.unwrap();
        sessions.keep(second, "Tw").await.unwrap();

        let again = Sessions::start(Arc::clone(db), local()).await.unwrap();
        let history = again.history(&id, 9).await.unwrap();
        let seen: Vec<_> = history
            .iter()
            .map(|e| (&*e.question, &*e.answer, &*e.state))
            .collect();
        assert_eq!(
            seen,
            [("one?", "One.", "complete"), ("two?", "Tw", "killed")]
        );
        assert_eq!(again.history(&id, 1).await.unwrap()[0].question, "two?");
        assert!(matches!(
            again.open(Some("nobody's")).await,
            Err(Error::NotFound { .. })
        ));
    }

    #[tokio::test]
    async fn an_answer_is_marked_when_its_writer_was_silent_for_as_long_as_its_lease() {
        let (_folder, db) = scratch().await;
        lapse(&db).await;
    }

    async fn lapse(db: &Arc<Database>) {
        let sessions = Sessions::start(Arc::clone(db), local()).await.unwrap();
        let id = sessions.open(None).await.unwrap();
        let answer = sessions.begin(&id, "three?").await.unwrap();
        sessions.keep(answer, "Thr").await.unwrap();
        let state = async || {
            sessions.tidy().await.unwrap();
            sessions.history(&id, 1).await.unwrap().remove(0).state
        };
        assert_eq!(state().await, "streaming", "its lease has not ended");
        sqlx::query("UPDATE answers SET lease = lease - $1 WHERE id = $2")
            .bind(millis(LEASE))
            .bind(answer)
            .execute(&mut **db.connection().await.unwrap())
            .await
            .unwrap();
        assert_eq!(state().await, "killed");
    }

    #[tokio::test]
    async fn only_what_nobody_uses_is_forgotten() {
        let (_folder, db) = scratch().await;
        forget(&db).await;
    }

    async fn forget(db: &Arc<Database>) {
        let sessions = Sessions::start(Arc::clone(db), local()).await.unwrap();
        let (used, idle) = (
            sessions.open(None).await.unwrap(),
            sessions.open(None).await.unwrap(),
        );
        sessions.begin(&idle, "anyone?").await.unwrap();
        sqlx::query("UPDATE sessions SET last_used = 0")
            .execute(&mut **db.connection().await.unwrap())
            .await
            .unwrap();
        sessions.open(Some(&used)).await.unwrap();
        sessions.tidy().await.unwrap();
        assert!(sessions.open(Some(&used)).await.is_ok());
        assert!(sessions.open(Some(&idle)).await.is_err());
    }

    #[tokio::test]
    async fn what_is_used_through_one_agent_is_not_forgotten_by_another() {
        let (_folder, db) = scratch().await;
        let (one, other) = (
            Sessions::new(Arc::clone(&db), local()),
            Sessions::new(Arc::clone(&db), local()),
        );
        let id = one.open(None).await.unwrap();
        sqlx::query("UPDATE sessions SET last_used = 0")
            .execute(&mut **db.connection().await.unwrap())
            .await
            .unwrap();
        one.open(Some(&id)).await.unwrap();
        other.tidy().await.unwrap();
        assert!(one.open(Some(&id)).await.is_ok());
    }

    #[tokio::test]
    async fn a_use_that_cannot_be_written_now_is_kept_for_later() {
        let (_folder, db) = scratch().await;
        let sessions = Sessions::start(Arc::clone(&db), local()).await.unwrap();
        let id = sessions.open(None).await.unwrap();
        sessions.open(Some(&id)).await.unwrap();
        close(&db).await;
        assert!(sessions.stop().await.is_err());
        assert!(sessions.used().contains_key(&id));
    }
}

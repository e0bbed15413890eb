//! [`Sessions`]: conversations, their questions and answers, and the expiry of unused ones.

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

/// How long an answer counts as in progress after its text was last saved.
const LEASE: Duration = Duration::from_secs(60);
/// How long an unused session is kept.
const IDLE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a save of the text so far may hold up the answer.
const LONGEST_KEEP: Duration = Duration::from_secs(1);
/// How long a save waits for the database. It is shorter than the timeout of `stop`, so that the report has the reason.
const LAST_SAVE: Duration = Duration::from_millis(1500);

pub struct Sessions {
    db: Arc<Database>,
    exchanges: Exchanges,
    /// When sessions were last used, where the database does not know it yet: answering a question does not wait for
    /// that write.
    used: Mutex<HashMap<String, i64>>,
}

#[derive(Debug, thiserror::Error)]
#[error(
    "the times at which {sessions} sessions were last used are not saved; these sessions may expire less than a day after that"
)]
pub struct NotWritten {
    sessions: usize,
    source: sqlx::Error,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Complete,
    /// Shutdown interrupted the answer before it was complete.
    Shutdown,
    ConsumerGone,
    Error,
}

#[resource(order = 3, timeout = "2s")]
impl Sessions {
    async fn start(db: Arc<Database>, cache: Arc<Cache>) -> Result<Self, sqlx::Error> {
        let sessions = Self::new(db, cache);
        // Answers under this process's own name were written by an earlier run of it.
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

/// Expires unused sessions once a minute. It also saves the times of their use, so that a crash loses at most a minute of
/// them.
#[background(every = "60s", timeout = "2s")]
pub async fn expire_sessions(sessions: &Sessions, shutdown: Shutdown) -> Result<(), sqlx::Error> {
    // A requested stop interrupts the work: the next run of this worker, on any agent, does the rest.
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

    /// Opens the session to continue, or a new one.
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
            // Written at once: another agent knows only the uses that are in the database, and may be about to expire
            // the session.
            self.touch(id, now).await?;
        } else {
            self.used().insert(id.to_owned(), now);
        }
        Ok(id.to_owned())
    }

    /// Returns the last `limit` exchanges, oldest first.
    pub async fn history(&self, id: &str, limit: u32) -> Result<Vec<Exchange>, Error> {
        self.check(id).await?;
        Ok(self.exchanges.latest(id, limit).await?)
    }

    /// Stores a new answer that is in progress, and returns its id.
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

    /// Saves the text so far, in case the answer never ends.
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

    /// Saves how an answer ended. Fails if the database takes longer than `limit`.
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
        // The row is missing if the session has expired meanwhile.
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
            tracing::info!(expired, "sessions that were unused for a day have expired");
        }
        Ok(())
    }

    /// Saves when sessions were used. Cancel safe: what is not saved now is saved the next time.
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

    /// Marks answers as `killed` whose process no longer writes them: an earlier run of this process, or any process
    /// that let its lease expire. An answer whose process was only slow still gets its real end later.
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

    /// Returns when the session was last used, as far as the database knows.
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
        hint: ": it may have expired; omit `session` to begin a new one",
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
    async fn a_session_has_its_answers_and_marks_those_of_a_killed_process() {
        let (_folder, db) = scratch().await;
        remember(&db).await;
    }

    /// Runs the tests of this file on any database.
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
            again.open(Some("unknown")).await,
            Err(Error::NotFound { .. })
        ));
    }

    #[tokio::test]
    async fn an_answer_is_marked_killed_when_its_lease_has_expired() {
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
        assert_eq!(state().await, "streaming", "its lease has not expired");
        sqlx::query("UPDATE answers SET lease = lease - $1 WHERE id = $2")
            .bind(millis(LEASE))
            .bind(answer)
            .execute(&mut **db.connection().await.unwrap())
            .await
            .unwrap();
        assert_eq!(state().await, "killed");
    }

    #[tokio::test]
    async fn only_unused_sessions_expire() {
        let (_folder, db) = scratch().await;
        forget(&db).await;
    }

    async fn forget(db: &Arc<Database>) {
        let sessions = Sessions::start(Arc::clone(db), local()).await.unwrap();
        let (used, idle) = (
            sessions.open(None).await.unwrap(),
            sessions.open(None).await.unwrap(),
        );
        sessions.begin(&idle, "idle?").await.unwrap();
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
    async fn a_session_that_one_agent_uses_is_not_expired_by_another() {
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
    async fn a_use_that_cannot_be_saved_now_is_kept_for_later() {
        let (_folder, db) = scratch().await;
        let sessions = Sessions::start(Arc::clone(&db), local()).await.unwrap();
        let id = sessions.open(None).await.unwrap();
        sessions.open(Some(&id)).await.unwrap();
        close(&db).await;
        assert!(sessions.stop().await.is_err());
        assert!(sessions.used().contains_key(&id));
    }
}

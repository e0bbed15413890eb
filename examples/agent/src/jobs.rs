//! [`Jobs`]: a queue whose entries are rows, so that no job is lost with the process, and several agents share it.
//!
//! 1. A job is `running` only with a worker's name and a lease. The worker renews the lease while it works. A process works
//!    on one job at a time.
//! 2. Only who bears the name changes a running job: who lost it meanwhile is told `false`, and has changed nothing.
//! 3. A job whose lease has ended, or whose worker bears this process's name from an earlier life, is queued again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lifecycle::resource;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::database::{Database, millis, now, written};
use crate::error::Error;

/// How long a job is left to a worker that is not heard of. It is to outlast a restart of the database.
pub const LEASE: Duration = Duration::from_secs(15);
/// A job that was begun so often, and neither ended nor was put back, is what takes the process down.
const MOST_ATTEMPTS: i64 = 3;
/// How long the database is waited for when the time to stop has come.
const LAST_WORD: Duration = Duration::from_millis(1500);

pub struct Jobs {
    db: Arc<Database>,
    submitted: Notify,
    /// Whether a job may be running under this process's name. Only the worker changes it, which has ended when the stop
    /// reads it.
    holding: AtomicBool,
    /// Why a job was to be put back.
    cut: OnceLock<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("a job is not put back{cut}; it goes on when its lease has ended")]
pub struct NotPutBack {
    cut: String,
    source: sqlx::Error,
}

/// A job, and what its steps have found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub goal: String,
    pub progress: Progress,
    pub attempts: i64,
}

/// The steps of an agent's job; one that has been done is not done again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// What is told of a job to whoever asks.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    pub id: i64,
    pub kind: String,
    pub goal: String,
    pub state: String,
    pub progress: Progress,
    pub attempts: i64,
    pub result: Option<String>,
}

#[resource(order = 3, timeout = "2s")]
impl Jobs {
    async fn start(db: Arc<Database>) -> Self {
        Self {
            db,
            submitted: Notify::new(),
            holding: AtomicBool::new(false),
            cut: OnceLock::new(),
        }
    }

    /// Puts back what a worker that had to be aborted still held: the attempt does not count.
    async fn stop(&self) -> Result<(), NotPutBack> {
        if !self.holding.load(Relaxed) {
            return Ok(());
        }
        let put_back = async {
            sqlx::query(
                "UPDATE jobs SET state = 'queued', attempts = attempts - 1, changed = $1
                 WHERE state = 'running' AND worker = $2",
            )
            .bind(now())
            .bind(self.db.holder())
            .execute(&mut **self.db.connection().await?)
            .await
        };
        match self.db.within(LAST_WORD, put_back).await {
            Ok(_) => Ok(()),
            Err(source) => {
                let cut = self.cut.get().map(|why| format!(" ({why})"));
                let cut = cut.unwrap_or_default();
                Err(NotPutBack { cut, source })
            }
        }
    }
}

impl Jobs {
    pub async fn submit(&self, goal: &str) -> Result<Status, Error> {
        if goal.trim().is_empty() {
            return Err(Error::Invalid("the goal is empty".into()));
        }
        let inserted = sqlx::query_as(
            "INSERT INTO jobs (kind, input, state, created, changed) VALUES ('agent', $1, 'queued', $2, $2) RETURNING id",
        )
        .bind(goal)
        .bind(now());
        let (id,): (i64,) = written(inserted, &mut *self.db.connection().await?)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?;
        self.submitted.notify_one();
        self.status(id).await
    }

    pub async fn status(&self, id: i64) -> Result<Status, Error> {
        type Row = (String, String, String, String, i64, Option<String>);
        let row: Option<Row> = sqlx::query_as(
            "SELECT kind, input, state, progress, attempts, result FROM jobs WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&mut **self.db.connection().await?)
        .await?;
        let (kind, goal, state, progress, attempts, result) =
            row.ok_or_else(|| Error::no("job", id))?;
        let progress = parse(&progress);
        Ok(Status {
            id,
            kind,
            goal,
            state,
            progress,
            attempts,
            result,
        })
    }

    /// Resolves when a job has been submitted here since the last time, at once if that was before. Cancel safe.
    pub async fn submitted(&self) {
        self.submitted.notified().await;
    }

    /// The oldest job that waits, now running under this process's name. Not cancel safe: it may have been taken.
    pub async fn take(&self) -> Result<Option<Job>, sqlx::Error> {
        let store = self.db.store();
        let statement = format!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, changed = $1, worker = $2, lease = {} + $3
             WHERE id = (SELECT id FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1 {})
             RETURNING id, input, progress, attempts",
            store.clock(),
            store.skip_locked()
        );
        let mut connection = self.db.connection().await?;
        self.holding.store(true, Relaxed);
        let taken = sqlx::query_as(&statement)
            .bind(now())
            .bind(self.db.holder())
            .bind(millis(LEASE));
        let row: Option<(i64, String, String, i64)> = written(taken, &mut connection).await?;
        self.holding.store(row.is_some(), Relaxed);
        Ok(row.map(|(id, goal, progress, attempts)| Job {
            id,
            goal,
            progress: parse(&progress),
            attempts,
        }))
    }

    /// Keeps a running job from others for another [`LEASE`]. Whether it was still held.
    pub async fn renew(&self, id: i64) -> Result<bool, sqlx::Error> {
        let statement = format!(
            "UPDATE jobs SET lease = {} + $1 WHERE id = $2 AND state = 'running' AND worker = $3",
            self.db.store().clock()
        );
        let done = sqlx::query(&statement)
            .bind(millis(LEASE))
            .bind(id)
            .bind(self.db.holder())
            .execute(&mut **self.db.connection().await?)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Whether the job was still held, as with all that follow.
    pub async fn store_progress(&self, job: &Job) -> Result<bool, sqlx::Error> {
        self.set(job, "running", 0, None).await
    }

    pub async fn done(&self, job: &Job) -> Result<bool, sqlx::Error> {
        self.set(job, "done", 0, job.progress.summary.as_deref())
            .await
    }

    /// Not finished because of the shutdown, and not its fault: the attempt does not count.
    pub async fn put_back(&self, job: &Job, why: &str) -> Result<bool, sqlx::Error> {
        let _ = self.cut.set(why.into());
        let put_back = self.set(job, "queued", -1, None);
        self.db.within(LAST_WORD, put_back).await
    }

    /// Queued for another attempt, if it may have one.
    pub async fn failed(&self, job: &Job, error: &Error) -> Result<bool, sqlx::Error> {
        let state = if job.is_last_attempt() {
            "failed"
        } else {
            "queued"
        };
        self.set(job, state, 0, Some(&error.full())).await
    }

    /// Queues what nobody works on any more, though it says so. How many there were. While this process works on a job
    /// it is not to be called: that would count as a leftover.
    pub async fn take_back(&self) -> Result<u64, sqlx::Error> {
        let statement = format!(
            "UPDATE jobs SET state = CASE WHEN attempts < $1 THEN 'queued' ELSE 'failed' END, changed = $2,
                result = CASE WHEN attempts < $1 THEN result
                    ELSE 'the process died each time that it was begun' END
             WHERE state = 'running' AND (worker = $3 OR coalesce(lease, 0) < {})",
            self.db.store().clock()
        );
        let done = sqlx::query(&statement)
            .bind(MOST_ATTEMPTS)
            .bind(now())
            .bind(self.db.holder())
            .execute(&mut **self.db.connection().await?)
            .await?;
        self.holding.store(false, Relaxed);
        Ok(done.rows_affected())
    }

    async fn set(
        &self,
        job: &Job,
        state: &str,
        attempts: i64,
        result: Option<&str>,
    ) -> Result<bool, sqlx::Error> {
        let progress = serde_json::to_string(&job.progress).unwrap_or_else(|_| "{}".into());
        let done = sqlx::query(
            "UPDATE jobs SET state = $1, progress = $2, attempts = attempts + $3, result = $4, changed = $5
             WHERE id = $6 AND state = 'running' AND worker = $7",
        )
        .bind(state)
        .bind(progress)
        .bind(attempts)
        .bind(result)
        .bind(now())
        .bind(job.id)
        .bind(self.db.holder())
        .execute(&mut **self.db.connection().await?)
        .await?;
        let held = done.rows_affected() > 0;
        self.holding.store(held && state == "running", Relaxed);
        Ok(held)
    }
}

impl Job {
    pub fn is_last_attempt(&self) -> bool {
        self.attempts >= MOST_ATTEMPTS
    }
}

/// Progress of another version is no progress: the job begins anew.
fn parse(progress: &str) -> Progress {
    serde_json::from_str(progress).unwrap_or_default()
}

#[cfg(test)]
pub mod tests;

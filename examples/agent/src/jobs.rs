//! [`Jobs`]: a queue of jobs in the database, so that no job is lost with the process, and agents can share the queue.
//!
//! 1. A `running` job has a worker's name and a lease. The worker renews the lease while it works. A process works on
//!    one job at a time.
//! 2. Only the process with that name changes a running job. If it has lost the job meanwhile, its methods return
//!    `false` and change nothing.
//! 3. A job is queued again if its lease has expired, or if it was started under this process's name by an earlier run.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lifecycle::resource;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::database::{Database, millis, now, written};
use crate::error::Error;

/// How long a worker that sends no renewals keeps its job. Longer than a restart of the database.
pub const LEASE: Duration = Duration::from_secs(15);
/// The number of attempts after which a job fails. A job that was started this often without ending or being put back
/// probably crashes the process.
const MOST_ATTEMPTS: i64 = 3;
/// How long the last write before shutdown waits for the database.
const LAST_WORD: Duration = Duration::from_millis(1500);

pub struct Jobs {
    db: Arc<Database>,
    submitted: Notify,
    /// Whether a job may be running under this process's name. Only the worker changes it, and the worker has ended
    /// when `stop` reads it.
    holding: AtomicBool,
    /// Why a job had to be put back.
    reason: OnceLock<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("a job is not put back{reason}; it continues when its lease expires")]
pub struct NotPutBack {
    reason: String,
    source: sqlx::Error,
}

/// A job, with the results of its steps so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: i64,
    pub goal: String,
    pub progress: Progress,
    pub attempts: i64,
}

/// The results of the steps of a job. A completed step is not repeated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passages: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// The state of a job, as clients see it.
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
            reason: OnceLock::new(),
        }
    }

    /// Puts back the job that an aborted worker still held. The attempt does not count.
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
                let reason = self.reason.get().map(|why| format!(" ({why})"));
                let reason = reason.unwrap_or_default();
                Err(NotPutBack { reason, source })
            }
        }
    }
}

impl Jobs {
    /// Adds a job to the queue.
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

    /// Completes when a job has been submitted here since the last call, at once if that was before. Cancel safe.
    pub async fn submitted(&self) {
        self.submitted.notified().await;
    }

    /// Takes the oldest queued job, and marks it as running under this process's name. Not cancel safe: a cancelled
    /// call may have taken a job.
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

    /// Extends the lease of a running job by [`LEASE`]. Returns whether the job was still held.
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

    /// Stores the progress of a job. Returns whether the job was still held, like all methods below.
    pub async fn store_progress(&self, job: &Job) -> Result<bool, sqlx::Error> {
        self.set(job, "running", 0, None).await
    }

    pub async fn done(&self, job: &Job) -> Result<bool, sqlx::Error> {
        self.set(job, "done", 0, job.progress.summary.as_deref())
            .await
    }

    /// Queues a job again that shutdown interrupted. The attempt does not count.
    pub async fn put_back(&self, job: &Job, why: &str) -> Result<bool, sqlx::Error> {
        let _ = self.reason.set(why.into());
        let put_back = self.set(job, "queued", -1, None);
        self.db.within(LAST_WORD, put_back).await
    }

    /// Queues a failed job for another attempt, unless it was the last one.
    pub async fn failed(&self, job: &Job, error: &Error) -> Result<bool, sqlx::Error> {
        let state = if job.is_last_attempt() {
            "failed"
        } else {
            "queued"
        };
        self.set(job, state, 0, Some(&error.full())).await
    }

    /// Queues jobs again that are marked as running but that no process works on. Returns how many there were. Must not
    /// be called while this process works on a job, which would be queued again, too.
    pub async fn take_back(&self) -> Result<u64, sqlx::Error> {
        let statement = format!(
            "UPDATE jobs SET state = CASE WHEN attempts < $1 THEN 'queued' ELSE 'failed' END, changed = $2,
                result = CASE WHEN attempts < $1 THEN result
                    ELSE 'the process died in each attempt' END
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

/// Unreadable progress, of another version, counts as none: the job starts from the beginning.
fn parse(progress: &str) -> Progress {
    serde_json::from_str(progress).unwrap_or_default()
}

#[cfg(test)]
pub mod tests;

//! `work_jobs`: works through the queue, a job at a time and a step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lifecycle::{Shutdown, background};

use crate::error::Error;
use crate::grace::finish;
use crate::jobs::{Job, Jobs};
use crate::library::Library;
use crate::model::{LanguageModel, Prompt};

/// The time that is kept for putting a job back.
const MARGIN: Duration = Duration::from_secs(2);

/// Takes the next job until told to stop. The one under way is finished if the time allows, else put back with what its
/// steps have found.
///
/// A database that fails for an hour does not take the app down: the delay between restarts grows to half a minute, so
/// that `max_restarts` is never reached by restarts that are spaced so.
#[background(timeout = "10s", restart = "on_failure", max_restarts = 20)]
pub async fn work_jobs(
    jobs: &Jobs,
    library: &Library,
    model: Arc<dyn LanguageModel>,
    shutdown: Shutdown,
) -> Result<(), Error> {
    let left_over = jobs.put_back_running().await?;
    if left_over > 0 {
        tracing::info!(
            jobs = left_over,
            "jobs that an earlier process left running are queued again"
        );
    }
    while !shutdown.is_requested() {
        // Not raced against the shutdown: a job that has been taken must not be forgotten.
        let Some(mut job) = jobs.take().await? else {
            shutdown.run(jobs.submitted()).await;
            continue;
        };
        tracing::info!(job = job.id, attempt = job.attempts, "job begun");
        match work(jobs, library, &*model, &shutdown, &mut job).await {
            Ok(true) => {
                jobs.done(&job).await?;
                tracing::info!(job = job.id, "job done");
            }
            Ok(false) => {
                jobs.put_back(&job).await?;
                tracing::info!(job = job.id, "job put back: the time to stop has come");
            }
            Err(error) => {
                tracing::warn!(job = job.id, %error, "job failed");
                if jobs.failed(&job, &error).await? {
                    let _ = shutdown.sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
    Ok(())
}

/// Whether the job was finished; if not, there was no time.
async fn work(
    jobs: &Jobs,
    library: &Library,
    model: &dyn LanguageModel,
    shutdown: &Shutdown,
    job: &mut Job,
) -> Result<bool, Error> {
    let mut longest = Duration::ZERO;
    while job.progress.summary.is_none() {
        // A step that takes as long as the longest so far would not end in time.
        let left = shutdown.remaining().filter(|_| shutdown.is_requested());
        if left.is_some_and(|left| left < longest + MARGIN) {
            return Ok(false);
        }
        let begun = Instant::now();
        if finish(shutdown, MARGIN, step(library, model, job))
            .await
            .transpose()?
            .is_none()
        {
            return Ok(false);
        }
        longest = longest.max(begun.elapsed());
        jobs.store_progress(job).await?;
    }
    Ok(true)
}

/// The next step of the job; what it finds goes into its progress, at once and as a whole.
async fn step(library: &Library, model: &dyn LanguageModel, job: &mut Job) -> Result<(), Error> {
    let goal = &job.goal;
    let progress = &mut job.progress;
    match (&progress.passages, &progress.draft) {
        (None, _) => progress.passages = Some(library.search(goal, 6).await?),
        (Some(passages), None) => {
            let question = format!("Write down what is needed for this goal: {goal}");
            let passages = passages.clone();
            let prompt = Prompt {
                question,
                passages,
                max_tokens: 160,
                ..Prompt::default()
            };
            progress.draft = Some(model.text(prompt).await?);
        }
        (Some(_), Some(draft)) => {
            let question = format!("Summarise these passages in view of this goal: {goal}");
            let passages = vec![draft.clone()];
            let prompt = Prompt {
                question,
                passages,
                max_tokens: 60,
                ..Prompt::default()
            };
            progress.summary = Some(model.text(prompt).await?);
        }
    }
    Ok(())
}

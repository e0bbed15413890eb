//! `work_jobs`: processes the queue, one job at a time and one step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lifecycle::{Shutdown, background};

use crate::error::Error;
use crate::grace::finish;
use crate::jobs::{Job, Jobs, LEASE};
use crate::library::Library;
use crate::model::{LanguageModel, Prompt};
use crate::store::{is_away, is_full};

/// The time that is reserved for putting a job back.
const MARGIN: Duration = Duration::from_secs(2);
/// How often an idle worker polls for jobs that were submitted through other agents, or whose lease has expired:
/// neither wakes this process. A job that is submitted here starts at once.
const LOOK: Duration = Duration::from_secs(1);

/// Processes jobs until a stop is requested. The current job is finished if the time allows, otherwise it is put back
/// with the results of its completed steps.
///
/// A database that is down for an hour does not stop the app: the delay between restarts grows to half a minute, and
/// restarts that far apart do not reach `max_restarts`.
#[background(timeout = "10s", restart = "on_failure", max_restarts = 20)]
pub async fn work_jobs(
    jobs: &Jobs,
    library: &Library,
    model: Arc<dyn LanguageModel>,
    shutdown: Shutdown,
) -> Result<(), Error> {
    match work_through(jobs, library, &*model, &shutdown).await {
        // Not a failure of the worker: the `stop` of `Jobs` tries once more to put the job back.
        Err(Error::Database(error))
            if shutdown.is_requested() && (is_away(&error) || is_full(&error)) =>
        {
            tracing::warn!(%error, "the database cannot be written to while the worker stops");
            Ok(())
        }
        worked => worked,
    }
}

async fn work_through(
    jobs: &Jobs,
    library: &Library,
    model: &dyn LanguageModel,
    shutdown: &Shutdown,
) -> Result<(), Error> {
    while !shutdown.is_requested() {
        let requeued = jobs.take_back().await?;
        if requeued > 0 {
            tracing::info!(jobs = requeued, "abandoned jobs are queued again");
        }
        // Not cancelled by the shutdown: a job that has been taken must not be forgotten.
        let Some(mut job) = jobs.take().await? else {
            let submitted = tokio::time::timeout(LOOK, jobs.submitted());
            let _ = shutdown.run(submitted).await;
            continue;
        };
        tracing::info!(job = job.id, attempt = job.attempts, "job started");
        match work(jobs, library, model, shutdown, &mut job).await {
            Err(error) if !job.is_last_attempt() => {
                put_away(jobs, &job, Err(error)).await?;
                let _ = shutdown.sleep(Duration::from_secs(1)).await;
            }
            worked => put_away(jobs, &job, worked).await?,
        }
    }
    Ok(())
}

/// How the work on a job ended.
enum Worked {
    Done,
    /// The remaining time is too short to finish the job, for this reason.
    OutOfTime(String),
    /// Another agent has the job now.
    Lost,
}

/// Stores the outcome of the work on the job.
async fn put_away(jobs: &Jobs, job: &Job, worked: Result<Worked, Error>) -> Result<(), Error> {
    let held = match &worked {
        Ok(Worked::Done) => jobs.done(job).await?,
        Ok(Worked::OutOfTime(why)) => jobs.put_back(job, why).await?,
        Ok(Worked::Lost) => false,
        Err(error) => jobs.failed(job, error).await?,
    };
    match worked {
        _ if !held => tracing::warn!(job = job.id, "job lost: its lease had expired"),
        Ok(Worked::Done) => tracing::info!(job = job.id, "job done"),
        Ok(Worked::OutOfTime(why)) => {
            tracing::info!(
                job = job.id,
                why,
                "job put back: no time to finish it before shutdown"
            );
        }
        Ok(Worked::Lost) => {}
        Err(error) => tracing::warn!(job = job.id, error = error.full(), "job failed"),
    }
    Ok(())
}

async fn work(
    jobs: &Jobs,
    library: &Library,
    model: &dyn LanguageModel,
    shutdown: &Shutdown,
    job: &mut Job,
) -> Result<Worked, Error> {
    let mut longest = Duration::ZERO;
    while job.progress.summary.is_none() {
        // Starts no step that would exceed the remaining time if it took as long as the longest one so far.
        let remaining = shutdown.remaining().filter(|_| shutdown.is_requested());
        if remaining.is_some_and(|remaining| remaining < longest + MARGIN) {
            let why = "another step would exceed the remaining time";
            return Ok(Worked::OutOfTime(why.into()));
        }
        let begun = Instant::now();
        let id = job.id;
        let step = holding(|| jobs.renew(id), step(library, model, shutdown, job));
        match finish(shutdown, MARGIN, step).await {
            None => {
                let (asked, waited) = (asked(job, model), begun.elapsed());
                return Ok(Worked::OutOfTime(format!(
                    "it had waited {waited:.1?} for {asked}"
                )));
            }
            Some(None) => return Ok(Worked::Lost),
            Some(Some(step)) => step?,
        }
        longest = longest.max(begun.elapsed());
        if !jobs.store_progress(job).await? {
            return Ok(Worked::Lost);
        }
    }
    Ok(Worked::Done)
}

/// Runs the future while renewing the lease of the job. Returns `None`, and cancels the future, if another agent has
/// the job now.
async fn holding<T, R>(renew: impl Fn() -> R, future: impl Future<Output = T>) -> Option<T>
where
    R: Future<Output = Result<bool, sqlx::Error>>,
{
    let lost = async {
        loop {
            tokio::time::sleep(LEASE / 3).await;
            match renew().await {
                Ok(true) => {}
                Ok(false) => return,
                // The lease has not expired yet; the next renewal may succeed.
                Err(error) => tracing::warn!(%error, "the lease of a job could not be renewed"),
            }
        }
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = lost => None,
    }
}

/// Returns what the next step of the job sends requests to.
fn asked(job: &Job, model: &dyn LanguageModel) -> String {
    match job.progress.passages {
        None => "the documents".into(),
        Some(_) => model.describe(),
    }
}

/// Runs the next step of the job. Its result is added to the progress at once and as a whole.
async fn step(
    library: &Library,
    model: &dyn LanguageModel,
    shutdown: &Shutdown,
    job: &mut Job,
) -> Result<(), Error> {
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
            progress.draft = Some(model.text(prompt, shutdown).await?);
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
            progress.summary = Some(model.text(prompt, shutdown).await?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use lifecycle::{Lifecycle, Running};

    use super::*;
    use crate::config::tests::in_folder;
    use crate::jobs::Status;

    async fn start(folder: &tempfile::TempDir) -> Running {
        let builder = Lifecycle::builder()
            .background_worker::<work_jobs>()
            .provide(in_folder(folder.path()));
        builder.start().await.unwrap()
    }

    async fn until(running: &Running, id: i64, met: impl Fn(&Status) -> bool) -> Status {
        let jobs = running.get::<Jobs>().unwrap();
        loop {
            let status = jobs.status(id).await.unwrap();
            if met(&status) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_job_runs_step_by_step_and_is_finished_when_a_stop_is_requested() {
        let folder = tempfile::tempdir().unwrap();
        let running = start(&folder).await;
        let jobs = running.get::<Jobs>().unwrap();
        let (first, second) = (
            jobs.submit("one").await.unwrap().id,
            jobs.submit("two").await.unwrap().id,
        );
        until(&running, first, |status| status.progress.passages.is_some()).await;
        drop(jobs);
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");

        // The next run has the result of the first job, and processes the second one, which had not been started.
        let running = start(&folder).await;
        let first = until(&running, first, |_| true).await;
        assert_eq!((&*first.state, first.attempts), ("done", 1));
        assert!(first.result.is_some_and(|result| !result.is_empty()));
        let second = until(&running, second, |status| status.state == "done").await;
        assert_eq!(second.attempts, 1);
        let report = running.stop().await;
        assert!(report.is_clean(), "{report}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_renewed_well_before_it_expires_and_after_a_failure() {
        let begun = tokio::time::Instant::now();
        let renewed = RefCell::new(Vec::new());
        let renew = || async {
            renewed.borrow_mut().push(begun.elapsed());
            // One renewal fails.
            let away = renewed.borrow().len() == 2;
            if away {
                Err(sqlx::Error::PoolTimedOut)
            } else {
                Ok(true)
            }
        };
        let work = tokio::time::sleep(LEASE * 2);
        assert_eq!(holding(renew, work).await, Some(()));
        assert_eq!(
            *renewed.borrow(),
            [1, 2, 3, 4, 5].map(|times| times * LEASE / 3)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_work_on_a_job_that_another_agent_has_is_cancelled() {
        let renew = async || Ok(false);
        assert_eq!(holding(renew, std::future::pending::<()>()).await, None);
    }
}

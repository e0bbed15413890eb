//! `work_jobs`: works through the queue, a job at a time and a step at a time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lifecycle::{Shutdown, background};

use crate::error::Error;
use crate::grace::finish;
use crate::jobs::{Job, Jobs, LEASE};
use crate::library::Library;
use crate::model::{LanguageModel, Prompt};
use crate::store::{is_away, is_full};

/// The time that is kept for putting a job back.
const MARGIN: Duration = Duration::from_secs(2);
/// How often an idle worker looks for jobs that were queued elsewhere, or whose lease has ended: neither is an event that
/// reaches this process. What is submitted here is begun at once.
const LOOK: Duration = Duration::from_secs(1);

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
    match work_through(jobs, library, &*model, &shutdown).await {
        // Nothing here has failed: the queue's own stop tries once more to put back what is held.
        Err(Error::Database(error))
            if shutdown.is_requested() && (is_away(&error) || is_full(&error)) =>
        {
            tracing::warn!(%error, "the database takes nothing while the work on jobs is to stop");
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
        let left_over = jobs.take_back().await?;
        if left_over > 0 {
            tracing::info!(
                jobs = left_over,
                "jobs that nobody works on any more are queued again"
            );
        }
        // Not raced against the shutdown: a job that has been taken must not be forgotten.
        let Some(mut job) = jobs.take().await? else {
            let submitted = tokio::time::timeout(LOOK, jobs.submitted());
            let _ = shutdown.run(submitted).await;
            continue;
        };
        tracing::info!(job = job.id, attempt = job.attempts, "job begun");
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
    /// There was no time to finish it, for this reason.
    Cut(String),
    /// Another agent has it now.
    Lost,
}

/// Writes down what became of the job.
async fn put_away(jobs: &Jobs, job: &Job, worked: Result<Worked, Error>) -> Result<(), Error> {
    let held = match &worked {
        Ok(Worked::Done) => jobs.done(job).await?,
        Ok(Worked::Cut(why)) => jobs.put_back(job, why).await?,
        Ok(Worked::Lost) => false,
        Err(error) => jobs.failed(job, error).await?,
    };
    match worked {
        _ if !held => tracing::warn!(job = job.id, "job lost: its lease had ended"),
        Ok(Worked::Done) => tracing::info!(job = job.id, "job done"),
        Ok(Worked::Cut(why)) => {
            tracing::info!(job = job.id, why, "job put back: the time to stop has come");
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
        // A step that takes as long as the longest so far would not end in time.
        let left = shutdown.remaining().filter(|_| shutdown.is_requested());
        if left.is_some_and(|left| left < longest + MARGIN) {
            let why = "another step would not end in time";
            return Ok(Worked::Cut(why.into()));
        }
        let begun = Instant::now();
        let id = job.id;
        let step = holding(|| jobs.renew(id), step(library, model, shutdown, job));
        match finish(shutdown, MARGIN, step).await {
            None => {
                let (asked, waited) = (asked(job, model), begun.elapsed());
                return Ok(Worked::Cut(format!(
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

/// The future's output, or `None` when another agent has the job now: that is prevented by renewing the lease meanwhile.
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
                // The lease has not ended yet.
                Err(error) => tracing::warn!(%error, "the lease of a job is not renewed"),
            }
        }
    };
    tokio::select! {
        biased;
        output = future => Some(output),
        () = lost => None,
    }
}

/// Who is asked in the next step of the job.
fn asked(job: &Job, model: &dyn LanguageModel) -> String {
    match job.progress.passages {
        None => "the documents".into(),
        Some(_) => model.describe(),
    }
}

/// The next step of the job; what it finds goes into its progress, at once and as a whole.
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
    async fn a_job_is_worked_step_by_step_and_finished_when_told_to_stop() {
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

        // The next life has the result of the first, and works on the second, which was never begun.
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
    async fn a_lease_is_renewed_well_before_it_ends_and_through_a_failure() {
        let begun = tokio::time::Instant::now();
        let renewed = RefCell::new(Vec::new());
        let renew = || async {
            renewed.borrow_mut().push(begun.elapsed());
            // The database is away for once.
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
    async fn the_work_on_a_job_that_another_has_is_broken_off() {
        let renew = async || Ok(false);
        assert_eq!(holding(renew, std::future::pending::<()>()).await, None);
    }
}

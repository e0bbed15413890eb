use std::collections::BTreeMap;

use lifecycle_tests::harness::folder;
use tokio::task::JoinSet;

use super::*;
use crate::config::Config;
use crate::config::tests::in_folder;
use crate::database::tests::{close, on_postgres, scratch};

async fn jobs() -> (tempfile::TempDir, Jobs) {
    let (folder, db) = scratch().await;
    (folder, Jobs::start(db).await)
}

#[tokio::test]
async fn jobs_are_taken_once_and_in_order() {
    let (_folder, jobs) = jobs().await;
    let (first, second) = (
        jobs.submit("one").await.unwrap(),
        jobs.submit("two").await.unwrap(),
    );
    jobs.submitted().await;
    let taken = jobs.take().await.unwrap().unwrap();
    assert_eq!(
        (taken.id, &*taken.goal, taken.attempts),
        (first.id, "one", 1)
    );
    assert_eq!(jobs.take().await.unwrap().unwrap().id, second.id);
    assert_eq!(jobs.take().await.unwrap(), None);
    assert!(matches!(jobs.submit(" ").await, Err(Error::Invalid(_))));
    assert!(matches!(jobs.status(99).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_job_that_was_put_back_continues_where_it_stopped() {
    let (_folder, jobs) = jobs().await;
    put_back(&jobs).await;
}

/// Runs the tests of this file on any database.
pub async fn use_all(db: &Arc<Database>) {
    let jobs = Jobs::start(Arc::clone(db)).await;
    put_back(&jobs).await;
    fail(&jobs).await;
}

async fn put_back(jobs: &Jobs) {
    let id = jobs.submit("goal").await.unwrap().id;
    let mut job = jobs.take().await.unwrap().unwrap();
    job.progress.passages = Some(vec!["found".into()]);
    jobs.put_back(&job, "no time").await.unwrap();
    assert_eq!(jobs.status(id).await.unwrap().state, "queued");

    let mut again = jobs.take().await.unwrap().unwrap();
    assert_eq!((again.attempts, &again.progress), (1, &job.progress));
    again.progress.summary = Some("short".into());
    jobs.done(&again).await.unwrap();
    let status = jobs.status(id).await.unwrap();
    assert_eq!(
        (&*status.state, status.result.as_deref()),
        ("done", Some("short"))
    );
}

#[tokio::test]
async fn the_stop_puts_back_only_the_job_of_an_aborted_worker() {
    let (_folder, jobs) = jobs().await;
    let (done, held) = (
        jobs.submit("done").await.unwrap().id,
        jobs.submit("held").await.unwrap().id,
    );
    let first = jobs.take().await.unwrap().unwrap();
    jobs.done(&first).await.unwrap();
    jobs.take().await.unwrap().unwrap();
    jobs.stop().await.unwrap();
    let (held, done) = (
        jobs.status(held).await.unwrap(),
        jobs.status(done).await.unwrap(),
    );
    assert_eq!((&*held.state, held.attempts), ("queued", 0));
    assert_eq!((&*done.state, done.attempts), ("done", 1));
}

#[tokio::test]
async fn a_stop_with_nothing_to_put_back_does_not_need_the_database() {
    let (_folder, jobs) = jobs().await;
    jobs.submit("one").await.unwrap();
    jobs.take().await.unwrap().unwrap();
    close(&jobs.db).await;
    assert!(jobs.stop().await.is_err());

    let (_folder, jobs) = self::jobs().await;
    jobs.submit("one").await.unwrap();
    assert!(
        jobs.done(&jobs.take().await.unwrap().unwrap())
            .await
            .unwrap()
    );
    assert_eq!(jobs.take().await.unwrap(), None);
    close(&jobs.db).await;
    jobs.stop().await.unwrap();
}

#[tokio::test]
async fn a_job_that_crashes_the_process_fails_after_some_attempts() {
    let (_folder, jobs) = jobs().await;
    let id = jobs.submit("poison").await.unwrap().id;
    for _ in 0..MOST_ATTEMPTS {
        jobs.take().await.unwrap().unwrap();
        assert_eq!(jobs.take_back().await.unwrap(), 1);
    }
    let status = jobs.status(id).await.unwrap();
    assert_eq!(status.state, "failed");
    assert!(status.result.unwrap().contains("died"));
}

#[tokio::test]
async fn a_failing_job_is_repeated_and_then_has_the_error_as_its_result() {
    let (_folder, jobs) = jobs().await;
    fail(&jobs).await;
}

async fn fail(jobs: &Jobs) {
    let id = jobs.submit("hard").await.unwrap().id;
    for attempt in 1..=MOST_ATTEMPTS {
        let job = jobs.take().await.unwrap().unwrap();
        let error = Error::Invalid("too hard".into());
        assert!(jobs.failed(&job, &error).await.unwrap());
        assert_eq!(job.is_last_attempt(), attempt == MOST_ATTEMPTS);
    }
    let status = jobs.status(id).await.unwrap();
    assert_eq!(
        (&*status.state, status.result.as_deref()),
        ("failed", Some("too hard"))
    );
}

/// Lets several agents, each in a folder of its own or all in one, process a queue together.
async fn share(configs: Vec<Config>) {
    const JOBS: i64 = 60;
    let mut agents = Vec::new();
    for config in configs {
        let db = Arc::new(Database::open(&config).await.unwrap());
        agents.push(Arc::new(Jobs::start(db).await));
    }
    for number in 0..JOBS {
        let agent = &agents[number as usize % agents.len()];
        agent.submit(&number.to_string()).await.unwrap();
    }
    let mut working = JoinSet::new();
    for agent in &agents {
        let agent = Arc::clone(agent);
        working.spawn(async move {
            let mut done = Vec::new();
            loop {
                let requeued = agent.take_back().await.unwrap();
                assert_eq!(requeued, 0, "an agent works on it");
                let Some(job) = agent.take().await.unwrap() else {
                    return done;
                };
                assert!(agent.renew(job.id).await.unwrap());
                assert!(agent.done(&job).await.unwrap());
                done.push((job.id, job.attempts));
            }
        });
    }
    let mut times = BTreeMap::new();
    for (id, attempts) in working.join_all().await.into_iter().flatten() {
        assert_eq!(attempts, 1);
        *times.entry(id).or_insert(0) += 1;
    }
    assert_eq!(times.len() as i64, JOBS);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
}

/// The first agent does not renew its lease in time; the second one takes over its job.
async fn take_over(first: Config, second: Config) {
    let db = Arc::new(Database::open(&first).await.unwrap());
    let lost = Jobs::start(Arc::clone(&db)).await;
    let other = Arc::new(Database::open(&second).await.unwrap());
    let other = Jobs::start(other).await;

    let id = lost.submit("goal").await.unwrap().id;
    let mut job = lost.take().await.unwrap().unwrap();
    job.progress.draft = Some("begun".into());
    assert!(lost.store_progress(&job).await.unwrap());
    assert_eq!(
        other.take_back().await.unwrap(),
        0,
        "its lease has not expired"
    );
    assert_eq!(other.take().await.unwrap(), None);

    let time_passes = async || {
        sqlx::query("UPDATE jobs SET lease = lease - $1")
            .bind(millis(LEASE * 2 / 3))
            .execute(&mut **db.connection().await.unwrap())
            .await
            .unwrap();
    };
    time_passes().await;
    assert!(lost.renew(id).await.unwrap());
    time_passes().await;
    assert_eq!(other.take_back().await.unwrap(), 0, "it was renewed");
    time_passes().await;
    assert_eq!(other.take_back().await.unwrap(), 1);
    let taken = other.take().await.unwrap().unwrap();
    assert_eq!((taken.id, taken.attempts), (id, 2));
    assert_eq!(taken.progress, job.progress);

    // The first agent returns, and changes nothing.
    assert!(!lost.renew(id).await.unwrap());
    assert!(
        !lost
            .store_progress(&Job {
                progress: Progress::default(),
                ..job.clone()
            })
            .await
            .unwrap()
    );
    assert!(!lost.done(&job).await.unwrap());
    assert!(!lost.put_back(&job, "no time").await.unwrap());
    lost.stop().await.unwrap();
    let status = other.status(id).await.unwrap();
    assert_eq!((&*status.state, status.attempts), ("running", 2));
    assert_eq!(status.progress, taken.progress);
    assert!(other.done(&taken).await.unwrap());
}

#[tokio::test]
async fn agents_on_one_file_do_each_job_once() {
    let folder = folder();
    share((0..3).map(|_| in_folder(folder.path())).collect()).await;
}

#[tokio::test]
async fn a_job_with_an_expired_lease_is_taken_over_and_the_late_agent_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    take_over(in_folder(folder.path()), in_folder(folder.path())).await;
}

#[tokio::test]
async fn the_next_run_in_a_folder_does_not_wait_for_the_lease() {
    let folder = tempfile::tempdir().unwrap();
    let begin = async || {
        let db = Database::open(&in_folder(folder.path())).await.unwrap();
        Jobs::start(Arc::new(db)).await
    };
    let jobs = begin().await;
    let id = jobs.submit("goal").await.unwrap().id;
    jobs.take().await.unwrap().unwrap();
    // The same state as after a `kill -9`.
    drop(jobs);
    let again = begin().await;
    assert_eq!(again.take_back().await.unwrap(), 1);
    assert_eq!(again.take().await.unwrap().unwrap().id, id);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
async fn agents_on_one_postgres_do_each_job_once() {
    let (_folders, _server, configs) = on_postgres(4);
    share(configs).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
async fn on_postgres_a_job_with_an_expired_lease_is_taken_over() {
    let (_folders, _server, mut configs) = on_postgres(2);
    take_over(configs.remove(0), configs.remove(0)).await;
}

//! The jobs and answers as they are in the database.

use std::fmt;

use lifecycle_tests::postgres::Postgres;
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::LIMIT;

pub(crate) struct Rows {
    connection: PgConnection,
    /// A notification for each completed job.
    done: PgListener,
}

/// The jobs at the end of a test.
#[derive(Debug)]
pub(crate) struct Jobs {
    all: usize,
    /// The numbers of the jobs, once for each time that a job was completed.
    done: Vec<i64>,
    /// Attempts beyond the first one of each job.
    pub(crate) begun_again: usize,
}

/// The number of answers in each state.
#[derive(Debug)]
pub(crate) struct Answers(Vec<(String, i64)>);

impl Rows {
    /// Adds a trigger, by which the database records each time that a job is completed.
    pub(crate) async fn of(server: &Postgres) -> Self {
        let statements = "
            CREATE TABLE done (job BIGINT);
            CREATE FUNCTION note_done() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO done VALUES (NEW.id);
                PERFORM pg_notify('done', '');
                RETURN NULL;
            END $$;
            CREATE TRIGGER note_done AFTER UPDATE ON jobs FOR EACH ROW
                WHEN (NEW.state = 'done') EXECUTE FUNCTION note_done();";
        let url = server.url("postgres");
        let mut connection = PgConnection::connect(&url).await.expect("it is up");
        let noting = sqlx::raw_sql(statements).execute(&mut connection).await;
        noting.expect("it notes them");
        let mut done = PgListener::connect(&url).await.expect("it is up");
        done.listen("done").await.expect("it tells");
        Self { connection, done }
    }

    /// Waits until the condition holds for no job.
    async fn until_none(&mut self, condition: &str) {
        let statement = format!("SELECT count(*) FROM jobs WHERE {condition}");
        while self.number(&statement).await > 0 {
            let asked = timeout(LIMIT, self.done.recv()).await;
            asked.expect("a job is done").expect("it tells");
        }
    }

    /// The agents give up a job when its process died during three attempts. A kill by this test must not be the third
    /// one.
    pub(crate) async fn until_none_is_in_danger(&mut self) {
        self.until_none("state IN ('queued', 'running') AND attempts > 1")
            .await;
    }

    pub(crate) async fn until_all_are_done(&mut self) -> Jobs {
        self.until_none("state IN ('queued', 'running')").await;
        let all = self.number("SELECT count(*) FROM jobs").await;
        let again = "SELECT coalesce(sum(attempts - 1), 0)::bigint FROM jobs";
        let begun_again = self.number(again).await;
        let done: Vec<(i64,)> = sqlx::query_as("SELECT job FROM done ORDER BY job")
            .fetch_all(&mut self.connection)
            .await
            .expect("what is done");
        Jobs {
            all,
            done: done.into_iter().map(|(job,)| job).collect(),
            begun_again,
        }
    }

    pub(crate) async fn answers(&mut self) -> Answers {
        let statement = "SELECT state, count(*) FROM answers GROUP BY state ORDER BY state";
        let rows = sqlx::query_as(statement).fetch_all(&mut self.connection);
        Answers(rows.await.expect("the states"))
    }

    async fn number(&mut self, statement: &str) -> usize {
        let number = sqlx::query_as(statement).fetch_one(&mut self.connection);
        let (number,): (i64,) = number.await.expect("a number");
        usize::try_from(number).expect("a count")
    }
}

impl Jobs {
    /// Asserts that each job was completed exactly once, and that every accepted job is among them.
    #[track_caller]
    pub(crate) fn expect_each_once(&self, taken: &[i64]) {
        let mut once = self.done.clone();
        once.dedup();
        assert_eq!(once, self.done, "some were done twice");
        assert_eq!(self.done.len(), self.all, "some were not done: {self:?}");
        assert!(!taken.is_empty(), "none was taken");
        for job in taken {
            assert!(
                once.binary_search(job).is_ok(),
                "job {job} is lost: {self:?}"
            );
        }
    }
}

impl fmt::Display for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, done, again) = (self.all, self.done.len(), self.begun_again);
        write!(
            f,
            "{all} jobs, {done} times one became done; {again} were begun again"
        )
    }
}

impl Answers {
    pub(crate) fn in_state(&self, wanted: &str) -> i64 {
        let rows = self.0.iter().filter(|(state, _)| state == wanted);
        rows.map(|(_, count)| count).sum()
    }

    pub(crate) fn all(&self) -> i64 {
        self.0.iter().map(|(_, count)| count).sum()
    }
}

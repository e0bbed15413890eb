//! What became of jobs and answers, as the database has it.

use std::fmt;

use lifecycle_tests::postgres::Postgres;
use sqlx::postgres::PgListener;
use sqlx::{Connection, PgConnection};
use tokio::time::timeout;

use super::LIMIT;

pub(crate) struct Rows {
    connection: PgConnection,
    /// Told of each job that is done.
    done: PgListener,
}

/// What became of the jobs.
#[derive(Debug)]
pub(crate) struct Jobs {
    all: usize,
    /// Their numbers, as often as each became done.
    done: Vec<i64>,
    /// Attempts beyond the first of each.
    pub(crate) begun_again: usize,
}

/// How many answers there are in each state.
#[derive(Debug)]
pub(crate) struct Answers(Vec<(String, i64)>);

impl Rows {
    /// From now on the database itself notes each time that a job becomes done.
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

    /// Waits until no job is as the condition says.
    async fn until_none(&mut self, condition: &str) {
        let statement = format!("SELECT count(*) FROM jobs WHERE {condition}");
        while self.number(&statement).await > 0 {
            let told = timeout(LIMIT, self.done.recv()).await;
            told.expect("a job is done").expect("it tells");
        }
    }

    /// A job whose process dies each time is given up after the third attempt. What is killed here is not its fault.
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
    /// Each job that there is was done once, and those that were taken are among them.
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

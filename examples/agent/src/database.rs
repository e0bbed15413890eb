//! [`Database`]: one SQLite file behind a pool; migrated at start, closed last.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use lifecycle::{Lease, Leases, resource};
use sqlx::error::BoxDynError;
use sqlx::migrate::{MigrateError, Migration, MigrationSource, MigrationType, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool};

use crate::config::Config;

pub struct Database {
    pool: SqlitePool,
    leases: Leases,
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("cannot open the database {} (in the folder of AGENT_DATA)", path.display())]
    Open { path: PathBuf, source: sqlx::Error },
    #[error("cannot bring the tables of {} up to date", path.display())]
    Migrate { path: PathBuf, source: MigrateError },
}

#[resource(order = 1, timeout = "5s", readiness)]
impl Database {
    async fn start(config: &Config) -> Result<Self, DatabaseError> {
        Self::open(&config.data.join("agent.db")).await
    }

    /// Waits until every connection is back. The write-ahead log is folded into the file before the pool closes: a
    /// connection that came back only just now is closed by sqlx on a thread that `close` does not wait for.
    async fn stop(&self) -> Result<(), sqlx::Error> {
        self.leases.returned().await;
        let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
            .execute(&self.pool)
            .await;
        self.pool.close().await;
        folded.map(drop)
    }

    async fn health(&self) -> Result<(), sqlx::Error> {
        let mut connection = self.connection().await?;
        let answer = sqlx::query("SELECT 1").execute(&mut **connection).await;
        answer.map(drop)
    }

    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

impl Database {
    /// A connection, until it is dropped. Should that never come, the report names the place of this call.
    #[track_caller]
    pub fn connection(
        &self,
    ) -> impl Future<Output = Result<Lease<PoolConnection<Sqlite>>, sqlx::Error>> + Send + use<>
    {
        let (pool, leases, place) = (self.pool.clone(), self.leases.clone(), Location::caller());
        async move { Ok(leases.lend_at(place, pool.acquire().await?)) }
    }

    pub async fn open(path: &Path) -> Result<Self, DatabaseError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A job that was accepted is there after a power cut, too.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new()
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(5))
            .connect_with(options)
            .await
            .map_err(|source| DatabaseError::Open {
                path: path.into(),
                source,
            })?;
        let migrate = async { Migrator::new(Embedded).await?.run(&pool).await };
        migrate.await.map_err(|source| DatabaseError::Migrate {
            path: path.into(),
            source,
        })?;
        let leases = Leases::new();
        Ok(Self { pool, leases })
    }
}

/// The migrations, compiled in. By hand, because sqlx's macro for it would compile SQLite once more for the compiler.
#[derive(Debug)]
struct Embedded;

const MIGRATIONS: [(&str, &str); 1] = [("first", include_str!("../migrations/0001_first.sql"))];

impl MigrationSource<'static> for Embedded {
    fn resolve(self) -> BoxFuture<'static, Result<Vec<Migration>, BoxDynError>> {
        let migration = |(version, (description, sql)): (i64, (&'static str, &'static str))| {
            Migration::new(
                version,
                description.into(),
                MigrationType::Simple,
                sql.into(),
                false,
            )
        };
        Box::pin(async move { Ok((1..).zip(MIGRATIONS).map(migration).collect()) })
    }
}

/// Milliseconds since 1970, as the tables hold them.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    since.as_millis().try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
pub mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use futures_util::FutureExt;
    use lifecycle::Lifecycle;

    use super::*;
    use crate::config::tests::in_folder;

    /// A database in a folder that goes away with the first half of the pair.
    pub async fn scratch() -> (tempfile::TempDir, Arc<Database>) {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&folder.path().join("agent.db"))
            .await
            .unwrap();
        (folder, Arc::new(db))
    }

    /// As its stop does.
    pub async fn close(db: &Database) {
        db.stop().await.unwrap();
    }

    #[tokio::test]
    async fn opening_twice_migrates_once_and_closing_leaves_all_in_one_file() {
        let (folder, db) = scratch().await;
        db.health().await.unwrap();
        db.stop().await.unwrap();
        let log = std::fs::metadata(folder.path().join("agent.db-wal"));
        assert!(
            log.map_or(true, |log| log.len() == 0),
            "something is left in the write-ahead log"
        );
        Database::open(&folder.path().join("agent.db"))
            .await
            .unwrap()
            .stop()
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_comes_back_late_is_waited_for() {
        let (_folder, db) = scratch().await;
        let connection = db.connection().await.unwrap();
        assert_eq!(db.in_use(), 1);
        let mut stop = pin!(db.stop());
        assert!((&mut stop).now_or_never().is_none());
        assert!(!db.pool.is_closed(), "it closes while a connection is out");
        drop(connection);
        stop.await.unwrap();
        assert!(db.in_use() == 0 && db.pool.is_closed());
    }

    #[tokio::test]
    async fn a_connection_that_never_comes_back_is_named_by_place_and_age() {
        let folder = tempfile::tempdir().unwrap();
        let builder = Lifecycle::builder()
            .provide(in_folder(folder.path()))
            .resource::<Database>();
        let running = builder.start().await.unwrap();
        let db = running.get::<Database>().unwrap();
        let (connection, line) = (db.connection(), line!());
        let connection = connection.await.unwrap();
        drop(db);
        let report = running.stop().await;
        assert_eq!(report.exit_code(), 3, "{report}");
        let [lease] = report.component("Database").unwrap().leases() else {
            panic!("one is out\n{report}")
        };
        assert_eq!(
            (lease.place().file(), lease.place().line()),
            (file!(), line)
        );
        // The whole time of the stop.
        assert!(lease.age() >= Duration::from_secs(5), "{report}");
        let note = format!("1 still in use, lent at {lease}");
        assert!(report.to_string().contains(&note), "{report}");
        drop(connection);
    }

    #[tokio::test]
    async fn a_folder_that_is_missing_is_named() {
        let error = Database::open(Path::new("/nowhere/agent.db"))
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("/nowhere/agent.db"), "{error}");
    }
}

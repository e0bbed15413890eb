//! [`Database`]: SQLite or PostgreSQL behind a connection pool; migrated at start, closed last.

use std::error::Error as StdError;
use std::io;
use std::panic::Location;
use std::time::{Duration, SystemTime};

use lifecycle::{ConfigError, Lease, Leases, resource};
use sqlx::any::{AnyArguments, AnyPoolOptions, AnyRow};
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::query::QueryAs;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Executor, FromRow};

use crate::config::Config;
use crate::error::full;
use crate::identity::Identity;
use crate::store::Store;

/// The time limit of one attempt to connect. If packets are dropped silently, the system would wait for minutes.
const CONNECT: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 8;
/// Shorter than the framework's timeout of `health`, so that the error names the database.
const HEALTH: Duration = Duration::from_millis(1500);

pub struct Database {
    pool: AnyPool,
    store: Store,
    identity: Identity,
    leases: Leases,
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("cannot read or write `agent.id` in the folder AGENT_DATA")]
    Identity(#[source] io::Error),
    #[error("cannot open the database ({store}; set by AGENT_DATA and DATABASE_URL)")]
    Open { store: Store, source: sqlx::Error },
    #[error("cannot migrate the database ({store})")]
    Migrate { store: Store, source: sqlx::Error },
}

/// The connection pool. `start` waits for a server that is not up yet, as long as the startup may take, and logs each
/// attempt; the pause between attempts doubles from half a second to half a minute.
#[resource(order = 1, timeout = "5s", readiness, retries = 20, backoff = "500ms")]
impl Database {
    async fn start(config: &Config) -> Result<Self, Box<dyn StdError + Send + Sync>> {
        Self::open(config).await.map_err(|error| {
            if error.may_pass() {
                error.into()
            } else {
                ConfigError::new(full(&error)).into()
            }
        })
    }

    /// Waits until every connection is returned. SQLite's write-ahead log is merged into the file before the pool
    /// closes: sqlx closes a connection that was returned only just now on a thread that `close` does not wait for.
    async fn stop(&self) -> Result<(), sqlx::Error> {
        self.leases.returned().await;
        let folded = match self.store {
            Store::Sqlite(_) => self.pool.execute("PRAGMA wal_checkpoint(TRUNCATE)").await,
            Store::Postgres(_) => Ok(Default::default()),
        };
        self.pool.close().await;
        folded.map(drop)
    }

    async fn health(&self) -> Result<(), sqlx::Error> {
        let answer = async {
            let mut connection = self.connection().await?;
            sqlx::query("SELECT 1").execute(&mut **connection).await
        };
        self.within(HEALTH, answer).await.map(drop)
    }

    fn in_use(&self) -> usize {
        self.leases.count()
    }
}

impl Database {
    /// Lends a connection until the guard is dropped. If it never is, the report names the caller of this function. If
    /// all connections are in use or the server is down, the future waits for 5 s: a restart of the server takes less.
    #[track_caller]
    pub fn connection(
        &self,
    ) -> impl Future<Output = Result<Lease<PoolConnection<Any>>, sqlx::Error>> + Send + use<> {
        let (pool, leases, place) = (self.pool.clone(), self.leases.clone(), Location::caller());
        let store = self.store.clone();
        async move {
            match pool.acquire().await {
                Ok(connection) => Ok(leases.lend_at(place, connection)),
                // The error of sqlx does not name the database.
                Err(sqlx::Error::PoolTimedOut) => Err(no_answer(&store, CONNECT, leases.count())),
                Err(error) => Err(error),
            }
        }
    }

    /// Returns the output of the future, or an error that names the database if it takes longer than `limit`: for
    /// callers that are stopping and cannot wait as long as others.
    pub async fn within<T>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        match tokio::time::timeout(limit, asking).await {
            Ok(answer) => answer,
            Err(_) => Err(no_answer(&self.store, limit, self.leases.count())),
        }
    }

    /// Returns which database this is, for the differences in SQL.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the name under which this process holds rows.
    pub fn holder(&self) -> &str {
        self.identity.name()
    }

    /// Connects, migrates the tables, and returns the pool.
    pub async fn open(config: &Config) -> Result<Self, DatabaseError> {
        let identity = Identity::of(&config.data).map_err(DatabaseError::Identity)?;
        let store = Store::of(config);
        // A single connection first: a pool would report any failure as its own timeout.
        match tokio::time::timeout(CONNECT, connect(&store)).await {
            Ok(Ok(mut connection)) => {
                migrate(&store, &mut connection).await?;
                // A failure to close loses no data.
                let _ = connection.close().await;
            }
            Ok(Err(source)) => return Err(DatabaseError::Open { store, source }),
            Err(_) => {
                let source = io::Error::from(io::ErrorKind::TimedOut).into();
                return Err(DatabaseError::Open { store, source });
            }
        }
        let settings = store.settings();
        let options = store.options().map_err(|source| DatabaseError::Open {
            store: store.clone(),
            source,
        })?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(settings).await.map(drop) })
            })
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            store,
            identity,
            leases: Leases::new(),
        })
    }
}

impl DatabaseError {
    /// Returns whether another attempt may succeed.
    fn may_pass(&self) -> bool {
        match self {
            // A full disk may get room again.
            Self::Identity(error) => error.kind() == io::ErrorKind::StorageFull,
            Self::Open { source, .. } | Self::Migrate { source, .. } => Store::may_pass(source),
        }
    }
}

fn no_answer(store: &Store, limit: Duration, in_use: usize) -> sqlx::Error {
    let error = format!(
        "no response within {limit:?}; is the database up? ({store}; {in_use} of {CONNECTIONS} connections in use)"
    );
    io::Error::new(io::ErrorKind::TimedOut, error).into()
}

async fn connect(store: &Store) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = AnyConnection::connect_with(&store.options()?).await?;
    connection.execute(store.settings()).await?;
    Ok(connection)
}

/// Migrates the tables. If several agents start at the same time on PostgreSQL, sqlx lets one migrate while the others
/// wait.
async fn migrate(store: &Store, connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    let migrated = async {
        let migrator = Migrator::new(store.clone()).await?;
        migrator.run_direct(connection).await
    };
    migrated.await.map_err(|error| DatabaseError::Migrate {
        store: store.clone(),
        source: error.into(),
    })
}

/// Runs a statement that writes to completion, and returns its first row. `fetch_one` would return at the first row,
/// before SQLite has committed, and a failing commit, on a full disk for instance, would go unnoticed.
pub async fn written<'q, T>(
    statement: QueryAs<'q, Any, T, AnyArguments<'q>>,
    connection: &mut AnyConnection,
) -> Result<Option<T>, sqlx::Error>
where
    T: Send + Unpin + for<'r> FromRow<'r, AnyRow>,
{
    let rows = statement.fetch_all(connection).await?;
    Ok(rows.into_iter().next())
}

/// Returns the milliseconds since 1970, as they are stored in the tables.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    millis(since)
}

/// Converts a duration to milliseconds, as they are stored in the tables.
pub fn millis(time: Duration) -> i64 {
    time.as_millis().try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;
    use std::pin::pin;
    use std::sync::Arc;

    use futures_util::FutureExt;
    use lifecycle::Lifecycle;
    use lifecycle_tests::postgres::Postgres;

    use super::*;
    use crate::config::tests::in_folder;

    /// Opens a database in a temporary folder, which is deleted when the first half of the pair is dropped.
    pub async fn scratch() -> (tempfile::TempDir, Arc<Database>) {
        let folder = tempfile::tempdir().unwrap();
        let db = Database::open(&in_folder(folder.path())).await.unwrap();
        (folder, Arc::new(db))
    }

    /// Starts a PostgreSQL server; returns configurations for `agents` agents on it, each with a folder of its own.
    pub fn on_postgres(agents: usize) -> (Vec<tempfile::TempDir>, Postgres, Vec<Config>) {
        on(Postgres::started, agents)
    }

    /// The same, for a server that has pgvector.
    pub fn on_pgvector(agents: usize) -> (Vec<tempfile::TempDir>, Postgres, Vec<Config>) {
        on(Postgres::with_vector, agents)
    }

    fn on(
        start: impl FnOnce(&Path) -> Postgres,
        agents: usize,
    ) -> (Vec<tempfile::TempDir>, Postgres, Vec<Config>) {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path());
        let mut folders: Vec<_> = (0..agents).map(|_| tempfile::tempdir().unwrap()).collect();
        let configs = folders.iter().map(|folder| Config {
            database: Some(server.url("postgres").parse().unwrap()),
            ..in_folder(folder.path())
        });
        let configs = configs.collect();
        folders.push(folder);
        (folders, server, configs)
    }

    /// Closes the database as its stop does.
    pub async fn close(db: &Database) {
        db.stop().await.unwrap();
    }

    #[tokio::test]
    async fn opening_twice_migrates_once_and_closing_merges_the_log_into_the_file() {
        let (folder, db) = scratch().await;
        db.health().await.unwrap();
        db.stop().await.unwrap();
        let log = std::fs::metadata(folder.path().join("agent.db-wal"));
        assert!(
            log.map_or(true, |log| log.len() == 0),
            "the write-ahead log is not empty"
        );
        drop(db);
        let again = Database::open(&in_folder(folder.path())).await.unwrap();
        again.stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_timeout_names_the_database_and_the_limit() {
        let (_folder, db) = scratch().await;
        tokio::time::pause();
        let limit = Duration::from_millis(600);
        let asking = std::future::pending::<Result<(), sqlx::Error>>();
        let error = db.within(limit, asking).await.unwrap_err();
        assert!(crate::store::is_away(&error), "{error:?}");
        let error = error.to_string();
        for part in ["600ms", "SQLite, ", "agent.db", "0 of 8"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }
    }

    #[tokio::test]
    async fn the_stop_waits_for_a_connection_that_is_returned_late() {
        let (_folder, db) = scratch().await;
        let connection = db.connection().await.unwrap();
        assert_eq!(db.in_use(), 1);
        let mut stop = pin!(db.stop());
        assert!((&mut stop).now_or_never().is_none());
        assert!(
            !db.pool.is_closed(),
            "it closes while a connection is in use"
        );
        drop(connection);
        stop.await.unwrap();
        assert!(db.in_use() == 0 && db.pool.is_closed());
    }

    #[tokio::test]
    async fn a_leaked_connection_is_reported_with_its_place_and_age() {
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
            panic!("one is leaked\n{report}")
        };
        assert_eq!(
            (lease.place().file(), lease.place().line()),
            (file!(), line)
        );
        // The whole time limit of the stop.
        assert!(lease.age() >= Duration::from_secs(5), "{report}");
        let note = format!("1 still in use, lent at {lease}");
        assert!(report.to_string().contains(&note), "{report}");
        drop(connection);
    }

    #[tokio::test]
    async fn an_unusable_database_file_is_reported_and_not_retried() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("agent.db")).unwrap();
        let builder = Lifecycle::builder()
            .provide(in_folder(folder.path()))
            .resource::<Database>();
        let error = builder.start().await.err().unwrap();
        assert!(error.is_config(), "{error}");
        let path = folder.path().join("agent.db").display().to_string();
        assert!(error.to_string().contains(&path), "{error}");
    }

    #[tokio::test]
    async fn any_name_of_a_folder_works() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("50% off? #1 ä");
        std::fs::create_dir(&odd).unwrap();
        let db = Database::open(&in_folder(&odd)).await.unwrap();
        db.stop().await.unwrap();
        assert!(odd.join("agent.db").exists());
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
    async fn postgres_accepts_all_statements() {
        let (_folders, _server, configs) = on_postgres(2);
        let db = Arc::new(Database::open(&configs[0]).await.unwrap());
        // The second one finds the tables up to date.
        Database::open(&configs[1]).await.unwrap();
        db.health().await.unwrap();
        crate::sessions::tests::use_all(&db).await;
        crate::library::tests::use_all(&db, &configs[0].data).await;
        crate::jobs::tests::use_all(&db).await;
        assert_eq!(db.in_use(), 0);
        db.stop().await.unwrap();
        assert!(db.pool.is_closed());
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
    async fn a_missing_database_on_the_server_is_a_configuration_error() {
        let (_folders, server, mut configs) = on_postgres(1);
        configs[0].database = Some(server.url("another").parse().unwrap());
        let builder = Lifecycle::builder().provide(configs.remove(0));
        let error = builder.resource::<Database>().start().await.err().unwrap();
        assert!(error.is_config(), "{error}");
        assert!(error.to_string().contains("another"), "{error}");
    }
}

//! [`Store`]: which database the rows are in, and what the two kinds of it say differently.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::MigrateError;

use crate::config::Config;

/// Everything else that is asked of a database here is written so that both understand it, with `$1` for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A file in the folder of `AGENT_DATA`.
    Sqlite(PathBuf),
    /// The server of `DATABASE_URL`.
    Postgres(Url),
}

impl Store {
    pub fn of(config: &Config) -> Self {
        match &config.database {
            Some(url) => Self::Postgres(url.clone()),
            None => Self::Sqlite(config.data.join("agent.db")),
        }
    }

    pub fn options(&self) -> Result<AnyConnectOptions, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let url = match self {
            Self::Sqlite(path) => file_url(path)?,
            Self::Postgres(url) => url.to_string(),
        };
        url.parse()
    }

    /// What a new connection is told first.
    pub fn settings(&self) -> &'static str {
        match self {
            // `FULL`: a job that was accepted is there after a power cut, too.
            Self::Sqlite(_) => "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            // The second is pgvector's, and says how thoroughly its index is searched.
            Self::Postgres(_) => "SET application_name = 'agent'; SET hnsw.ef_search = 200",
        }
    }

    /// The time in milliseconds since 1970, by the clock of the database: agents on several machines agree on that one.
    pub fn clock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
            Self::Postgres(_) => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Ends a `SELECT` of rows that are to be changed: those that another agent is changing now are passed over. SQLite
    /// has one writer at a time.
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Whether another attempt may go well: the server may not be up yet. A wrong password, or a file that is no
    /// database, stays wrong.
    pub fn may_pass(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Configuration(_) | sqlx::Error::Tls(_) => false,
            sqlx::Error::Database(error) => match error.code().as_deref() {
                // PostgreSQL: invalid authorization, no such database, insufficient privilege.
                Some("28000" | "28P01" | "3D000" | "42501") => false,
                // SQLite: READONLY, CORRUPT, CANTOPEN, NOTADB.
                Some("8" | "11" | "14" | "26") => false,
                _ => true,
            },
            sqlx::Error::Migrate(error) => match &**error {
                MigrateError::Execute(error) => Self::may_pass(error),
                // The tables are those of another version.
                _ => false,
            },
            _ => true,
        }
    }
}

/// Whether it is the database that is away, and not what was asked of it that is wrong.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // PostgreSQL: it shuts down, has crashed, starts up, or the connection is lost.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P0") || code.starts_with("08")),
        _ => false,
    }
}

/// Whether its disk is full.
pub fn is_full(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.code());
    // SQLite: FULL. PostgreSQL: disk full.
    matches!(error.as_deref(), Some("13" | "53100"))
}

/// Without user and password: it is for logs.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "SQLite, {}", path.display()),
            Self::Postgres(url) => {
                let host = url.host_str().unwrap_or("a local socket");
                write!(f, "PostgreSQL, {host}")?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}

/// Whatever is in the name of the file stays in the name of the file.
fn file_url(path: &Path) -> Result<String, sqlx::Error> {
    let absolute = std::path::absolute(path)?;
    let url = Url::from_file_path(&absolute).map_err(|()| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path cannot be written as a URL",
        )
    })?;
    Ok(format!("sqlite://{}?mode=rwc", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_shown() {
        let url = "postgres://agent:secret@db.example:5433/agents".parse();
        let shown = Store::Postgres(url.unwrap()).to_string();
        assert_eq!(shown, "PostgreSQL, db.example:5433/agents");
    }

    #[test]
    fn only_what_time_may_mend_is_tried_again() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(Store::may_pass(&refused.into()));
        assert!(!Store::may_pass(&sqlx::Error::Configuration("no".into())));
        let newer = Box::new(MigrateError::VersionMissing(9));
        assert!(!Store::may_pass(&sqlx::Error::Migrate(newer)));
    }
}

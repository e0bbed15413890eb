//! [`Store`]: the database in use, and the differences in SQL between the two kinds.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use reqwest::Url;
use sqlx::any::AnyConnectOptions;
use sqlx::migrate::MigrateError;

use crate::config::Config;

/// The database in use. All SQL that is not in this file works with both kinds, with `$1` for a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A file in the folder `AGENT_DATA`.
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

    /// Returns the statements that a new connection runs first.
    pub fn settings(&self) -> &'static str {
        match self {
            // With `FULL`, an accepted job survives a power failure, too.
            Self::Sqlite(_) => "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
            // The second setting is pgvector's: how many candidates a search of the index considers.
            Self::Postgres(_) => "SET application_name = 'agent'; SET hnsw.ef_search = 200",
        }
    }

    /// Returns the expression for the current time, in milliseconds since 1970. It uses the clock of the database,
    /// which is the same for agents on several machines.
    pub fn clock(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
            Self::Postgres(_) => "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Returns the end of a `SELECT` of rows that will be changed, which skips rows that another agent is changing.
    /// SQLite has one writer at a time, so needs none.
    pub fn skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "",
            Self::Postgres(_) => "FOR UPDATE SKIP LOCKED",
        }
    }

    /// Returns whether another attempt may succeed, since the server may not be up yet. A wrong password, or a file
    /// that is not a database, stays wrong.
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
                // The tables have the version of another release.
                _ => false,
            },
            _ => true,
        }
    }
}

/// Returns whether the error is that the database is unreachable, as opposed to a failed statement.
pub fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => true,
        // PostgreSQL: shutting down, crashed, starting up, or connection lost.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| code.starts_with("57P0") || code.starts_with("08")),
        _ => false,
    }
}

/// Returns whether the disk of the database is full.
pub fn is_full(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.code());
    // SQLite: FULL. PostgreSQL: disk full.
    matches!(error.as_deref(), Some("13" | "53100"))
}

/// Formats the database without user and password, for logs.
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

/// Returns the URL of an SQLite file. Special characters in its path are escaped.
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
    fn only_temporary_failures_are_retried() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(Store::may_pass(&refused.into()));
        assert!(!Store::may_pass(&sqlx::Error::Configuration("no".into())));
        let newer = Box::new(MigrateError::VersionMissing(9));
        assert!(!Store::may_pass(&sqlx::Error::Migrate(newer)));
    }
}

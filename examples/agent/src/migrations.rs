//! The versions of the tables, compiled in. They are listed by hand, because sqlx's macro for that would compile SQLite
//! a second time for the compiler.

use futures_util::future::BoxFuture;
use sqlx::error::BoxDynError;
use sqlx::migrate::{Migration, MigrationSource, MigrationType};

use crate::store::Store;

/// A version: its name, and its statements for SQLite and PostgreSQL. Released versions must not change.
struct Version {
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

const VERSIONS: [Version; 2] = [
    Version {
        name: "first",
        sqlite: include_str!("../migrations/sqlite/0001_first.sql"),
        postgres: include_str!("../migrations/postgres/0001_first.sql"),
    },
    Version {
        name: "leases",
        sqlite: include_str!("../migrations/sqlite/0002_leases.sql"),
        postgres: include_str!("../migrations/postgres/0002_leases.sql"),
    },
];

impl MigrationSource<'static> for Store {
    fn resolve(self) -> BoxFuture<'static, Result<Vec<Migration>, BoxDynError>> {
        let migration = move |(number, version): (i64, Version)| {
            let sql = match self {
                Store::Sqlite(_) => version.sqlite,
                Store::Postgres(_) => version.postgres,
            };
            let (name, kind) = (version.name.into(), MigrationType::Simple);
            Migration::new(number, name, kind, sql.into(), false)
        };
        Box::pin(async move { Ok((1..).zip(VERSIONS).map(migration).collect()) })
    }
}

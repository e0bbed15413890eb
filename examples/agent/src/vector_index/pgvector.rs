//! [`Pgvector`]: an index in the database, next to the passages. Other agents find new passages at once, and nothing is
//! read at start or saved at stop.
//!
//! Each vector belongs to the model that computed it; the vectors of several models can be stored side by side. The
//! frequencies of terms are counted when passages are added, by all agents together, so that all of them use the same
//! weights. sqlx's `Any` driver supports neither vectors nor arrays, so they are sent as text and cast in SQL.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use sqlx::{AnyConnection, Connection, Executor};

use super::VectorIndexError;
use crate::database::Database;
use crate::embedding::{Embedded, Embedder, Rarity, Space};
use crate::store::Store;
use crate::vectors::{NEAR, weight};

/// How many passages without vectors are embedded and stored at a time.
const BATCH: i64 = 64;

pub struct Pgvector {
    db: Arc<Database>,
    /// The number of the model, as a signed `BIGINT`.
    model: i64,
    dimensions: usize,
}

impl Pgvector {
    /// Opens the index. Returns `None` if the database has no pgvector, or does not let this user create the extension.
    pub async fn open(
        db: &Arc<Database>,
        embedder: &Embedder,
    ) -> Result<Option<Self>, VectorIndexError> {
        if matches!(db.store(), Store::Sqlite(_)) {
            return Ok(None);
        }
        let Space { model, dimensions } = embedder.space();
        let index = Self {
            db: Arc::clone(db),
            model: model.cast_signed(),
            dimensions,
        };
        match index.make_tables().await {
            Ok(()) => {}
            Err(error) if is_refused(&error) => {
                let reason = error.to_string();
                tracing::info!(reason, "no pgvector: the vector index is in this process");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
        index.make_index().await?;
        while index.adopt(embedder).await? {}
        Ok(Some(index))
    }

    async fn make_tables(&self) -> Result<(), sqlx::Error> {
        self.make(
            "CREATE EXTENSION IF NOT EXISTS vector;
            CREATE TABLE IF NOT EXISTS passage_vectors (
                model   BIGINT NOT NULL,
                passage BIGINT NOT NULL REFERENCES passages (id) ON DELETE CASCADE,
                vector  VECTOR NOT NULL,
                PRIMARY KEY (model, passage)
            );
            CREATE TABLE IF NOT EXISTS passage_terms (
                model    BIGINT NOT NULL,
                term     BIGINT NOT NULL,
                passages BIGINT NOT NULL,
                PRIMARY KEY (model, term)
            )",
        )
        .await
    }

    /// Creates the approximate index. It pays with many passages; with few, PostgreSQL scans all of them anyway.
    async fn make_index(&self) -> Result<(), sqlx::Error> {
        let Self {
            model, dimensions, ..
        } = self;
        let statement = format!(
            "CREATE INDEX IF NOT EXISTS \"passage_vectors_{model:x}\" ON passage_vectors
             USING hnsw ((vector::vector({dimensions})) vector_ip_ops) WHERE model = {model}"
        );
        match self.make(&statement).await {
            Err(sqlx::Error::Database(error)) => {
                // The version of pgvector is older than 0.5, or the vectors have more dimensions than it supports.
                let reason = error.to_string();
                tracing::warn!(
                    reason,
                    "no index of the vectors: each search scans all of them"
                );
                Ok(())
            }
            made => made,
        }
    }

    /// Creates tables or indexes, one agent at a time: concurrent `CREATE .. IF NOT EXISTS` statements can fail.
    async fn make(&self, statements: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.db.connection().await?;
        let mut transaction = connection.begin().await?;
        let alone = "SET LOCAL client_min_messages = warning;
            SELECT pg_advisory_xact_lock(hashtext('agent: pgvector'))";
        transaction.execute(alone).await?;
        transaction.execute(statements).await?;
        transaction.commit().await
    }

    /// Embeds a batch of the passages that have no vectors of this model. Returns whether there were any.
    async fn adopt(&self, embedder: &Embedder) -> Result<bool, VectorIndexError> {
        let passages: Vec<(i64, String)> = sqlx::query_as(
            "SELECT id, text FROM passages
             WHERE NOT EXISTS (SELECT FROM passage_vectors WHERE model = $1 AND passage = id)
             ORDER BY id LIMIT $2",
        )
        .bind(self.model)
        .bind(BATCH)
        .fetch_all(&mut **self.db.connection().await?)
        .await?;
        if passages.is_empty() {
            return Ok(false);
        }
        tracing::info!(
            passages = passages.len(),
            "embedding passages that have no vectors"
        );
        let (ids, texts): (Vec<_>, _) = passages.into_iter().unzip();
        let embedded = embedder.passages(texts).await?;
        let passages: Vec<_> = ids.into_iter().zip(embedded).collect();
        let mut connection = self.db.connection().await?;
        let mut transaction = connection.begin().await?;
        self.store(&mut transaction, &passages).await?;
        transaction.commit().await?;
        Ok(true)
    }

    pub async fn store(
        &self,
        transaction: &mut AnyConnection,
        passages: &[(i64, Embedded)],
    ) -> Result<(), sqlx::Error> {
        let mut terms = BTreeMap::new();
        for (id, passage) in passages {
            let stored = sqlx::query(
                "INSERT INTO passage_vectors (model, passage, vector) VALUES ($1, $2, $3::vector)
                 ON CONFLICT DO NOTHING",
            )
            .bind(self.model)
            .bind(id)
            .bind(list('[', &passage.vector, ']'))
            .execute(&mut *transaction)
            .await?;
            // Another agent that starts at the same time may have stored this passage first.
            if stored.rows_affected() > 0 {
                for term in &passage.terms {
                    *terms.entry(term.cast_signed()).or_insert(0_i64) += 1;
                }
            }
        }
        // All agents update terms in the same order, which prevents deadlocks.
        sqlx::query(
            "INSERT INTO passage_terms (model, term, passages)
             SELECT $1, term, count FROM unnest($2::bigint[], $3::bigint[]) AS new (term, count) ORDER BY term
             ON CONFLICT (model, term) DO UPDATE SET passages = passage_terms.passages + excluded.passages",
        )
        .bind(self.model)
        .bind(list('{', terms.keys(), '}'))
        .bind(list('{', terms.values(), '}'))
        .execute(transaction)
        .await
        .map(drop)
    }

    pub async fn rarity(&self, terms: &[u64]) -> Result<Rarity, sqlx::Error> {
        if terms.is_empty() {
            return Ok(Rarity::new());
        }
        let mut connection = self.db.connection().await?;
        let (passages,): (i64,) =
            sqlx::query_as("SELECT count(*) FROM passage_vectors WHERE model = $1")
                .bind(self.model)
                .fetch_one(&mut **connection)
                .await?;
        let found: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT term, passages FROM passage_terms WHERE model = $1 AND term = ANY ($2::bigint[])",
        )
        .bind(self.model)
        .bind(list('{', terms.iter().map(|term| term.cast_signed()), '}'))
        .fetch_all(&mut **connection)
        .await?;
        let of = |with: i64| weight(passages.cast_unsigned(), with.cast_unsigned());
        let mut rarity: Rarity = terms.iter().map(|term| (*term, of(0))).collect();
        let found = found.into_iter();
        rarity.extend(found.map(|(term, with)| (term.cast_unsigned(), of(with))));
        Ok(rarity)
    }

    pub async fn search(&self, question: &[f32], limit: usize) -> Result<Vec<i64>, sqlx::Error> {
        let Self {
            model, dimensions, ..
        } = self;
        // `<#>` is the negative inner product. The expression must match that of the index, or PostgreSQL does not use
        // it.
        let statement = format!(
            "SELECT passage FROM (
                SELECT passage, vector::vector({dimensions}) <#> $1::vector({dimensions}) AS far
                FROM passage_vectors WHERE model = {model} ORDER BY far LIMIT $2
             ) AS nearest WHERE -far > {NEAR} ORDER BY far, passage"
        );
        self.ids(&statement, list('[', question, ']'), limit).await
    }

    pub async fn central(&self, of: &[i64], limit: usize) -> Result<Vec<i64>, sqlx::Error> {
        let model = self.model;
        let statement = format!(
            "WITH these AS (
                SELECT passage, vector FROM passage_vectors
                WHERE model = {model} AND passage = ANY ($1::bigint[])
             ), central AS (
                SELECT passage FROM these
                ORDER BY vector <#> (SELECT avg(vector) FROM these), passage LIMIT $2
             )
             SELECT passage FROM central ORDER BY passage"
        );
        self.ids(&statement, list('{', of, '}'), limit).await
    }

    async fn ids(
        &self,
        statement: &str,
        list: String,
        limit: usize,
    ) -> Result<Vec<i64>, sqlx::Error> {
        let ids: Vec<(i64,)> = sqlx::query_as(statement)
            .bind(list)
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&mut **self.db.connection().await?)
            .await?;
        Ok(ids.into_iter().map(|(id,)| id).collect())
    }
}

/// Returns whether the extension is not installed on the server, or this user may not create it.
fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("0A000" | "58P01" | "42501"))
}

/// Formats a list as PostgreSQL's array or vector literal.
fn list<T: Display>(open: char, items: impl IntoIterator<Item = T>, close: char) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    format!("{open}{}{close}", items.join(","))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::file::FileIndex;
    use super::super::{Place, VectorIndex};
    use super::*;
    use crate::config::Config;
    use crate::database::tests::{on_pgvector, on_postgres};
    use crate::embedding::HashedNgrams;
    use crate::library::Library;

    struct Agent {
        db: Arc<Database>,
        index: Arc<VectorIndex>,
        library: Library,
    }

    fn embedder() -> Arc<Embedder> {
        Arc::new(Embedder::new(Arc::new(HashedNgrams)))
    }

    async fn open(config: &Config, folder: &Path) -> Agent {
        let db = Arc::new(Database::open(config).await.unwrap());
        let index = VectorIndex::open(folder.join("vectors.bin"), &db, embedder()).await;
        let index = Arc::new(index.unwrap());
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        Agent { db, index, library }
    }

    fn is_pgvector(agent: &Agent) -> bool {
        matches!(agent.index.place, Place::Pgvector(_))
    }

    const DOCUMENTS: [(&str, &str); 3] = [
        (
            "Garden",
            "Tomatoes want sun and water.\n\nBeans want poles.\n\nA hedge wants nothing but time.",
        ),
        ("Sea", "Whales sing.\n\nThe sea wants no poles, and time."),
        (
            "Process",
            "A signal asks the process to stop.\n\nThe second signal forces it.",
        ),
    ];
    const QUESTIONS: [&str; 5] = [
        "what do beans want?",
        "Which signal stops a process?",
        "whales",
        "What wants time and poles?",
        "",
    ];

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server with pgvector (pgserver from PyPI, where Debian has none)"]
    async fn agents_find_the_passages_of_others_at_once_and_like_an_index_in_a_file() {
        let (folders, _server, configs) = on_pgvector(2);
        let (one, other) = tokio::join!(
            open(&configs[0], folders[0].path()),
            open(&configs[1], folders[1].path())
        );
        assert!(is_pgvector(&one) && is_pgvector(&other));
        assert!(other.library.search("whales", 1).await.unwrap().is_empty());
        for (title, text) in DOCUMENTS {
            one.library.add(title, text).await.unwrap();
        }
        let sea = other.library.search("what do whales do?", 1).await.unwrap();
        assert_eq!(sea, ["Whales sing."]);

        let file = folders[0].path().join("file");
        let file = FileIndex::open(file, &one.db, &embedder()).await.unwrap();
        for question in QUESTIONS {
            let embedder = embedder();
            let rarity = file.rarity(&embedder.terms(question).unwrap());
            let asked = embedder.question(question.into(), rarity).await.unwrap();
            let found = other.index.search(question, 4).await.unwrap();
            assert_eq!(found, file.search(&asked, 4), "{question}");
        }
        for of in [&[1, 2, 3, 6, 7][..], &[4], &[]] {
            let central = other.index.central(of, 2).await.unwrap();
            assert_eq!(central, file.central(of, 2), "{of:?}");
        }
        crate::library::tests::use_all(&other.db, folders[1].path()).await;
        assert!(!folders[1].path().join("vectors.bin").exists());
    }

    #[tokio::test]
    #[ignore = "needs a PostgreSQL server with pgvector (pgserver from PyPI, where Debian has none)"]
    async fn passages_without_vectors_are_embedded_at_the_next_start_and_counted_once() {
        let (folders, _server, configs) = on_pgvector(2);
        let one = open(&configs[0], folders[0].path()).await;
        for (title, text) in DOCUMENTS {
            one.library.add(title, text).await.unwrap();
        }
        let terms = HashedNgrams::terms(QUESTIONS[0]);
        let Place::Pgvector(index) = &one.index.place else {
            panic!("it has pgvector")
        };
        let before = index.rarity(&terms).await.unwrap();
        let forget = "DELETE FROM passage_vectors; DELETE FROM passage_terms";
        let mut connection = one.db.connection().await.unwrap();
        connection.execute(forget).await.unwrap();
        drop(connection);
        // Both start at the same time.
        let (one, other) = tokio::join!(
            open(&configs[0], folders[0].path()),
            open(&configs[1], folders[1].path())
        );
        for agent in [one, other] {
            let Place::Pgvector(index) = &agent.index.place else {
                panic!("it has pgvector")
            };
            assert_eq!(index.rarity(&terms).await.unwrap(), before);
            let found = agent.library.search(QUESTIONS[0], 1).await.unwrap();
            assert_eq!(found, ["Beans want poles."]);
        }
    }

    #[tokio::test]
    #[ignore = "needs PostgreSQL's server programs (postgresql from Debian)"]
    async fn without_permission_the_index_is_in_this_process() {
        let (folders, _server, mut configs) = on_postgres(2);
        let first = Database::open(&configs[0]).await.unwrap();
        let plain = "CREATE ROLE plain LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO plain;
            GRANT CREATE ON SCHEMA public TO plain";
        let mut connection = first.connection().await.unwrap();
        connection.execute(plain).await.unwrap();
        drop(connection);
        let url = configs[1].database.as_mut().unwrap();
        url.set_username("plain").unwrap();
        let plain = open(&configs[1], folders[1].path()).await;
        assert!(!is_pgvector(&plain));
        plain.library.add("Sea", "Whales sing.").await.unwrap();
        let found = plain.library.search("whales", 1).await.unwrap();
        assert_eq!(found, ["Whales sing."]);
    }
}

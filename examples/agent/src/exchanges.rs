//! [`Exchanges`]: the questions and answers of sessions, read through the cache.
//!
//! The database knows which answers a session has, how they ended and how long they are; only texts come from the
//! cache. Since an answer only grows until it ends, its state and length identify its text.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cache::{Cache, Entry};
use crate::database::Database;

pub struct Exchanges {
    db: Arc<Database>,
    cache: Arc<Cache>,
}

/// A question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub question: String,
    pub answer: String,
    pub state: String,
}

impl Exchanges {
    pub fn new(db: Arc<Database>, cache: Arc<Cache>) -> Self {
        Self { db, cache }
    }

    /// Returns the last `limit` exchanges of a session, oldest first.
    pub async fn latest(&self, session: &str, limit: u32) -> Result<Vec<Exchange>, sqlx::Error> {
        let mut answers: Vec<(i64, String, i64)> = sqlx::query_as(
            "SELECT id, state, octet_length(text) FROM answers WHERE session = $1 ORDER BY id DESC LIMIT $2",
        )
        .bind(session)
        .bind(i64::from(limit))
        .fetch_all(&mut **self.db.connection().await?)
        .await?;
        answers.reverse();
        let keys = answers
            .iter()
            .map(|(id, state, bytes)| key(session, *id, state, *bytes));
        let keys: Vec<_> = keys.collect();
        let cached = self.cache.get(&keys).await;
        let cached = cached.iter().map(|value| parse(value.as_deref()));
        let cached: Vec<Option<Exchange>> = cached.collect();

        let missing = answers.iter().zip(&cached).filter(|(_, hit)| hit.is_none());
        let missing: Vec<i64> = missing.map(|((id, ..), _)| *id).collect();
        let mut read = self.read(session, &missing).await?;
        let found = answers.iter().zip(cached);
        // An exchange that was deleted in between is in neither.
        Ok(found
            .filter_map(|((id, ..), hit)| hit.or_else(|| read.remove(id)))
            .collect())
    }

    /// Caches an exchange that has just ended: the next question in its session needs it.
    pub async fn keep(&self, session: &str, id: i64, exchange: &Exchange) {
        let bytes = exchange.answer.len().try_into().unwrap_or(i64::MAX);
        self.cache
            .put(entry(session, id, bytes, exchange).into_iter().collect())
            .await;
    }

    /// Reads exchanges from the database, and caches them.
    async fn read(
        &self,
        session: &str,
        ids: &[i64],
    ) -> Result<HashMap<i64, Exchange>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let list: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let statement = format!(
            "SELECT id, question, text, state, octet_length(text) FROM answers WHERE id IN ({})",
            list.join(", ")
        );
        let rows: Vec<(i64, String, String, String, i64)> = ids
            .iter()
            .fold(sqlx::query_as(&statement), |query, id| query.bind(id))
            .fetch_all(&mut **self.db.connection().await?)
            .await?;
        let mut read = HashMap::new();
        let mut entries = Vec::new();
        for (id, question, answer, state, bytes) in rows {
            let exchange = Exchange {
                question,
                answer,
                state,
            };
            entries.extend(entry(session, id, bytes, &exchange));
            read.insert(id, exchange);
        }
        self.cache.put(entries).await;
        Ok(read)
    }
}

/// The id of a session cannot be guessed, which matters because agents with other databases may use the same Redis
/// server.
fn key(session: &str, id: i64, state: &str, bytes: i64) -> String {
    format!("agent:exchange:1:{session}:{id}:{state}:{bytes}")
}

/// An answer in progress is not worth caching.
fn entry(session: &str, id: i64, bytes: i64, exchange: &Exchange) -> Option<Entry> {
    if exchange.state == "streaming" {
        return None;
    }
    let value = serde_json::to_vec(exchange).ok()?;
    Some((key(session, id, &exchange.state, bytes), value))
}

/// An unreadable entry counts as missing.
fn parse(value: Option<&[u8]>) -> Option<Exchange> {
    serde_json::from_slice(value?).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cache::tests::local;
    use crate::database::tests::scratch;
    use crate::sessions::{End, Sessions};

    async fn alter(db: &Database, statement: &str) {
        let mut connection = db.connection().await.unwrap();
        let done = sqlx::query(statement).execute(&mut **connection).await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    }

    async fn history(sessions: &Sessions, session: &str) -> Vec<(String, String)> {
        let exchanges = sessions.history(session, 9).await.unwrap();
        let history = exchanges
            .into_iter()
            .map(|exchange| (exchange.answer, exchange.state));
        history.collect()
    }

    #[tokio::test]
    async fn only_answers_that_have_ended_are_read_from_the_cache() {
        let (_folder, db) = scratch().await;
        let (cache, ok) = (local(), String::from("complete"));
        let sessions = Sessions::new(Arc::clone(&db), Arc::clone(&cache));
        let session = sessions.open(None).await.unwrap();
        let first = sessions.begin(&session, "one?").await.unwrap();
        sessions.keep(first, "On").await.unwrap();
        let streaming = ("On".to_owned(), "streaming".to_owned());
        assert_eq!(history(&sessions, &session).await, [streaming]);
        sessions
            .end(first, "One.", End::Complete, Duration::MAX)
            .await
            .unwrap();

        // Changes the row directly, which shows whether the cache or the database is read.
        alter(&db, "UPDATE answers SET text = 'Eno.'").await;
        assert_eq!(
            history(&sessions, &session).await,
            [("One.".into(), ok.clone())]
        );
        // The cached text has another length than the row.
        alter(&db, "UPDATE answers SET text = 'Eleven.'").await;
        assert_eq!(
            history(&sessions, &session).await,
            [("Eleven.".into(), ok.clone())]
        );
        // The new text has been read and cached, for agents that share the cache, too.
        alter(&db, "UPDATE answers SET text = 'Twelve.'").await;
        let other = Sessions::new(Arc::clone(&db), cache);
        assert_eq!(
            history(&other, &session).await,
            [("Eleven.".into(), ok.clone())]
        );
        // Without that cache.
        let alone = Sessions::new(Arc::clone(&db), local());
        assert_eq!(history(&alone, &session).await, [("Twelve.".into(), ok)]);

        alter(&db, "DELETE FROM sessions").await;
        assert!(sessions.history(&session, 9).await.is_err());
    }
}

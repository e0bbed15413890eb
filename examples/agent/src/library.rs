//! [`Library`]: the documents. Adding one splits it into passages, stores them and adds them to the index.

use std::sync::Arc;

use lifecycle::resource;
use sqlx::Connection;

use crate::database::{Database, now};
use crate::embedding::Embedder;
use crate::error::Error;
use crate::vector_index::VectorIndex;

pub struct Library {
    db: Arc<Database>,
    index: Arc<VectorIndex>,
}

#[resource(order = 3)]
impl Library {
    async fn start(db: Arc<Database>, index: Arc<VectorIndex>) -> Self {
        Self::new(db, index)
    }
}

impl Library {
    pub fn new(db: Arc<Database>, index: Arc<VectorIndex>) -> Self {
        Self { db, index }
    }

    /// Returns the embedder whose vectors the index uses.
    pub fn embedder(&self) -> &Embedder {
        self.index.embedder()
    }

    /// Adds a document. Returns its id and the number of its passages. Not cancel safe: a cancelled call may have
    /// stored the document without adding it to the index, which happens at the next start.
    pub async fn add(&self, title: &str, text: &str) -> Result<(i64, usize), Error> {
        let passages = passages(text);
        if title.trim().is_empty() || passages.is_empty() {
            return Err(Error::Invalid("a document needs a title and a text".into()));
        }
        // Embedded before the document is stored: a document without vectors could not be found.
        let embedded = self.embedder().passages(passages.clone()).await?;
        let mut connection = self.db.connection().await?;
        let mut transaction = connection.begin().await?;
        let (document,): (i64,) = sqlx::query_as(
            "INSERT INTO documents (title, text, created) VALUES ($1, $2, $3) RETURNING id",
        )
        .bind(title)
        .bind(text)
        .bind(now())
        .fetch_one(&mut *transaction)
        .await?;
        let mut stored = Vec::new();
        for (passage, embedded) in passages.into_iter().zip(embedded) {
            let (id,): (i64,) = sqlx::query_as(
                "INSERT INTO passages (document, text) VALUES ($1, $2) RETURNING id",
            )
            .bind(document)
            .bind(passage)
            .fetch_one(&mut *transaction)
            .await?;
            stored.push((id, embedded));
        }
        self.index.store(&mut transaction, &stored).await?;
        transaction.commit().await?;
        let count = stored.len();
        self.index.insert(stored);
        Ok((document, count))
    }

    /// Returns the passages that are closest to the question, nearest first.
    pub async fn search(&self, question: &str, limit: usize) -> Result<Vec<String>, Error> {
        let ids = self.index.search(question, limit).await?;
        let mut found = self.texts(&ids).await?;
        found.sort_by_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
        Ok(found.into_iter().map(|(_, text)| text).collect())
    }

    /// Returns the passages that represent a document best, in document order.
    pub async fn gist(&self, document: i64, limit: usize) -> Result<Vec<String>, Error> {
        let ids: Vec<(i64,)> =
            sqlx::query_as("SELECT id FROM passages WHERE document = $1 ORDER BY id")
                .bind(document)
                .fetch_all(&mut **self.db.connection().await?)
                .await?;
        if ids.is_empty() {
            return Err(Error::no("document", document));
        }
        let ids: Vec<i64> = ids.into_iter().map(|(id,)| id).collect();
        let found = self.texts(&self.index.central(&ids, limit).await?).await?;
        Ok(found.into_iter().map(|(_, text)| text).collect())
    }

    /// Returns the texts of these passages, ordered by id.
    async fn texts(&self, ids: &[i64]) -> Result<Vec<(i64, String)>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // SQLite and PostgreSQL both support a list of parameters, and there are only a few.
        let list: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let list = list.join(", ");
        let statement = format!("SELECT id, text FROM passages WHERE id IN ({list}) ORDER BY id");
        ids.iter()
            .fold(sqlx::query_as(&statement), |query, id| query.bind(id))
            .fetch_all(&mut **self.db.connection().await?)
            .await
    }
}

/// Splits a text into passages. A passage ends with a paragraph, or with a sentence once it is long enough.
fn passages(text: &str) -> Vec<String> {
    const ENOUGH: usize = 300;
    let mut passages = Vec::new();
    for paragraph in text.replace("\r\n", "\n").split("\n\n") {
        let mut passage = String::new();
        for word in paragraph.split_whitespace() {
            if !passage.is_empty() {
                passage.push(' ');
            }
            passage.push_str(word);
            // A long text without full stops is split between any two words.
            let sentence = word.ends_with(['.', '!', '?', '。']);
            if passage.len() >= ENOUGH && sentence || passage.len() >= 3 * ENOUGH {
                passages.push(std::mem::take(&mut passage));
            }
        }
        if !passage.is_empty() {
            passages.push(passage);
        }
    }
    passages
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    use super::*;
    use crate::database::tests::scratch;
    use crate::embedding::HashedNgrams;

    #[test]
    fn a_text_is_split_at_paragraphs_and_sentences_without_loss() {
        assert_eq!(passages("One.\nTwo.\n\nThree."), ["One. Two.", "Three."]);
        assert!(passages(" \n\n \n").is_empty());
        let long = "All work and no play makes a dull agent. ".repeat(60);
        let split = passages(&long);
        assert!(split.len() > 5 && split.iter().all(|passage| passage.ends_with('.')));
        assert_eq!(split.join(" "), long.trim());
        assert!(passages(&"word ".repeat(1000)).len() > 3);
    }

    #[tokio::test]
    async fn documents_are_found_by_their_content() {
        let (folder, db) = scratch().await;
        use_all(&db, folder.path()).await;
    }

    /// Runs the test on any database.
    pub async fn use_all(db: &Arc<Database>, folder: &Path) {
        let embedder = Arc::new(Embedder::new(Arc::new(HashedNgrams)));
        let index = VectorIndex::open(folder.join("vectors.bin"), db, embedder)
            .await
            .unwrap();
        let library = Library::new(Arc::clone(db), Arc::new(index));
        let (garden, _) = library
            .add("Garden", "Tomatoes want sun.\n\nBeans want poles.")
            .await
            .unwrap();
        library.add("Sea", "Whales sing.").await.unwrap();
        assert_eq!(
            library.search("what do whales do", 1).await.unwrap(),
            ["Whales sing."]
        );
        assert_eq!(
            library.gist(garden, 9).await.unwrap(),
            ["Tomatoes want sun.", "Beans want poles."]
        );
        assert!(matches!(
            library.gist(99, 9).await,
            Err(Error::NotFound { .. })
        ));
        assert!(matches!(
            library.add(" ", "text").await,
            Err(Error::Invalid(_))
        ));
    }
}

//! [`Library`]: the documents. Adding one cuts it into passages, stores them and puts them into the index.

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

    /// Makes the vectors by which passages are found.
    pub fn embedder(&self) -> &Embedder {
        self.index.embedder()
    }

    /// Its id and how many passages it has. Not cancel safe: dropped in the middle, the document may be stored without
    /// being in the index until the next start.
    pub async fn add(&self, title: &str, text: &str) -> Result<(i64, usize), Error> {
        let passages = passages(text);
        if title.trim().is_empty() || passages.is_empty() {
            return Err(Error::Invalid("a document needs a title and a text".into()));
        }
        // Before anything is stored: what cannot be embedded could not be found.
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

    /// The passages that have the most to do with the question, nearest first.
    pub async fn search(&self, question: &str, limit: usize) -> Result<Vec<String>, Error> {
        let ids = self.index.search(question, limit).await?;
        let mut found = self.texts(&ids).await?;
        found.sort_by_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
        Ok(found.into_iter().map(|(_, text)| text).collect())
    }

    /// The passages of a document that say the most of it, in its own order.
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

    /// In the order of their ids.
    async fn texts(&self, ids: &[i64]) -> Result<Vec<(i64, String)>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // A list of parameters is what SQLite and PostgreSQL both understand. There are few.
        let list: Vec<_> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let list = list.join(", ");
        let statement = format!("SELECT id, text FROM passages WHERE id IN ({list}) ORDER BY id");
        ids.iter()
            .fold(sqlx::query_as(&statement), |query, id| query.bind(id))
            .fetch_all(&mut **self.db.connection().await?)
            .await
    }
}

/// A passage ends with a paragraph, or with a sentence once it is long enough.
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
            // A text without any full stop is cut as well, somewhere.
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
    fn text_is_cut_at_paragraphs_and_sentences_and_nothing_is_lost() {
        assert_eq!(passages("One.\nTwo.\n\nThree."), ["One. Two.", "Three."]);
        assert!(passages(" \n\n \n").is_empty());
        let long = "All work and no play makes a dull agent. ".repeat(60);
        let cut = passages(&long);
        assert!(cut.len() > 5 && cut.iter().all(|passage| passage.ends_with('.')));
        assert_eq!(cut.join(" "), long.trim());
        assert!(passages(&"word ".repeat(1000)).len() > 3);
    }

    #[tokio::test]
    async fn documents_are_found_by_what_they_say() {
        let (folder, db) = scratch().await;
        use_all(&db, folder.path()).await;
    }

    /// On any database.
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

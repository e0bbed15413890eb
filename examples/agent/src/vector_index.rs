//! [`VectorIndex`]: finds passages by their meaning or words. It is in the database if that has pgvector, otherwise in
//! this process.

mod file;
mod pgvector;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use lifecycle::resource;
use sqlx::AnyConnection;

use crate::config::Config;
use crate::database::Database;
use crate::embedding::{Embedded, Embedder, EmbeddingError};
use crate::error::Error;
use crate::vector_index::file::FileIndex;
use crate::vector_index::pgvector::Pgvector;

pub struct VectorIndex {
    embedder: Arc<Embedder>,
    place: Place,
}

enum Place {
    File(FileIndex),
    Pgvector(Pgvector),
}

#[derive(Debug, thiserror::Error)]
pub enum VectorIndexError {
    #[error("cannot read or write the passages to index")]
    Database(#[from] sqlx::Error),
    #[error("cannot embed the passages to index")]
    Embedding(#[from] EmbeddingError),
    #[error("cannot read the vector index {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// The index of all passages. At start it may have to embed every passage, which takes minutes with a learned model:
/// hence the long `start_timeout`.
#[resource(order = 2, timeout = "3s", start_timeout = "5m")]
impl VectorIndex {
    async fn start(
        config: &Config,
        db: Arc<Database>,
        embedder: Arc<Embedder>,
    ) -> Result<Self, VectorIndexError> {
        Self::open(config.data.join("vectors.bin"), &db, embedder).await
    }

    /// Saves the index. Not async, so it runs on a separate thread: it writes to a file.
    fn stop(&self) -> io::Result<()> {
        match &self.place {
            Place::File(index) => index.save(),
            Place::Pgvector(_) => Ok(()),
        }
    }
}

impl VectorIndex {
    /// Opens the index. `file` is used only without pgvector.
    pub async fn open(
        file: PathBuf,
        db: &Arc<Database>,
        embedder: Arc<Embedder>,
    ) -> Result<Self, VectorIndexError> {
        let place = match Pgvector::open(db, &embedder).await? {
            Some(index) => Place::Pgvector(index),
            None => Place::File(FileIndex::open(file, db, &embedder).await?),
        };
        Ok(Self { embedder, place })
    }

    /// Returns where the vectors are, for messages.
    pub fn describe(&self) -> String {
        match &self.place {
            Place::File(index) => index.describe(),
            Place::Pgvector(_) => "pgvector, beside the rows".into(),
        }
    }

    /// Returns the embedder that produces the input of [`insert`](Self::insert).
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    /// Stores vectors in the transaction that stores their passages. This changes an index in the database; an index in
    /// memory is changed by [`insert`](Self::insert).
    pub async fn store(
        &self,
        transaction: &mut AnyConnection,
        passages: &[(i64, Embedded)],
    ) -> Result<(), sqlx::Error> {
        match &self.place {
            Place::File(_) => Ok(()),
            Place::Pgvector(index) => index.store(transaction, passages).await,
        }
    }

    /// Adds vectors to an index in memory, after the transaction of [`store`](Self::store) has committed.
    pub fn insert(&self, passages: Vec<(i64, Embedded)>) {
        if let Place::File(index) = &self.place {
            index.insert(passages);
        }
    }

    /// Returns the ids of the `limit` nearest passages, nearest first. Passages that have nothing in common with the
    /// question are omitted.
    pub async fn search(&self, question: &str, limit: usize) -> Result<Vec<i64>, Error> {
        let terms = self.embedder.terms(question)?;
        let rarity = match &self.place {
            Place::File(index) => index.rarity(&terms),
            Place::Pgvector(index) => index.rarity(&terms).await?,
        };
        let question = self.embedder.question(question.to_owned(), rarity).await?;
        Ok(match &self.place {
            Place::File(index) => index.search(&question, limit),
            Place::Pgvector(index) => index.search(&question, limit).await?,
        })
    }

    /// Returns the ids of the `limit` passages that represent all of these passages best, in document order.
    pub async fn central(&self, of: &[i64], limit: usize) -> Result<Vec<i64>, sqlx::Error> {
        match &self.place {
            Place::File(index) => Ok(index.central(of, limit)),
            Place::Pgvector(index) => index.central(of, limit).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::tests::scratch;
    use crate::embedding::{EmbeddingModel, HashedNgrams, Rarity, Space};
    use crate::library::Library;

    async fn open(file: PathBuf, db: &Arc<Database>) -> VectorIndex {
        let embedder = Arc::new(Embedder::new(Arc::new(HashedNgrams)));
        VectorIndex::open(file, db, embedder).await.unwrap()
    }

    fn file(index: &VectorIndex) -> &FileIndex {
        match &index.place {
            Place::File(index) => index,
            Place::Pgvector(_) => panic!("SQLite has no pgvector"),
        }
    }

    #[tokio::test]
    async fn the_file_is_saved_read_again_and_rebuilt_if_it_does_not_match() {
        let (folder, db) = scratch().await;
        let path = folder.path().join("vectors.bin");
        let open = async || open(path.clone(), &db).await;
        let index = Arc::new(open().await);
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        library
            .add("Garden", "Tomatoes want sun and water.")
            .await
            .unwrap();
        assert_eq!(index.search("tomatoes", 1).await.unwrap(), [1]);
        index.stop().unwrap();

        let again = open().await;
        assert!(file(&again).saved.is_some(), "it was read, not built");
        assert_eq!(*file(&again).read(), *file(&index).read());

        // Adds a document after the file was written, as if the process had been killed.
        library.add("Sea", "Whales sing.").await.unwrap();
        let rebuilt = open().await;
        assert!(file(&rebuilt).saved.is_none());
        assert_eq!(rebuilt.search("whales", 1).await.unwrap(), [2]);

        std::fs::write(&path, b"nonsense").unwrap();
        let rebuilt = open().await;
        assert_eq!(rebuilt.search("whales", 1).await.unwrap(), [2]);
        rebuilt.stop().unwrap();
        assert!(file(&open().await).saved.is_some());
    }

    /// An embedding model that distinguishes only texts about whales from all others.
    struct Whales;

    impl EmbeddingModel for Whales {
        fn describe(&self) -> String {
            "whales".into()
        }

        fn space(&self) -> Space {
            Space {
                dimensions: 2,
                model: 2,
            }
        }

        fn passages(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbeddingError> {
            let embedded = |text: &String| Embedded {
                vector: match text.to_lowercase().contains("whale") {
                    true => vec![1.0, 0.0],
                    false => vec![0.0, 1.0],
                },
                terms: Vec::new(),
                bytes: text.len() as u64,
            };
            Ok(texts.iter().map(embedded).collect())
        }

        fn question(&self, question: &str, _: &Rarity) -> Result<Vec<f32>, EmbeddingError> {
            Ok(self.passages(&[question.into()])?.remove(0).vector)
        }
    }

    #[tokio::test]
    async fn the_index_is_rebuilt_when_the_model_changes() {
        let (folder, db) = scratch().await;
        let path = folder.path().join("vectors.bin");
        let index = Arc::new(open(path.clone(), &db).await);
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        library.add("Garden", "Beans want poles.").await.unwrap();
        library.add("Sea", "Whales sing.").await.unwrap();
        index.stop().unwrap();

        let embedder = || Arc::new(Embedder::new(Arc::new(Whales)));
        let other = async || {
            let opened = VectorIndex::open(path.clone(), &db, embedder()).await;
            opened.unwrap()
        };
        let rebuilt = other().await;
        assert!(file(&rebuilt).saved.is_none(), "it was built, not read");
        // The words of the question do not count for this model.
        assert_eq!(rebuilt.search("Beans, whales?", 1).await.unwrap(), [2]);
        rebuilt.stop().unwrap();
        assert!(file(&other().await).saved.is_some());
        // The built-in model again.
        assert!(file(&open(path.clone(), &db).await).saved.is_none());
    }
}

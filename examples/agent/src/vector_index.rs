//! [`VectorIndex`]: finds passages by what they say. In memory while the agent runs, in a file in between.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use lifecycle::resource;

use crate::config::Config;
use crate::database::Database;
use crate::embedding::{Embedded, Embedder, EmbeddingError};
use crate::vectors::{Fingerprint, Vectors};

pub struct VectorIndex {
    embedder: Arc<Embedder>,
    vectors: Arc<RwLock<Vectors>>,
    file: PathBuf,
    /// What the file holds, so that an index that did not change is not written again.
    saved: Option<Fingerprint>,
}

#[derive(Debug, thiserror::Error)]
pub enum VectorIndexError {
    #[error("cannot read the passages to index")]
    Database(#[from] sqlx::Error),
    #[error("cannot embed the passages to index")]
    Embedding(#[from] EmbeddingError),
    #[error("cannot read the vector index {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Its passages may all have to be embedded as it starts, which takes a learned model minutes.
#[resource(order = 2, timeout = "3s", start_timeout = "5m")]
impl VectorIndex {
    async fn start(
        config: &Config,
        db: &Database,
        embedder: Arc<Embedder>,
    ) -> Result<Self, VectorIndexError> {
        Self::open(config.data.join("vectors.bin"), db, embedder).await
    }

    /// On a thread of its own, since it writes to a file.
    fn stop(&self) -> io::Result<()> {
        let vectors = self.read();
        if self.saved == Some(vectors.fingerprint()) {
            return Ok(());
        }
        replace(&self.file, &vectors.to_bytes())
    }
}

impl VectorIndex {
    pub async fn open(
        file: PathBuf,
        db: &Database,
        embedder: Arc<Embedder>,
    ) -> Result<Self, VectorIndexError> {
        let space = embedder.space();
        let stored = fingerprint(db).await?;
        let bytes = match tokio::fs::read(&file).await {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(VectorIndexError::Read { path: file, source }),
        };
        match bytes.map(|bytes| Vectors::from_bytes(&bytes, space)) {
            Some(Ok(vectors)) if vectors.fingerprint() == stored => {
                return Ok(Self {
                    embedder,
                    vectors: Arc::new(RwLock::new(vectors)),
                    file,
                    saved: Some(stored),
                });
            }
            Some(Ok(_)) => {
                tracing::warn!("the vector index does not match the documents: it is built again")
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the vector index cannot be used: it is built again")
            }
            None => {}
        }
        let passages: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, text FROM passages ORDER BY id")
                .fetch_all(&mut **db.connection().await?)
                .await?;
        let mut vectors = Vectors::new(space);
        let (ids, texts): (Vec<_>, _) = passages.into_iter().unzip();
        for (id, passage) in ids.into_iter().zip(embedder.passages(texts).await?) {
            vectors.insert(id, passage);
        }
        Ok(Self {
            embedder,
            vectors: Arc::new(RwLock::new(vectors)),
            file,
            saved: None,
        })
    }

    /// Where the vectors are, for people.
    pub fn describe(&self) -> String {
        format!("in memory, kept in {}", self.file.display())
    }

    /// Makes what [`insert`](Self::insert) takes.
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }

    pub fn insert(&self, passages: Vec<(i64, Embedded)>) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for (id, passage) in passages {
            vectors.insert(id, passage);
        }
    }

    pub async fn search(&self, question: &str, limit: usize) -> Result<Vec<i64>, EmbeddingError> {
        let vectors = Arc::clone(&self.vectors);
        let rarity = move |terms: &[u64]| {
            let vectors = vectors.read().unwrap_or_else(PoisonError::into_inner);
            vectors.rarity(terms)
        };
        let question = self.embedder.question(question.to_owned(), rarity).await?;
        Ok(self.read().search(&question, limit))
    }

    pub fn central(&self, of: &[i64], limit: usize) -> Vec<i64> {
        self.read().central(of, limit)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vectors> {
        self.vectors.read().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn fingerprint(db: &Database) -> Result<Fingerprint, sqlx::Error> {
    let (passages, last, bytes): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), coalesce(max(id), 0), coalesce(sum(octet_length(text)), 0) FROM passages",
    )
    .fetch_one(&mut **db.connection().await?)
    .await?;
    Ok(Fingerprint {
        passages: passages as u64,
        last,
        bytes: bytes as u64,
    })
}

/// Whoever is killed in the middle of this leaves the old file or the new one, never half of one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut out = std::fs::File::create(&new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::database::tests::scratch;
    use crate::embedding::{EmbeddingModel, HashedNgrams, Rarity, Space};
    use crate::library::Library;

    async fn open(file: PathBuf, db: &Database) -> VectorIndex {
        let embedder = Arc::new(Embedder::new(Arc::new(HashedNgrams)));
        VectorIndex::open(file, db, embedder).await.unwrap()
    }

    #[tokio::test]
    async fn it_is_saved_read_again_and_rebuilt_when_it_must_be() {
        let (folder, db) = scratch().await;
        let file = folder.path().join("vectors.bin");
        let open = async || open(file.clone(), &db).await;
        let index = Arc::new(open().await);
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        library
            .add("Garden", "Tomatoes want sun and water.")
            .await
            .unwrap();
        assert_eq!(index.search("tomatoes", 1).await.unwrap(), [1]);
        index.stop().unwrap();

        let again = open().await;
        assert!(again.saved.is_some(), "it was read, not built");
        assert_eq!(*again.read(), *index.read());

        // A document that came after the file was written, as when the process was killed.
        library.add("Sea", "Whales sing.").await.unwrap();
        let rebuilt = open().await;
        assert!(rebuilt.saved.is_none());
        assert_eq!(rebuilt.search("whales", 1).await.unwrap(), [2]);

        std::fs::write(&file, b"nonsense").unwrap();
        let rebuilt = open().await;
        assert_eq!(rebuilt.search("whales", 1).await.unwrap(), [2]);
        rebuilt.stop().unwrap();
        assert!(open().await.saved.is_some());
    }

    /// Knows but whether a text is about whales.
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
    async fn another_model_has_it_built_again_from_the_texts() {
        let (folder, db) = scratch().await;
        let file = folder.path().join("vectors.bin");
        let index = Arc::new(open(file.clone(), &db).await);
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        library.add("Garden", "Beans want poles.").await.unwrap();
        library.add("Sea", "Whales sing.").await.unwrap();
        index.stop().unwrap();

        let embedder = || Arc::new(Embedder::new(Arc::new(Whales)));
        let other = async || {
            let opened = VectorIndex::open(file.clone(), &db, embedder()).await;
            opened.unwrap()
        };
        let rebuilt = other().await;
        assert!(rebuilt.saved.is_none(), "it was built, not read");
        // Not by their words.
        assert_eq!(rebuilt.search("Beans, whales?", 1).await.unwrap(), [2]);
        rebuilt.stop().unwrap();
        assert!(other().await.saved.is_some());
        // And back.
        assert!(open(file.clone(), &db).await.saved.is_none());
    }
}

//! [`VectorIndex`]: finds passages by what they say. In memory while the agent runs, in a file in between.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use lifecycle::resource;

use crate::config::Config;
use crate::database::Database;
use crate::vectors::{Fingerprint, Vectors};

pub struct VectorIndex {
    vectors: RwLock<Vectors>,
    file: PathBuf,
    /// What the file holds, so that an index that did not change is not written again.
    saved: Option<Fingerprint>,
}

#[derive(Debug, thiserror::Error)]
pub enum VectorIndexError {
    #[error("cannot read the passages to index")]
    Database(#[from] sqlx::Error),
    #[error("cannot read the vector index {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

#[resource(order = 2, timeout = "3s")]
impl VectorIndex {
    async fn start(config: &Config, db: &Database) -> Result<Self, VectorIndexError> {
        Self::open(config.data.join("vectors.bin"), db).await
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
    pub async fn open(file: PathBuf, db: &Database) -> Result<Self, VectorIndexError> {
        let stored = fingerprint(db).await?;
        let bytes = match tokio::fs::read(&file).await {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(VectorIndexError::Read { path: file, source }),
        };
        match bytes.as_deref().map(Vectors::from_bytes) {
            Some(Ok(vectors)) if vectors.fingerprint() == stored => {
                return Ok(Self {
                    vectors: RwLock::new(vectors),
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
        let mut vectors = Vectors::default();
        for (id, text) in passages {
            vectors.insert(id, &text);
            // It may take long, and others start at the same time.
            tokio::task::consume_budget().await;
        }
        Ok(Self {
            vectors: RwLock::new(vectors),
            file,
            saved: None,
        })
    }

    pub fn insert(&self, passages: &[(i64, String)]) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for (id, text) in passages {
            vectors.insert(*id, text);
        }
    }

    pub fn search(&self, question: &str, limit: usize) -> Vec<i64> {
        self.read().search(question, limit)
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
    use crate::library::Library;

    #[tokio::test]
    async fn it_is_saved_read_again_and_rebuilt_when_it_must_be() {
        let (folder, db) = scratch().await;
        let file = folder.path().join("vectors.bin");
        let index = Arc::new(VectorIndex::open(file.clone(), &db).await.unwrap());
        let library = Library::new(Arc::clone(&db), Arc::clone(&index));
        library
            .add("Garden", "Tomatoes want sun and water.")
            .await
            .unwrap();
        assert_eq!(index.search("tomatoes", 1), [1]);
        index.stop().unwrap();

        let again = VectorIndex::open(file.clone(), &db).await.unwrap();
        assert!(again.saved.is_some(), "it was read, not built");
        assert_eq!(*again.read(), *index.read());

        // A document that came after the file was written, as when the process was killed.
        library.add("Sea", "Whales sing.").await.unwrap();
        let rebuilt = VectorIndex::open(file.clone(), &db).await.unwrap();
        assert!(rebuilt.saved.is_none());
        assert_eq!(rebuilt.search("whales", 1), [2]);

        std::fs::write(&file, b"nonsense").unwrap();
        let rebuilt = VectorIndex::open(file.clone(), &db).await.unwrap();
        assert_eq!(rebuilt.search("whales", 1), [2]);
        rebuilt.stop().unwrap();
        assert!(VectorIndex::open(file, &db).await.unwrap().saved.is_some());
    }
}

//! [`FileIndex`]: an index in memory, saved to a file when the agent stops.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::VectorIndexError;
use crate::database::Database;
use crate::embedding::{Embedded, Embedder, Rarity};
use crate::vectors::{Fingerprint, Vectors};

pub struct FileIndex {
    vectors: RwLock<Vectors>,
    file: PathBuf,
    /// The fingerprint of the file's content, so that an unchanged index is not written again.
    pub(super) saved: Option<Fingerprint>,
}

impl FileIndex {
    pub async fn open(
        file: PathBuf,
        db: &Database,
        embedder: &Embedder,
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
                    vectors: RwLock::new(vectors),
                    file,
                    saved: Some(stored),
                });
            }
            Some(Ok(_)) => {
                tracing::warn!("the vector index does not match the documents: rebuilding it")
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the vector index cannot be used: rebuilding it")
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
            vectors: RwLock::new(vectors),
            file,
            saved: None,
        })
    }

    pub fn describe(&self) -> String {
        format!("in memory, saved to {}", self.file.display())
    }

    /// Writes the index to its file, unless it is unchanged. Blocks.
    pub fn save(&self) -> io::Result<()> {
        let vectors = self.read();
        if self.saved == Some(vectors.fingerprint()) {
            return Ok(());
        }
        replace(&self.file, &vectors.to_bytes())
    }

    pub fn insert(&self, passages: Vec<(i64, Embedded)>) {
        let mut vectors = self.vectors.write().unwrap_or_else(PoisonError::into_inner);
        for (id, passage) in passages {
            vectors.insert(id, passage);
        }
    }

    pub fn rarity(&self, terms: &[u64]) -> Rarity {
        self.read().rarity(terms)
    }

    pub fn search(&self, question: &[f32], limit: usize) -> Vec<i64> {
        self.read().search(question, limit)
    }

    pub fn central(&self, of: &[i64], limit: usize) -> Vec<i64> {
        self.read().central(of, limit)
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Vectors> {
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

/// Replaces the file atomically: if the process is killed meanwhile, the file has its old content or its new one.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = file.with_extension("new");
    let mut out = std::fs::File::create(&new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(new, file)
}

//! [`Known`]: cached vectors that were computed before, by this agent or by another one that shares the cache.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::cache::Cache;
use crate::embedding::{EmbeddingError, Space};

pub struct Known {
    cache: Arc<Cache>,
    space: Space,
}

impl Known {
    pub fn new(cache: Arc<Cache>, space: Space) -> Self {
        Self { cache, space }
    }

    /// Returns the vectors of these texts, in their order: cached ones, and the output of `compute` for the others.
    /// `kind` separates vectors that differ for the same text.
    pub async fn or_compute(
        &self,
        kind: &str,
        texts: Vec<String>,
        compute: impl AsyncFnOnce(Vec<String>) -> Result<Vec<Vec<f32>>, EmbeddingError>,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let keys: Vec<_> = texts.iter().map(|text| self.key(kind, text)).collect();
        let found = self.cache.get(&keys).await;
        let known = found.iter().map(|value| self.parse(value.as_deref()?));
        let known: Vec<Option<Vec<f32>>> = known.collect();
        let missing = texts.into_iter().zip(&known);
        let missing: Vec<_> = missing.filter(|(_, known)| known.is_none()).collect();
        if missing.is_empty() {
            return Ok(known.into_iter().flatten().collect());
        }
        let missing = missing.into_iter().map(|(text, _)| text).collect();
        let mut computed = compute(missing).await?.into_iter();
        let mut entries = Vec::new();
        let mut vectors = Vec::with_capacity(keys.len());
        for (key, known) in keys.into_iter().zip(known) {
            match known {
                Some(vector) => vectors.push(vector),
                None => {
                    let vector: Vec<f32> = computed.next().unwrap_or_default();
                    let bytes = vector.iter().flat_map(|value| value.to_le_bytes());
                    entries.push((key, bytes.collect()));
                    vectors.push(vector);
                }
            }
        }
        self.cache.put(entries).await;
        Ok(vectors)
    }

    /// Returns the key of a text. It contains only a digest, since a text may be long, and other users of the Redis
    /// server should not read it.
    fn key(&self, kind: &str, text: &str) -> String {
        let digest = Sha256::digest(text);
        format!("agent:vector:1:{:x}:{kind}:{digest:x}", self.space.model)
    }

    /// Parses a cached value. An invalid one counts as missing.
    fn parse(&self, value: &[u8]) -> Option<Vec<f32>> {
        let (values, rest) = value.as_chunks();
        let whole = rest.is_empty() && values.len() == self.space.dimensions;
        whole.then(|| {
            values
                .iter()
                .map(|value| f32::from_le_bytes(*value))
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::tests::local;

    const SPACE: Space = Space {
        dimensions: 2,
        model: 7,
    };

    /// Returns the vectors, and the texts that had to be computed.
    async fn ask(known: &Known, kind: &str, texts: &[&str]) -> (Vec<Vec<f32>>, Vec<String>) {
        let mut computed = Vec::new();
        let owned = texts.iter().map(|text| (*text).to_owned()).collect();
        let vectors = known.or_compute(kind, owned, async |texts: Vec<String>| {
            let vectors = texts.iter().map(|text| vec![text.len() as f32, 1.0]);
            let vectors = vectors.collect();
            computed = texts;
            Ok(vectors)
        });
        (vectors.await.unwrap(), computed)
    }

    #[tokio::test]
    async fn known_vectors_are_not_computed_again() {
        let cache = local();
        let known = Known::new(Arc::clone(&cache), SPACE);
        let (vectors, computed) = ask(&known, "passage", &["a", "bb"]).await;
        assert_eq!(vectors, [[1.0, 1.0], [2.0, 1.0]]);
        assert_eq!(computed, ["a", "bb"]);

        let (vectors, computed) = ask(&known, "passage", &["ccc", "bb", "dddd", "a"]).await;
        assert_eq!(vectors, [[3.0, 1.0], [2.0, 1.0], [4.0, 1.0], [1.0, 1.0]]);
        assert_eq!(computed, ["ccc", "dddd"]);
        assert!(ask(&known, "passage", &["bb"]).await.1.is_empty());

        // A question has another key, and so does another model.
        assert_eq!(ask(&known, "question", &["bb"]).await.1, ["bb"]);
        let other = Known::new(Arc::clone(&cache), Space { model: 8, ..SPACE });
        assert_eq!(ask(&other, "passage", &["bb"]).await.1, ["bb"]);

        // An invalid value that another program has stored.
        let key = known.key("passage", "a");
        cache.put(vec![(key, b"nonsense!".to_vec())]).await;
        let (vectors, computed) = ask(&known, "passage", &["a"]).await;
        assert_eq!(
            (vectors, computed),
            (vec![vec![1.0, 1.0]], vec!["a".into()])
        );
    }

    #[tokio::test]
    async fn a_failure_is_returned_and_not_cached() {
        let known = Known::new(local(), SPACE);
        let failed = known.or_compute("passage", vec!["a".into()], async |_| {
            Err(EmbeddingError::Unloaded)
        });
        assert!(failed.await.is_err());
        assert_eq!(ask(&known, "passage", &["a"]).await.1, ["a"]);
    }
}

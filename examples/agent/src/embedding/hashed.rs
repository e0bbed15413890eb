//! [`HashedNgrams`]: embeds texts without downloads, by hashed n-grams with tf-idf weights.
//!
//! The features of a text are its words and, to match inflections and misspellings, the three-letter pieces of its
//! words. Each feature is hashed to one of [`DIMENSIONS`] components and a sign, so that collisions cancel out instead
//! of adding up. The rarity of a feature (idf) weighs only in questions, so that a document's vector never changes when
//! others are added.

use std::collections::HashMap;

use crate::embedding::{Embedded, EmbeddingError, EmbeddingModel, Rarity, Space, normalise};

const DIMENSIONS: usize = 1024;

/// The weight of pieces relative to words.
const PIECE_WEIGHT: f32 = 0.4;

/// The length in bytes of words that get [`SHORT_WEIGHT`]. Words this short mostly occur in every text ("is", "the",
/// "of"), which the frequencies of a few documents do not show.
const SHORT: usize = 3;
const SHORT_WEIGHT: f32 = 0.2;

#[derive(Debug, Clone, Copy)]
pub struct HashedNgrams;

impl HashedNgrams {
    pub const SPACE: Space = Space {
        dimensions: DIMENSIONS,
        // Incremented with every change of this file that changes vectors.
        model: 1,
    };

    pub fn passage(text: &str) -> Embedded {
        let features = features(text);
        let mut terms: Vec<u64> = features.keys().copied().collect();
        terms.sort_unstable();
        Embedded {
            vector: embed(&features, |_| 1.0),
            terms,
            bytes: text.len() as u64,
        }
    }

    pub fn terms(question: &str) -> Vec<u64> {
        features(question).into_keys().collect()
    }

    pub fn question(question: &str, rarity: &Rarity) -> Vec<f32> {
        let rarity = |term| rarity.get(&term).copied().unwrap_or(1.0);
        embed(&features(question), rarity)
    }
}

impl EmbeddingModel for HashedNgrams {
    fn describe(&self) -> String {
        format!("built-in, hashed n-grams in {DIMENSIONS} dimensions")
    }

    fn space(&self) -> Space {
        Self::SPACE
    }

    fn passages(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbeddingError> {
        Ok(texts.iter().map(|text| Self::passage(text)).collect())
    }

    fn terms(&self, question: &str) -> Vec<u64> {
        Self::terms(question)
    }

    fn question(&self, question: &str, rarity: &Rarity) -> Result<Vec<f32>, EmbeddingError> {
        Ok(Self::question(question, rarity))
    }

    fn is_learned(&self) -> bool {
        false
    }
}

/// Returns the features of a text by their hashes, with their weights: 1 + ln of the number of occurrences.
fn features(text: &str) -> HashMap<u64, f32> {
    let mut counts: HashMap<u64, (u32, f32)> = HashMap::new();
    let mut count = |kind: u8, feature: &str, weight| {
        counts.entry(hash(kind, feature)).or_insert((0, weight)).0 += 1;
    };
    let text = text.to_lowercase();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if word.len() <= SHORT {
            count(b'w', word, SHORT_WEIGHT);
            continue;
        }
        count(b'w', word, 1.0);
        let framed = format!("^{word}$");
        let starts: Vec<usize> = framed
            .char_indices()
            .map(|(at, _)| at)
            .chain([framed.len()])
            .collect();
        for window in starts.windows(4) {
            count(b'p', &framed[window[0]..window[3]], PIECE_WEIGHT);
        }
    }
    counts
        .into_iter()
        .map(|(hash, (n, weight))| (hash, weight * (1.0 + (n as f32).ln())))
        .collect()
}

/// Returns the features as a vector of length 1, or of length 0 if there are none.
fn embed(features: &HashMap<u64, f32>, rarity: impl Fn(u64) -> f32) -> Vec<f32> {
    let mut vector = vec![0.0; DIMENSIONS];
    // Sorted: a sum of floats depends on the order, and the iteration order of a hash map varies.
    let mut features: Vec<_> = features.iter().collect();
    features.sort_unstable_by_key(|(hash, _)| **hash);
    for (&hash, weight) in features {
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % DIMENSIONS as u64) as usize] += sign * weight * rarity(hash);
    }
    normalise(&mut vector);
    vector
}

/// FNV-1a with a final mix, since its low bits alone are too regular to select a component. Stable: saved vectors
/// depend on it.
fn hash(kind: u8, feature: &str) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in std::iter::once(kind).chain(feature.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::dot;

    fn similarity(a: &str, b: &str) -> f32 {
        let embed = |text| HashedNgrams::passage(text).vector;
        dot(&embed(a), &embed(b))
    }

    #[test]
    fn similarity_is_one_for_equal_texts_and_higher_for_related_ones() {
        let text = "the pool of connections is closed last";
        assert!((similarity(text, text) - 1.0).abs() < 1e-5);
        let near = similarity(text, "a connection pool, closing at last");
        let far = similarity(text, "tomatoes want sun and water");
        assert!(near > far + 0.2, "{near} {far}");
    }

    #[test]
    fn any_script_and_empty_texts_are_embedded() {
        assert!((similarity("Größe äöü 漢字", "größe ÄÖÜ 漢字") - 1.0).abs() < 1e-5);
        assert_eq!(similarity("", "!?"), 0.0);
    }
}

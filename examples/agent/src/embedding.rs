//! [`EmbeddingModel`]: computes vectors of texts; and [`Embedder`], the resource that has the model.

mod hashed;
mod known;
#[cfg(feature = "candle")]
mod sentence;
#[cfg(not(feature = "candle"))]
#[path = "embedding/absent.rs"]
mod sentence;

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, PoisonError, RwLock};

use lifecycle::{ConfigError, resource};
use tokio::sync::Semaphore;

use crate::cache::Cache;
use crate::config::Config;
pub use crate::embedding::hashed::HashedNgrams;
use crate::embedding::known::Known;

/// How many texts are embedded at a time.
const BATCH: usize = 32;

/// A model that computes vectors. Its methods may take long and block: [`Embedder`] calls them on blocking threads.
pub trait EmbeddingModel: Send + Sync + 'static {
    /// Returns which model this is, for messages.
    fn describe(&self) -> String;
    fn space(&self) -> Space;
    /// Embeds passages, in the order of the texts.
    fn passages(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbeddingError>;
    /// Returns the terms of a question that are weighted by their rarity among the passages. A learned model has none,
    /// since it has learned the weights.
    fn terms(&self, _question: &str) -> Vec<u64> {
        Vec::new()
    }
    fn question(&self, question: &str, rarity: &Rarity) -> Result<Vec<f32>, EmbeddingError>;
    /// Returns whether the model is learned. Then it has no terms, and its vectors are worth caching, since computing
    /// one takes longer than fetching it from a cache.
    fn is_learned(&self) -> bool {
        true
    }
}

/// Identifies vectors that are comparable with each other: those of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub dimensions: usize,
    /// A number that differs from model to model.
    pub model: u64,
}

/// The weights of terms.
pub type Rarity = HashMap<u64, f32>;

/// An embedded passage.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The vector, of length 1, or of length 0 if the text has nothing to embed.
    pub vector: Vec<f32>,
    /// The distinct terms that are weighted by their rarity.
    pub terms: Vec<u64>,
    /// The length of the text in bytes.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    #[error("the embedding model is unloaded")]
    Unloaded,
    #[error("the embedding model failed")]
    Failed(#[source] Box<dyn StdError + Send + Sync>),
}

/// The resource that has the embedding model that the configuration selects.
pub struct Embedder {
    description: String,
    space: Space,
    /// `None` once unloaded.
    model: RwLock<Option<Arc<dyn EmbeddingModel>>>,
    /// Limits concurrent computations to one per processor: more would only take memory.
    turns: Arc<Semaphore>,
    /// The cached vectors. `None` for a model that is faster than a cache.
    known: Option<Known>,
}

#[resource(order = 2)]
impl Embedder {
    /// Loads the model. Not async, since reading its files blocks.
    fn start(config: &Config, cache: Arc<Cache>) -> Result<Self, ConfigError> {
        let model = match &config.embedding {
            Some(folder) => sentence::read(folder)?,
            None => Arc::new(HashedNgrams),
        };
        Ok(Self {
            known: model.is_learned().then(|| Known::new(cache, model.space())),
            ..Self::new(model)
        })
    }

    /// Unloads the model: later requests get an error, and its memory is freed with the last computation in progress.
    async fn stop(&self) {
        drop(
            self.model
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

impl Embedder {
    pub fn new(model: Arc<dyn EmbeddingModel>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, Into::into);
        Self {
            description: model.describe(),
            space: model.space(),
            model: RwLock::new(Some(model)),
            turns: Arc::new(Semaphore::new(processors)),
            known: None,
        }
    }

    /// Returns which model this is, for messages.
    pub fn describe(&self) -> &str {
        &self.description
    }

    pub fn space(&self) -> Space {
        self.space
    }

    /// Embeds passages, in the order of the texts. Cancel safe.
    pub async fn passages(&self, texts: Vec<String>) -> Result<Vec<Embedded>, EmbeddingError> {
        let mut embedded = Vec::with_capacity(texts.len());
        let mut texts = texts.into_iter();
        // In batches, so that concurrent requests get their turn in between.
        while texts.len() > 0 {
            let batch: Vec<_> = texts.by_ref().take(BATCH).collect();
            embedded.extend(self.batch(batch).await?);
        }
        Ok(embedded)
    }

    async fn batch(&self, texts: Vec<String>) -> Result<Vec<Embedded>, EmbeddingError> {
        let compute = |texts: Vec<String>| self.compute(move |model| model.passages(&texts));
        let Some(known) = &self.known else {
            return compute(texts).await;
        };
        let lengths: Vec<_> = texts.iter().map(|text| text.len() as u64).collect();
        let compute = async |texts: Vec<String>| {
            let embedded = compute(texts).await?.into_iter();
            Ok(embedded.map(|passage: Embedded| passage.vector).collect())
        };
        let vectors = known.or_compute("passage", texts, compute).await?;
        let embedded = |(vector, bytes)| Embedded {
            vector,
            terms: Vec::new(),
            bytes,
        };
        Ok(vectors.into_iter().zip(lengths).map(embedded).collect())
    }

    /// Returns the terms of a question for the `rarity` of [`question`](Self::question). Fast: no vector is computed.
    pub fn terms(&self, question: &str) -> Result<Vec<u64>, EmbeddingError> {
        let model = self.model().ok_or(EmbeddingError::Unloaded)?;
        Ok(model.terms(question))
    }

    /// Embeds a question. `rarity` has the weights of its terms among the searched passages. Cancel safe.
    pub async fn question(
        &self,
        question: String,
        rarity: Rarity,
    ) -> Result<Vec<f32>, EmbeddingError> {
        let compute =
            |question: String| self.compute(move |model| model.question(&question, &rarity));
        let Some(known) = &self.known else {
            return compute(question).await;
        };
        let compute =
            async |mut questions: Vec<String>| Ok(vec![compute(questions.remove(0)).await?]);
        let mut vectors = known
            .or_compute("question", vec![question], compute)
            .await?;
        Ok(vectors.remove(0))
    }

    /// Runs a computation on a blocking thread.
    async fn compute<T: Send + 'static>(
        &self,
        computation: impl FnOnce(&dyn EmbeddingModel) -> Result<T, EmbeddingError> + Send + 'static,
    ) -> Result<T, EmbeddingError> {
        // The semaphore is never closed, so this does not fail.
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let model = self.model().ok_or(EmbeddingError::Unloaded)?;
        let computed = tokio::task::spawn_blocking(move || {
            // The permit moves along: the computation continues even if this future is dropped.
            let _turn = turn;
            computation(&*model)
        });
        computed
            .await
            .unwrap_or_else(|error| Err(EmbeddingError::Failed(error.into())))
    }

    fn model(&self) -> Option<Arc<dyn EmbeddingModel>> {
        let model = self.model.read().unwrap_or_else(PoisonError::into_inner);
        model.clone()
    }
}

/// Scales the vector to length 1, unless it is zero.
pub fn normalise(vector: &mut [f32]) {
    let length = dot(vector, vector).sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value /= length);
    }
}

/// Returns the dot product, which for vectors of length 1 is the cosine. The compiler does not reorder sums of floats,
/// so they are written as parallel lanes that it can vectorise.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let pairs = a.remainder().iter().zip(b.remainder());
    let rest: f32 = pairs.map(|(a, b)| a * b).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Mutex;

    use super::*;
    use crate::cache::tests::local;

    /// A model that panics when it embeds a text for the second time.
    #[derive(Default)]
    struct Once(Mutex<HashSet<String>>);

    impl EmbeddingModel for Once {
        fn describe(&self) -> String {
            "once".into()
        }

        fn space(&self) -> Space {
            Space {
                dimensions: 1,
                model: 1,
            }
        }

        fn passages(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbeddingError> {
            let embedded = |text: &String| {
                assert!(
                    self.0.lock().unwrap().insert(text.clone()),
                    "`{text}` again"
                );
                Embedded {
                    vector: vec![1.0],
                    terms: Vec::new(),
                    bytes: text.len() as u64,
                }
            };
            Ok(texts.iter().map(embedded).collect())
        }

        fn question(&self, question: &str, _: &Rarity) -> Result<Vec<f32>, EmbeddingError> {
            let question = format!("question: {question}");
            Ok(self.passages(&[question])?.remove(0).vector)
        }
    }

    #[tokio::test]
    async fn a_learned_model_embeds_a_text_once_for_all_that_share_a_cache() {
        let (cache, model) = (local(), Arc::new(Once::default()));
        for _ in 0..2 {
            let model = Arc::clone(&model);
            let known = Known::new(Arc::clone(&cache), model.space());
            let embedder = Embedder {
                known: Some(known),
                ..Embedder::new(model)
            };
            for _ in 0..2 {
                let texts = vec!["Beans want poles.".into(), "Whales sing.".into()];
                let embedded = embedder.passages(texts).await.unwrap();
                assert_eq!((embedded[0].bytes, embedded[1].bytes), (17, 12));
                let question = embedder.question("Beans?".into(), Rarity::new()).await;
                assert_eq!(question.unwrap(), [1.0]);
            }
        }
    }

    #[test]
    fn the_dot_product_includes_all_components() {
        let a: Vec<f32> = (0..37).map(|place| place as f32).collect();
        let ones = [1.0; 37];
        for length in [0, 1, 15, 16, 17, 37] {
            let sum: f32 = a[..length].iter().sum();
            assert_eq!(dot(&a[..length], &ones[..length]), sum);
        }
    }

    #[tokio::test]
    async fn an_unloaded_model_returns_an_error() {
        let embedder = Embedder::new(Arc::new(HashedNgrams));
        let texts = || vec!["Beans want poles.".to_owned()];
        let embedded = embedder.passages(texts()).await.unwrap();
        assert_eq!(embedded, [HashedNgrams::passage("Beans want poles.")]);
        embedder.stop().await;
        let refused = embedder.passages(texts()).await;
        assert!(matches!(refused, Err(EmbeddingError::Unloaded)));
    }
}

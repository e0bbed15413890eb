//! Sentence transformers, read from a folder in Hugging Face's format.
//!
//! Such a model, all-MiniLM-L6-v2 for instance, is a BERT that computes a vector for each token. The vector of a text
//! is the mean over its tokens.

use std::error::Error as StdError;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use lifecycle::ConfigError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

use crate::embedding::{Embedded, EmbeddingError, EmbeddingModel, Rarity, Space, normalise};

/// The lowest token limit of a usable model.
const FEWEST_TOKENS: usize = 8;
/// How many texts are computed together: they take as much memory as this many times the longest one.
const TOGETHER: usize = 8;
/// The file with the number of tokens that a model was trained for.
const LIMIT: &str = "sentence_bert_config.json";

/// Reads the model in the folder, and tests it with a short text. Blocks.
pub fn read(folder: &Path) -> Result<Arc<dyn EmbeddingModel>, ConfigError> {
    match SentenceModel::read(folder) {
        Ok(model) => Ok(Arc::new(model)),
        Err(wrong) => Err(ConfigError::new(format!(
            "AGENT_EMBEDDING_MODEL is `{}`, where {wrong} (allowed: a folder with config.json, tokenizer.json and model.safetensors of a BERT model, such as all-MiniLM-L6-v2; leave it out for the built-in embedding)",
            folder.display()
        ))),
    }
}

struct SentenceModel {
    description: String,
    space: Space,
    tokenizer: Tokenizer,
    bert: BertModel,
}

impl SentenceModel {
    /// Reads the model. The error says which file is wrong, and why.
    fn read(folder: &Path) -> Result<Self, String> {
        let json = contents(folder, "config.json")?;
        let config: Config = parse(&json, "config.json")?;
        check(&config).map_err(|wrong| format!("`config.json` says {wrong}"))?;
        let most_tokens = sentence_limit(folder)?.map_or(config.max_position_embeddings, |limit| {
            limit.min(config.max_position_embeddings)
        });
        if most_tokens < FEWEST_TOKENS {
            return Err(format!(
                "a text may have {most_tokens} tokens only, by `config.json` or `{LIMIT}`"
            ));
        }
        check_pooling(folder)?;

        let tokens = contents(folder, "tokenizer.json")?;
        let tokenizer = tokenizer(&tokens, &config, most_tokens)
            .map_err(|error| format!("`tokenizer.json` cannot be used: {error}"))?;

        let weights = contents(folder, "model.safetensors")?;
        let space = Space {
            dimensions: config.hidden_size,
            model: fingerprint([&json, &tokens, &weights]),
        };
        let not_it = |error: &dyn Display| {
            format!("`model.safetensors` does not hold what `config.json` describes: {error}")
        };
        // Read into memory, since a memory-mapped file is unsound in Rust if another process changes it.
        let bert = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)
            .and_then(|weights| BertModel::load(weights, &config))
            .map_err(|error| not_it(&error))?;
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        let model = Self {
            description: format!("{}, {} dimensions", name.display(), space.dimensions),
            space,
            tokenizer,
            bert,
        };
        let tried = model.vectors(&["What is a drain?".into()]);
        let tried = tried.map_err(|error| not_it(&error))?;
        if tried.iter().flatten().all(|value| value.is_finite()) {
            Ok(model)
        } else {
            Err(not_it(
                &"the computed vector has components that are no numbers",
            ))
        }
    }

    /// Computes the vectors of texts, each of length 1.
    fn vectors(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Box<dyn StdError + Send + Sync>> {
        let encoded = self.tokenizer.encode_batch(texts.to_vec(), true)?;
        let longest = encoded.first().map_or(0, |first| first.len());
        if longest == 0 {
            return Ok(vec![vec![0.0; self.space.dimensions]; texts.len()]);
        }
        let (mut ids, mut mask) = (Vec::new(), Vec::new());
        for text in &encoded {
            ids.extend_from_slice(text.get_ids());
            // 1 for a token, 0 for padding.
            mask.extend(text.get_attention_mask().iter().map(|known| *known as f32));
        }
        let shape = (texts.len(), longest);
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let tokens = self.bert.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        // The sum suffices instead of the mean, since the vector is normalised.
        let sums = tokens.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
        let mut vectors = sums.to_vec2()?;
        vectors.iter_mut().for_each(|vector| normalise(vector));
        Ok(vectors)
    }
}

impl EmbeddingModel for SentenceModel {
    fn describe(&self) -> String {
        self.description.clone()
    }

    fn space(&self) -> Space {
        self.space
    }

    fn passages(&self, texts: &[String]) -> Result<Vec<Embedded>, EmbeddingError> {
        let mut embedded = Vec::with_capacity(texts.len());
        for texts in texts.chunks(TOGETHER) {
            let vectors = self.vectors(texts).map_err(EmbeddingError::Failed)?;
            embedded.extend(
                vectors
                    .into_iter()
                    .zip(texts)
                    .map(|(vector, text)| Embedded {
                        vector,
                        terms: Vec::new(),
                        bytes: text.len() as u64,
                    }),
            );
        }
        Ok(embedded)
    }

    fn question(&self, question: &str, _: &Rarity) -> Result<Vec<f32>, EmbeddingError> {
        let vectors = self.vectors(&[question.to_owned()]);
        Ok(vectors.map_err(EmbeddingError::Failed)?.remove(0))
    }
}

fn contents(folder: &Path, file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(folder.join(file)).map_err(|error| format!("`{file}` cannot be read: {error}"))
}

/// Reads a file that is optional in a model's folder.
fn read_optional(folder: &Path, file: &str) -> Result<Option<Value>, String> {
    if folder.join(file).exists() {
        parse(&contents(folder, file)?, file).map(Some)
    } else {
        Ok(None)
    }
}

fn parse<T: DeserializeOwned>(json: &[u8], file: &str) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| format!("`{file}` is malformed: {error}"))
}

/// Checks for values that would cause a panic or wrong vectors.
fn check(config: &Config) -> Result<(), String> {
    match config {
        Config {
            model_type: Some(other),
            ..
        } if other != "bert" => Err(format!("that it is a `{other}`")),
        Config {
            hidden_size,
            num_attention_heads: heads,
            ..
        } if *heads == 0 || *hidden_size == 0 || hidden_size % heads != 0 => {
            Err(format!("that {hidden_size} dimensions have {heads} heads"))
        }
        _ => Ok(()),
    }
}

/// Returns the number of tokens that the model was trained for, if the folder has it.
fn sentence_limit(folder: &Path) -> Result<Option<usize>, String> {
    let config = read_optional(folder, LIMIT)?;
    let limit = config.and_then(|config| config["max_seq_length"].as_u64());
    Ok(limit.and_then(|limit| usize::try_from(limit).ok()))
}

fn check_pooling(folder: &Path) -> Result<(), String> {
    let file = "1_Pooling/config.json";
    match read_optional(folder, file)? {
        Some(pooling) if pooling["pooling_mode_mean_tokens"] == false => Err(format!(
            "`{file}` computes the vector of a text in another way than as the mean over its tokens"
        )),
        _ => Ok(()),
    }
}

fn tokenizer(
    json: &[u8],
    config: &Config,
    most_tokens: usize,
) -> Result<Tokenizer, Box<dyn StdError + Send + Sync>> {
    let mut tokenizer = Tokenizer::from_bytes(json)?;
    let tokens = tokenizer.get_vocab(true).into_values().max();
    let tokens = tokens.map_or(0, |last| last as usize + 1);
    if tokens > config.vocab_size {
        let known = config.vocab_size;
        return Err(format!("it has {tokens} tokens, and `config.json` {known}").into());
    }
    // The truncation and padding in the file are meant for other uses.
    tokenizer.with_truncation(Some(TruncationParams {
        max_length: most_tokens,
        ..TruncationParams::default()
    }))?;
    tokenizer.with_padding(Some(PaddingParams {
        pad_id: u32::try_from(config.pad_token_id)?,
        ..PaddingParams::default()
    }));
    Ok(tokenizer)
}

/// Hashes the files with FNV-1a, eight bytes at a time.
fn fingerprint(files: [&[u8]; 3]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut mix = |word: u64| hash = (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
    for file in files {
        mix(file.len() as u64);
        for chunk in file.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(u64::from_le_bytes(word));
        }
    }
    hash
}

#[cfg(test)]
mod tests;

//! [`Tiny`]: a model of two layers and nine tokens, with random numbers that depend only on the seed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{Device, Tensor};
use serde_json::{Value, json};

use crate::embedding::sentence::SentenceModel;

pub const TOKENS: [&str; 9] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "whale", "##s", "sing", ".",
];
pub const DIMENSIONS: usize = 12;
pub const HEADS: usize = 3;
pub const LAYERS: usize = 2;
const BETWEEN: usize = 20;
pub const POSITIONS: usize = 16;
pub const EPSILON: f64 = 1e-12;

/// A table of numbers, stored row by row.
pub struct Table {
    pub values: Vec<f32>,
    pub columns: usize,
    is_vector: bool,
}

pub struct Tiny {
    tables: HashMap<String, Table>,
}

impl Tiny {
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut tables = HashMap::new();
        let mut add = |name: String, rows: usize, columns: usize, around: f32| {
            let is_vector = rows == 0;
            let count = rows.max(1) * columns;
            let values = (0..count).map(|_| around + random.f32() - 0.5).collect();
            let table = Table {
                values,
                columns,
                is_vector,
            };
            tables.insert(name, table);
        };
        for (name, rows) in [
            ("word", TOKENS.len()),
            ("position", POSITIONS),
            ("token_type", 2),
        ] {
            add(
                format!("embeddings.{name}_embeddings.weight"),
                rows,
                DIMENSIONS,
                0.0,
            );
        }
        let mut norms = vec!["embeddings.LayerNorm".to_owned()];
        let mut linear = Vec::new();
        for layer in 0..LAYERS {
            let at = format!("encoder.layer.{layer}");
            for part in ["query", "key", "value"] {
                linear.push((
                    format!("{at}.attention.self.{part}"),
                    DIMENSIONS,
                    DIMENSIONS,
                ));
            }
            linear.push((
                format!("{at}.attention.output.dense"),
                DIMENSIONS,
                DIMENSIONS,
            ));
            linear.push((format!("{at}.intermediate.dense"), BETWEEN, DIMENSIONS));
            linear.push((format!("{at}.output.dense"), DIMENSIONS, BETWEEN));
            norms.push(format!("{at}.attention.output.LayerNorm"));
            norms.push(format!("{at}.output.LayerNorm"));
        }
        for (name, out, from) in linear {
            add(format!("{name}.weight"), out, from, 0.0);
            add(format!("{name}.bias"), 0, out, 0.0);
        }
        for name in norms {
            add(format!("{name}.weight"), 0, DIMENSIONS, 1.0);
            add(format!("{name}.bias"), 0, DIMENSIONS, 0.0);
        }
        Self { tables }
    }

    pub fn table(&self, name: &str) -> &Table {
        &self.tables[name]
    }

    pub fn set(&mut self, name: &str, value: f32) {
        self.tables.get_mut(name).unwrap().values.fill(value);
    }

    pub fn config() -> Value {
        json!({
            "model_type": "bert",
            "vocab_size": TOKENS.len(),
            "hidden_size": DIMENSIONS,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "intermediate_size": BETWEEN,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "max_position_embeddings": POSITIONS,
            "type_vocab_size": 2,
            "initializer_range": 0.02,
            "layer_norm_eps": EPSILON,
            "pad_token_id": 0,
        })
    }

    /// Returns a tokenizer with truncation and padding for some other use, as published ones have them.
    fn tokenizer() -> Value {
        let vocabulary: HashMap<_, _> = TOKENS.iter().zip(0..).collect();
        let special = |id: usize| {
            json!({
                "id": id, "content": TOKENS[id], "special": true,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            })
        };
        let piece = |id: &str| json!({"SpecialToken": {"id": id, "type_id": 0}});
        let known = |id: &str, number: u32| json!({"id": id, "ids": [number], "tokens": [id]});
        let text = json!({"Sequence": {"id": "A", "type_id": 0}});
        json!({
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0},
            "padding": {
                "strategy": {"Fixed": 5}, "direction": "Right", "pad_to_multiple_of": null,
                "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
            },
            "added_tokens": [special(0), special(1), special(2), special(3)],
            "normalizer": {
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": null, "lowercase": true,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [piece("[CLS]"), text, piece("[SEP]")],
                "pair": [piece("[CLS]"), text, piece("[SEP]")],
                "special_tokens": {"[CLS]": known("[CLS]", 2), "[SEP]": known("[SEP]", 3)},
            },
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
            "model": {
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": vocabulary,
            },
        })
    }

    /// Returns the content of `model.safetensors`.
    pub fn weights(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("weights");
        let tensor = |table: &Table| {
            let (values, device) = (table.values.clone(), &Device::Cpu);
            if table.is_vector {
                Tensor::from_vec(values, table.columns, device).unwrap()
            } else {
                let shape = (values.len() / table.columns, table.columns);
                Tensor::from_vec(values, shape, device).unwrap()
            }
        };
        let tensors = self
            .tables
            .iter()
            .map(|(name, table)| (name, tensor(table)));
        candle_core::safetensors::save(&tensors.collect(), &file).unwrap();
        fs::read(file).unwrap()
    }

    pub fn write(&self, folder: &Path) {
        let write = |file: &str, content: &[u8]| fs::write(folder.join(file), content).unwrap();
        write("config.json", Self::config().to_string().as_bytes());
        write("tokenizer.json", Self::tokenizer().to_string().as_bytes());
        write("model.safetensors", &self.weights());
    }

    pub fn read(&self) -> SentenceModel {
        let folder = tempfile::tempdir().unwrap();
        self.write(folder.path());
        SentenceModel::read(folder.path()).unwrap()
    }
}

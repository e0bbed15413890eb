//! Tests with a tiny model of random numbers, which is compared with a plain implementation of BERT.

mod reference;
mod tiny;

use std::fs;

use lifecycle::Running;
use serde_json::json;
use tiny::Tiny;

use super::*;
use crate::embedding::dot;
use crate::server::tests::{post, start_as};

fn made(seed: u64) -> (tempfile::TempDir, Tiny) {
    let folder = tempfile::tempdir().unwrap();
    let tiny = Tiny::new(seed);
    tiny.write(folder.path());
    (folder, tiny)
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn assert_near(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    let far = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    let far = far.fold(0.0, f32::max);
    assert!(far < 1e-5, "{far} apart:\n{a:?}\n{b:?}");
}

#[test]
fn vectors_equal_those_of_the_plain_implementation() {
    for seed in 0..4 {
        let (folder, tiny) = made(seed);
        let model = SentenceModel::read(folder.path()).unwrap();
        // In the vocabulary: [CLS] the whale ##s sing . [SEP]
        let found = model.vectors(&texts(&["The WHALES sing."])).unwrap();
        let expected = reference::sentence(&tiny, &[2, 4, 5, 6, 7, 8, 3]);
        assert_near(&found[0], &expected);
    }
}

#[test]
fn a_vector_has_length_one_and_depends_on_nothing_but_the_text() {
    let (folder, _) = made(7);
    let model = SentenceModel::read(folder.path()).unwrap();
    let all = texts(&["whales", "the whales sing.", "", "漢字 Größe", "!?"]);
    let together = model.vectors(&all).unwrap();
    for (text, vector) in all.iter().zip(&together) {
        assert!((dot(vector, vector) - 1.0).abs() < 1e-5, "{text}");
        let alone = model.vectors(std::slice::from_ref(text)).unwrap();
        assert_near(vector, &alone[0]);
        assert_near(vector, &model.question(text, &Rarity::new()).unwrap());
    }
    assert!(dot(&together[0], &together[1]) < 0.999);
    let again = SentenceModel::read(folder.path()).unwrap();
    assert_eq!(again.vectors(&all).unwrap(), together);
    assert_eq!(again.space(), model.space());
    assert_ne!(made(8).1.read().space(), model.space());
}

#[test]
fn a_text_that_is_too_long_is_truncated() {
    let (folder, tiny) = made(7);
    let model = SentenceModel::read(folder.path()).unwrap();
    let long = model.vectors(&texts(&[&"sing ".repeat(100)])).unwrap();
    let mut tokens = vec![2];
    tokens.extend([7; tiny::POSITIONS - 2]);
    tokens.push(3);
    assert_near(&long[0], &reference::sentence(&tiny, &tokens));

    // The limit of the training applies, too.
    let limit = json!({"max_seq_length": 9}).to_string();
    fs::write(folder.path().join("sentence_bert_config.json"), limit).unwrap();
    let model = SentenceModel::read(folder.path()).unwrap();
    let long = model.vectors(&texts(&[&"sing ".repeat(100)])).unwrap();
    let expected = reference::sentence(&tiny, &[2, 7, 7, 7, 7, 7, 7, 7, 3]);
    assert_near(&long[0], &expected);
}

/// Returns the error for a folder with `content` in place of one of its files, or without that file.
fn wrong(file: &str, content: Option<&[u8]>) -> String {
    let (folder, _) = made(7);
    let path = folder.path().join(file);
    match content {
        Some(content) => {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        None => fs::remove_file(path).unwrap(),
    }
    let error = read(folder.path()).err().expect("an error").to_string();
    let name = folder.path().display().to_string();
    for part in ["AGENT_EMBEDDING_MODEL", &name, file, "all-MiniLM-L6-v2"] {
        assert!(error.contains(part), "{part} is missing in: {error}");
    }
    error
}

/// Returns the error for a folder with another value in `config.json`.
fn wrong_config(name: &str, value: Value) -> String {
    let mut config = Tiny::config();
    config[name] = value;
    wrong("config.json", Some(config.to_string().as_bytes()))
}

#[test]
fn a_missing_or_wrong_file_is_an_error_that_names_it() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let error = wrong(file, None);
        assert!(error.contains("cannot be read: No such file"), "{error}");
        for nonsense in [&b"nonsense"[..], b"", b"{}"] {
            wrong(file, Some(nonsense));
        }
    }
    let weights = Tiny::new(7).weights();
    wrong("model.safetensors", Some(&weights[..weights.len() / 2]));
    let mut nan = Tiny::new(7);
    nan.set("embeddings.LayerNorm.bias", f32::NAN);
    let error = wrong("model.safetensors", Some(&nan.weights()));
    assert!(error.contains("no numbers"), "{error}");
    let pooling = json!({"pooling_mode_mean_tokens": false}).to_string();
    wrong("1_Pooling/config.json", Some(pooling.as_bytes()));
}

#[test]
fn a_configuration_that_does_not_match_is_an_error() {
    for (name, value) in [
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(5)),
        ("hidden_size", json!(0)),
        ("model_type", json!("roberta")),
        ("hidden_act", json!("softplus")),
        ("vocab_size", json!(-1)),
    ] {
        wrong_config(name, value);
    }
    // These mismatches are reported for the other file.
    let mismatches = [
        ("hidden_size", json!(32), "model.safetensors"),
        ("num_hidden_layers", json!(3), "model.safetensors"),
        ("vocab_size", json!(5), "tokenizer.json"),
        ("max_position_embeddings", json!(4), "4 tokens only"),
    ];
    for (name, value, said) in mismatches {
        let error = wrong_config(name, value);
        assert!(error.contains(said), "{said} is missing in: {error}");
    }
}

async fn start(data: &Path, model: Option<&Path>) -> (Running, String) {
    let config = crate::config::Config {
        embedding: model.map(Path::to_owned),
        ..crate::config::tests::in_folder(data)
    };
    start_as(config).await
}

#[tokio::test]
async fn the_agent_searches_with_the_model_serves_it_and_unloads_it() {
    let (data, (folder, tiny)) = (tempfile::tempdir().unwrap(), made(7));
    let (running, at) = start(data.path(), None).await;
    let document = json!({"title": "Sea", "text": "The whales sing."});
    assert_eq!(
        post(format!("{at}/documents"), document).await.status(),
        201
    );
    assert!(running.stop().await.is_clean());

    // The index that the first run saved has the vectors of another model.
    let (running, at) = start(data.path(), Some(folder.path())).await;
    let embedded = post(
        format!("{at}/v1/embeddings"),
        json!({"input": "the whales sing."}),
    )
    .await;
    let embedded: Value = embedded.json().await.unwrap();
    let found: Vec<f32> = serde_json::from_value(embedded["data"][0]["embedding"].clone()).unwrap();
    assert_near(&found, &reference::sentence(&tiny, &[2, 4, 5, 6, 7, 8, 3]));
    let library = running.get::<crate::library::Library>().unwrap();
    let found = library.search("the whales sing.", 1).await.unwrap();
    assert_eq!(found, ["The whales sing."]);
    let embedder = running.get::<crate::embedding::Embedder>().unwrap();
    drop(library);
    let report = running.stop().await;
    assert!(report.is_clean(), "{report}");
    let refused = embedder.passages(texts(&["whales"])).await;
    assert!(matches!(refused, Err(EmbeddingError::Unloaded)));
}

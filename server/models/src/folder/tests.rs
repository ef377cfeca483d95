use super::{describe, is_model};
use std::{fs, path::Path};
use tempfile::TempDir;

const CONFIG: &str = r#"{"model_type": "bert", "max_position_embeddings": 512}"#;

/// A header and as many bytes of weights.
fn weights(header: &str, n_bytes: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + n_bytes, 0);
    bytes
}

const HEADER: &str = r#"{"__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "ids": {"dtype": "I64", "shape": [1], "data_offsets": [24, 32]}}"#;

fn folder(config: &str, weights: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), config).unwrap();
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    fs::write(folder.path().join("model.safetensors"), weights).unwrap();
    folder
}

#[track_caller]
fn check(folder: &Path, expected: &str) {
    assert!(is_model(folder));
    let found = describe(folder).map_or_else(|err| err, |it| format!("{it:?}"));
    assert!(found.contains(expected), "{found}");
}

#[test]
fn a_folder_describes_its_model() {
    let folder = folder(CONFIG, &weights(HEADER, 32));
    check(
        folder.path(),
        "Description { architecture: Some(\"bert\"), n_ctx_train: Some(512), tensor_type: Some(\"F32\"), n_parameters: 7 }",
    );
    fs::write(folder.path().join("sentence_bert_config.json"), r#"{"max_seq_length": 256}"#).unwrap();
    check(folder.path(), "n_ctx_train: Some(256)");
}

#[test]
fn what_is_wrong_is_said() {
    check(folder("{", &weights(HEADER, 32)).path(), "config.json cannot be used");
    check(folder(r#"{"model_type": "t5"}"#, &weights(HEADER, 32)).path(), "“t5” are not supported");
    check(folder(CONFIG, &weights(HEADER, 31)).path(), "cut off");
    check(folder(CONFIG, &weights(HEADER, 0)[..40]).path(), "cut off");
    check(folder(CONFIG, b"").path(), "cut off");
    check(folder(CONFIG, &[255; 64]).path(), "no safetensors");
    check(folder(CONFIG, &weights("[]", 0)).path(), "damaged");
    let backwards = r#"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [8, 0]}}"#;
    check(folder(CONFIG, &weights(backwards, 8)).path(), "a ends before it begins");
    let lacking = folder(CONFIG, &weights(HEADER, 32));
    fs::remove_file(lacking.path().join("tokenizer.json")).unwrap();
    check(lacking.path(), "tokenizer.json is missing");
}

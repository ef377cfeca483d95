use super::Manifest;
use std::fs;
use tempfile::TempDir;

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 9, "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "intermediate_size": 16, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
    "max_position_embeddings": 64, "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
    "pad_token_id": 0}"#;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// How the vectors are made and how long a text may be, or what is wrong with these files.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &str) {
    let found = match Manifest::read(folder(files).path()) {
        Ok(manifest) if manifest.ranks => format!("ranks, {} tokens", manifest.limit),
        Ok(manifest) => format!("{:?}, {} tokens", manifest.pooling, manifest.limit),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(expected), "{found}");
}

fn modules(last: &str) -> String {
    let module = |path: &str, kind: &str| {
        format!(r#"{{"path": "{path}", "type": "sentence_transformers.models.{kind}"}}"#)
    };
    format!("[{}, {last}]", module("", "Transformer"))
}

#[test]
fn a_folder_says_how_vectors_are_made() {
    let bare = ("config.json", CONFIG);
    check(&[bare], "Mean, 64 tokens");
    let pooling = modules(r#"{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}"#);
    let with = |config: &str| {
        let files = [bare, ("modules.json", &pooling), ("1_Pooling/config.json", config)];
        check(&files, if config.contains("cls") { "Cls, 64" } else { "Last, 64" });
    };
    with(r#"{"pooling_mode_cls_token": true}"#);
    with(r#"{"pooling_mode_lasttoken": true, "word_embedding_dimension": 8}"#);
    check(&[bare, ("sentence_bert_config.json", r#"{"max_seq_length": 32}"#)], "Mean, 32 tokens");
    check(&[bare, ("sentence_bert_config.json", r#"{"max_seq_length": 512}"#)], "Mean, 64 tokens");
}

#[test]
fn a_head_with_one_number_ranks() {
    let with = |labels: &str| {
        let head = format!(r#"{{"architectures": ["BertForSequenceClassification"]{labels}, "#);
        CONFIG.replacen('{', &head, 1)
    };
    check(&[("config.json", &with(""))], "ranks, 64 tokens");
    check(&[("config.json", &with(r#", "id2label": {"0": "LABEL_0"}"#))], "ranks, 64 tokens");
    let several = with(r#", "id2label": {"0": "sad", "1": "glad"}"#);
    check(&[("config.json", &several)], "“BertForSequenceClassification with 2 classes” are not supported");
}

#[test]
fn what_is_wrong_is_said() {
    let bare = ("config.json", CONFIG);
    check(&[], "config.json cannot be read");
    check(&[("config.json", "{")], "config.json is not what it should be");
    check(&[("config.json", r#"{"model_type": "t5"}"#)], "models of the type “t5” are not supported");
    let dense = modules(r#"{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}"#);
    check(&[bare, ("modules.json", &dense)], "Dense” are not supported");
    let outside = modules(r#"{"path": "../x", "type": "sentence_transformers.models.Pooling"}"#);
    check(&[bare, ("modules.json", &outside)], "leads out of the folder");
    let pooling = modules(r#"{"path": "p", "type": "sentence_transformers.models.Pooling"}"#);
    let unusual = ("p/config.json", r#"{"pooling_mode_max_tokens": true}"#);
    check(&[bare, ("modules.json", &pooling), unusual], "none of mean, first token and last token");
    let uneven = CONFIG.replace("\"num_attention_heads\": 2", "\"num_attention_heads\": 3");
    check(&[("config.json", &uneven)], "the heads do not share the width");
}

//! Folders that lie.

use crate::run_worker;
use crate::tests::{
    exactly,
    tiny_twins::{Family, Form, put, write_folder},
};
use protocol::{Command, DraftModel, Event, LoadRequest, read_frame, write_frame};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// What a worker says to a folder that `damage` changed.
#[track_caller]
fn check(damage: impl FnOnce(&Path), expected: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    write_folder(&path, Family::Qwen3, 1, Form { is_cut_in_two: true, ..Form::default() });
    damage(&path);
    let reason = refusal(exactly(&path, None));
    assert!(reason.contains(expected), "{reason}");
}

/// Why a worker does not load.
fn refusal(request: LoadRequest) -> String {
    let (input, mut commands) = std::io::pipe().expect("a pipe");
    let (mut events, output) = std::io::pipe().expect("a pipe");
    let thread = std::thread::spawn(move || run_worker(input, output));
    write_frame(&mut commands, &Command::Load(request)).expect("a worker that reads");
    let reason = loop {
        match read_frame(&mut events).expect("whole frames").expect("an answer") {
            Event::LoadFailed { reason } => break reason,
            Event::LoadProgress(_) => {}
            other => panic!("{other:?}"),
        }
    };
    drop(commands);
    thread.join().expect("no panic").expect("ends with its input");
    reason
}

/// Changes a description.
fn edit(name: &'static str, change: impl FnOnce(&mut Value)) -> impl FnOnce(&Path) {
    move |folder| {
        let text = fs::read(folder.join(name)).expect("it is there");
        let mut json = serde_json::from_slice(&text).expect("JSON");
        change(&mut json);
        put(folder, name, &json);
    }
}

fn set(key: &'static str, value: Value) -> impl FnOnce(&Path) {
    edit("config.json", move |config| config[key] = value)
}

#[test]
fn what_is_not_known_is_said() {
    check(set("model_type", json!("gpt_neox")), "models of the type “gpt_neox” are not supported");
    check(set("architectures", json!(["Qwen3ForSequenceClassification"])), "Qwen3ForSequenceClassification");
    check(set("hidden_act", json!("gelu")), "hidden_act");
    check(set("rope_scaling", json!({"rope_type": "yarn", "factor": 4.0})), "“yarn” are not supported");
    check(set("quantization_config", json!({"quant_method": "awq"})), "quantised for other programs");
}

#[test]
fn numbers_are_not_believed() {
    check(set("num_hidden_layers", json!(1_000_000_000)), "more than any model has");
    check(set("num_hidden_layers", json!(3)), "it has no tensor model.layers.2");
    check(set("vocab_size", json!(1 << 19)), "its description says");
    check(set("num_attention_heads", json!(0)), "num_attention_heads is 0");
    check(set("num_key_value_heads", json!(3)), "do not share the keys evenly");
    check(set("head_dim", json!(7)), "odd width");
    check(set("max_position_embeddings", json!(-1)), "config.json is not what it should be");
    check(set("rms_norm_eps", json!("small")), "config.json is not what it should be");
    check(set("rope_theta", json!(0.0)), "rope_theta");
}

const SECOND: &str = "model-00002-of-00002.safetensors";

#[test]
fn weights_are_all_there() {
    check(|folder| fs::remove_file(folder.join(SECOND)).expect("it was there"), "is missing");
    let cut = |n_bytes: u64| {
        move |folder: &Path| {
            let file = fs::File::options().write(true).open(folder.join(SECOND)).expect("it is there");
            file.set_len(n_bytes).expect("a shorter file");
        }
    };
    check(cut(4), "cut off");
    check(cut(100), "cut off");
    check(cut(10_000), "cut off");
    let escape = |index: &mut Value| index["weight_map"]["model.norm.weight"] = json!("../model.safetensors");
    check(edit("model.safetensors.index.json", escape), "leads out of the folder");
}

/// Puts a header that says something else before the same data.
fn relabel(change: impl FnOnce(&mut Value)) -> impl FnOnce(&Path) {
    move |folder| {
        let bytes = fs::read(folder.join(SECOND)).expect("it is there");
        let (length, rest) = bytes.split_at(8);
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
        let mut header = serde_json::from_slice(&rest[..length]).expect("JSON");
        change(&mut header);
        let header = header.to_string();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.as_bytes());
        file.extend(&rest[length..]);
        fs::write(folder.join(SECOND), file).expect("a file");
    }
}

#[test]
fn headers_of_weights_are_not_believed() {
    const NAME: &str = "model.layers.1.mlp.down_proj.weight";
    check(relabel(|it| it[NAME]["dtype"] = json!("F8_E4M3")), "weights of the type F8_E4M3");
    check(relabel(|it| it[NAME]["dtype"] = json!("F16")), "not as many bytes");
    check(relabel(|it| it[NAME]["shape"] = json!([64, 97])), "has the shape [64, 97]");
    check(relabel(|it| it[NAME]["data_offsets"] = json!([100, 0])), "ends before it begins");
    check(relabel(|it| it[NAME]["data_offsets"] = json!([0, u64::MAX])), "cut off");
    check(relabel(|it| it[NAME]["data_offsets"] = json!("all")), "not what it should be");
    let huge = |folder: &Path| fs::write(folder.join(SECOND), [0xFF; 64]).expect("a file");
    check(huge, "no safetensors file");
}

#[test]
fn words_are_whole_and_different() {
    check(|folder| fs::write(folder.join("tokenizer.json"), "{}").expect("a file"), "tokenizer.json is not");
    check(|folder| fs::remove_file(folder.join("tokenizer.json")).expect("it was there"), "cannot be read");
    let unigram = json!({"type": "Unigram", "vocab": [["a", 0.0]], "unk_id": 0});
    check(edit("tokenizer.json", |it| it["model"] = unigram), "not made by merging pairs");
    check(edit("tokenizer.json", |it| it["decoder"] = Value::Null), "written in an unknown way");
    let beyond = |it: &mut Value| it["model"]["vocab"]["far"] = json!(1_000_000_000);
    check(edit("tokenizer.json", beyond), "has the number 1000000000");
    let twice = |it: &mut Value| {
        let words = it["model"]["vocab"].as_object_mut().expect("words");
        let (first, second) = (words.remove("!").expect("a word"), words.remove("\"").expect("a word"));
        words.insert("!".to_owned(), json!(260));
        words.insert(format!("[UNUSED_{first}]"), second);
    };
    check(edit("tokenizer.json", twice), "two of its words are written");
}

#[test]
fn a_draft_model_that_was_asked_for_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("model");
    write_folder(&path, Family::Llama, 1, Form::default());
    let draft_model = Some(DraftModel { path: folder.path().join("draft.gguf"), is_required: true });
    let reason = refusal(LoadRequest { draft_model, ..exactly(&path, None) });
    assert!(reason.contains("takes no draft model"), "{reason}");
}

use super::*;
use serde_json::json;
use tempfile::TempDir;

/// A folder with five words, of which the last two are special.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let special = |id: u32, text: &str| {
        json!({
            "id": id, "content": text, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            "special": true,
        })
    };
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true});
    let tokenizer = json!({
        "version": "1.0",
        "added_tokens": [special(3, "<begin>"), special(4, "<end>")],
        "normalizer": null,
        "pre_tokenizer": bytes,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<begin>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<begin>": {"id": "<begin>", "ids": [3], "tokens": ["<begin>"]}},
        },
        "decoder": bytes,
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]},
    });
    put(&folder, "tokenizer.json", &tokenizer.to_string());
    folder
}

fn put(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).expect("a file");
}

fn read(folder: &TempDir) -> Words {
    Words::read(folder.path(), 8).expect("a tokenizer")
}

#[test]
fn texts_become_the_words_of_the_folder() {
    let words = read(&folder());
    let texts: Vec<_> = words.words.iter().map(|word| (word.text.as_str(), word.kind)).collect();
    let (normal, control) = (WordKind::Normal, WordKind::Control);
    let expected = [("a", normal), ("b", normal), ("ab", normal), ("<begin>", control), ("<end>", control)];
    assert_eq!((texts, words.spelling), (expected.to_vec(), Spelling::Bytes));
    assert_eq!(words.tokens("abb<end>a"), Ok(vec![2, 1, 4, 0]));
}

#[test]
fn what_begins_and_ends_a_text_may_be_said_in_several_places() {
    let folder = folder();
    let check = |expected: (Option<u32>, bool, &[u32])| {
        let words = read(&folder);
        assert_eq!((words.bos, words.adds_bos, &words.ends[..]), expected);
    };
    check((None, false, &[]));
    put(&folder, "tokenizer_config.json", r#"{"bos_token": "<begin>", "eos_token": {"content": "<end>"}}"#);
    check((Some(3), true, &[4]));
    put(&folder, "config.json", r#"{"eos_token_id": 1}"#);
    check((Some(3), true, &[4, 1]));
    put(&folder, "generation_config.json", r#"{"eos_token_id": [2, 4, 70000]}"#);
    check((Some(3), true, &[4, 2, 1]));
}

#[test]
fn the_chat_template_may_be_in_several_places() {
    let folder = folder();
    let check = |expected: Option<&str>| assert_eq!(read(&folder).template.as_deref(), expected);
    check(None);
    put(&folder, "tokenizer_config.json", r#"{"chat_template": "one"}"#);
    check(Some("one"));
    let named =
        r#"{"chat_template": [{"name": "tools", "template": "x"}, {"name": "default", "template": "two"}]}"#;
    put(&folder, "tokenizer_config.json", named);
    check(Some("two"));
    put(&folder, "chat_template.jinja", "three");
    check(Some("three"));
}

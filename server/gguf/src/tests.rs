use super::{Header, HeaderError, parse};
use std::{fs, io::Cursor, path::Path};
use types::model::Purpose;

/// Writes a small header.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn u32(mut self, n: u32) -> Self {
        self.bytes.extend(n.to_le_bytes());
        self
    }

    fn u64(mut self, n: u64) -> Self {
        self.bytes.extend(n.to_le_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self = self.u64(text.len() as u64);
        self.bytes.extend(text.as_bytes());
        self
    }

    fn start(n_tensors: u64, n_keys: u64) -> Self {
        let mut writer = Self::default();
        writer.bytes.extend(b"GGUF");
        writer.u32(3).u64(n_tensors).u64(n_keys)
    }
}

fn whole() -> Vec<u8> {
    let writer = Writer::start(1, 9)
        .text("general.architecture")
        .u32(8)
        .text("llama")
        .text("general.file_type")
        .u32(4)
        .u32(7)
        .text("llama.context_length")
        .u32(4)
        .u32(8192)
        .text("llama.block_count")
        .u32(4)
        .u32(3)
        .text("llama.embedding_length")
        .u32(4)
        .u32(64)
        .text("llama.attention.head_count")
        .u32(4)
        .u32(4)
        .text("llama.attention.head_count_kv")
        .u32(9)
        .u32(4)
        .u64(3)
        .u32(2)
        .u32(1)
        .u32(2)
        .text("tokenizer.ggml.tokens")
        .u32(9)
        .u32(8)
        .u64(2)
        .text("a")
        .text("b")
        .text("tokenizer.chat_template")
        .u32(8)
        .text("{{ x }}")
        .text("output.weight")
        .u32(2)
        .u64(4)
        .u64(4)
        .u32(0)
        .u64(0);
    let mut bytes = writer.bytes;
    bytes.extend([0; 64]);
    bytes
}

fn read(bytes: &[u8]) -> Result<Header, HeaderError> {
    parse(Cursor::new(bytes), bytes.len() as u64)
}

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    let found = read(bytes).map_or_else(|err| err.to_string(), |_| "ok".to_owned());
    assert!(found.contains(expected), "{found}");
}

#[test]
fn a_whole_header_describes_the_model() {
    let header = read(&whole()).unwrap();
    assert_eq!(header.architecture.as_deref(), Some("llama"));
    assert_eq!((header.n_ctx_train(), header.quantisation()), (Some(8192), Some("Q8_0".into())));
    assert!(header.has_chat_template);
    // Five heads over all layers, each with a key and a value of 16 numbers of two bytes.
    assert_eq!((header.cell_bytes(), header.n_vocab), (Some(5 * (16 + 16) * 2), 2));
}

/// A model of an architecture, made to make vectors in a way.
fn made_for(architecture: &str, pooling: Option<u32>) -> Header {
    let mut writer = Writer::start(0, 3 + u64::from(pooling.is_some()));
    writer = writer.text("general.architecture").u32(8).text(architecture);
    for (key, n) in [("block_count", Some(2)), ("embedding_length", Some(64)), ("pooling_type", pooling)] {
        if let Some(n) = n {
            writer = writer.text(&format!("{architecture}.{key}")).u32(4).u32(n);
        }
    }
    read(&writer.bytes).unwrap()
}

#[test]
fn a_header_says_what_the_model_is_for() {
    let check = |architecture, pooling, expected| {
        assert_eq!(made_for(architecture, pooling).purpose(), expected, "{architecture} {pooling:?}");
    };
    check("llama", None, Purpose::Writing);
    check("qwen3", Some(0), Purpose::Writing);
    check("qwen3", Some(3), Purpose::Embedding);
    check("bert", Some(1), Purpose::Embedding);
    check("nomic-bert", None, Purpose::Embedding);
    check("bert", Some(4), Purpose::Reranking);
    check("qwen3", Some(4), Purpose::Reranking);
}

#[test]
fn what_looks_at_whole_texts_keeps_nothing_of_them() {
    assert_eq!(made_for("bert", Some(1)).cell_bytes(), Some(0));
}

#[test]
fn cut_at_every_byte_it_is_refused_and_never_panics() {
    let bytes = whole();
    for end in 0..bytes.len() - 64 {
        assert!(read(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn lies_about_sizes_are_refused() {
    check(&Writer::start(u64::MAX, 0).bytes, "more entries");
    check(&Writer::start(0, u64::MAX).bytes, "more entries");
    check(&Writer::start(0, 1).u64(u64::MAX).bytes, "cut off");
    check(&Writer::start(0, 1).text("k").u32(9).u32(8).u64(u64::MAX).bytes, "longer than the file");
    check(&Writer::start(0, 1).text("k").u32(9).u32(10).u64(1 << 62).bytes, "longer than the file");
    check(&Writer::start(0, 1).text("k").u32(77).bytes, "unknown type");
    check(&Writer::start(1, 0).text("t").u32(2).u64(u64::MAX).u64(3).u32(0).u64(0).bytes, "too large");
    check(&Writer::start(1, 0).text("t").u32(1).u64(1).u32(0).u64(u64::MAX).bytes, "cut off");
}

#[test]
fn other_files_are_named_so() {
    check(b"", "not a GGUF");
    check(b"<html>404</html>", "not a GGUF");
    check(&[b"GGUF".to_vec(), 9_u32.to_le_bytes().to_vec()].concat(), "version 9");
}

/// Everything that can be asked of a header, for what must not fail: it has no wrong answer.
fn ask_everything(bytes: &[u8]) {
    if let Ok(header) = read(bytes) {
        let _ = (header.n_ctx_train(), header.cell_bytes(), header.purpose(), header.quantisation());
    }
}

#[test]
fn what_the_fuzzer_found_worth_keeping_is_read_or_refused() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files: Vec<_> = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.len() >= 4, "the corpus is gone");
    for file in files {
        ask_everything(&fs::read(file).unwrap());
    }
}

#[test]
fn one_wrong_byte_anywhere_is_read_or_refused() {
    let mut bytes = whole();
    for at in 0..bytes.len() {
        let right = bytes[at];
        for wrong in [0, 1, 0x7f, 0x80, 0xff, right ^ 4] {
            bytes[at] = wrong;
            ask_everything(&bytes);
        }
        bytes[at] = right;
    }
}

/// A header with a vocabulary of `n` words.
fn with_vocabulary(tokenizer: &str, before: &str, n: u64) -> Header {
    let mut writer = Writer::start(0, 3)
        .text("tokenizer.ggml.model")
        .u32(8)
        .text(tokenizer)
        .text("tokenizer.ggml.pre")
        .u32(8)
        .text(before)
        .text("tokenizer.ggml.tokens")
        .u32(9)
        .u32(8)
        .u64(n);
    for i in 0..n {
        writer = writer.text(&format!("w{i}"));
    }
    let len = writer.bytes.len() as u64;
    parse(Cursor::new(writer.bytes), len).unwrap()
}

#[test]
fn a_vocabulary_is_the_same_up_to_unused_words_at_its_end() {
    let model = with_vocabulary("gpt2", "qwen2", 400);
    let check = |tokenizer, before, n, expected| {
        assert_eq!(model.has_vocabulary_of(&with_vocabulary(tokenizer, before, n)), expected);
    };
    check("gpt2", "qwen2", 400, true);
    check("gpt2", "qwen2", 300, true);
    check("gpt2", "qwen2", 200, false);
    check("gpt2", "llama-bpe", 400, false);
    check("llama", "qwen2", 400, false);
    assert!(!Header::default().has_vocabulary_of(&Header::default()), "nothing is known of either");
}

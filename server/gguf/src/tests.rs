use super::{Header, HeaderError, parse, parse_beginning, parse_details, parse_imatrix};
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
    // Tensors begin where a multiple of 32 is.
    bytes.resize(bytes.len().next_multiple_of(32) + 64, 0);
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
fn a_header_says_whether_vectors_are_made_part_by_part() {
    let check = |architecture: &str, pooling: u32, causal: Option<u8>, expected: bool| {
        let mut writer = Writer::start(0, 2 + u64::from(causal.is_some()));
        writer = writer.text("general.architecture").u32(8).text(architecture);
        writer = writer.text(&format!("{architecture}.pooling_type")).u32(4).u32(pooling);
        if let Some(causal) = causal {
            writer = writer.text(&format!("{architecture}.attention.causal")).u32(7);
            writer.bytes.push(causal);
        }
        let header = read(&writer.bytes).unwrap();
        assert_eq!(header.takes_parts(), expected, "{architecture} {pooling} {causal:?}");
    };
    check("qwen3", 3, None, true);
    check("qwen3", 3, Some(1), true);
    check("qwen3", 3, Some(0), false);
    // It ranks.
    check("qwen3", 4, None, false);
    check("bert", 1, None, false);
    check("gemma-embedding", 1, None, false);
}

#[test]
fn what_looks_at_whole_texts_keeps_nothing_of_them() {
    assert_eq!(made_for("bert", Some(1)).cell_bytes(), Some(0));
}

#[test]
fn cut_at_every_byte_it_is_refused_and_never_panics() {
    let bytes = whole();
    for end in 0..bytes.len() {
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

/// A tensor `t` of `n` numbers in a row, of a type, from a place on.
fn tensor(writer: Writer, n: u64, kind: u32, begin: u64) -> Writer {
    writer.text("t").u32(1).u64(n).u32(kind).u64(begin)
}

#[test]
fn tensors_that_share_bytes_or_fill_no_blocks_are_refused() {
    let two = |first: u64, second: u64| {
        let mut bytes = tensor(tensor(Writer::start(2, 0), 16, 0, first), 16, 0, second).bytes;
        bytes.resize(512, 0);
        bytes
    };
    check(&two(0, 64), "ok");
    check(&two(64, 0), "ok");
    check(&two(0, 32), "same place");
    check(&two(0, 0), "same place");
    let mut odd = tensor(Writer::start(1, 0), 33, 8, 0).bytes;
    odd.resize(512, 0);
    check(&odd, "blocks");
    let aligned = |n: u32| Writer::start(0, 1).text("general.alignment").u32(4).u32(n).bytes;
    check(&aligned(64), "ok");
    check(&aligned(0), "power of two");
    check(&aligned(33), "power of two");
}

#[test]
fn all_tensors_are_counted_by_their_types() {
    let mut bytes = tensor(tensor(Writer::start(2, 0), 64, 8, 0), 16, 0, 96).bytes;
    bytes.resize(512, 0);
    let header = read(&bytes).unwrap();
    assert_eq!(header.n_parameters(), 80);
    let sums: Vec<_> =
        header.tensors.iter().map(|(name, sum)| (name.as_str(), sum.n_tensors, sum.n_bytes)).collect();
    assert_eq!(sums, [("F32", 1, 64), ("Q8_0", 1, 68)]);
    assert_eq!(
        header.quantisation().as_deref(),
        Some("Q8_0"),
        "what most bytes are, where the file does not say it"
    );
}

#[test]
fn a_template_tells_what_the_model_can_do() {
    let check = |template: &str, calls_tools: bool, thinks: bool| {
        let bytes = Writer::start(0, 1).text("tokenizer.chat_template").u32(8).text(template).bytes;
        let found = read(&bytes).unwrap().template;
        assert_eq!((found.calls_tools, found.thinks), (calls_tools, thinks), "{template}");
    };
    check("{% for message in messages %}", false, false);
    check("{% if tools %}", true, false);
    check("{% if enable_thinking %}<think>", false, true);
}

#[test]
fn parts_of_a_model_say_which_they_are() {
    let bytes = Writer::start(0, 2).text("split.no").u32(2).bytes;
    let bytes = [bytes, 1_u16.to_le_bytes().to_vec()].concat();
    let bytes =
        [bytes, Writer::default().text("split.count").u32(2).bytes, 3_u16.to_le_bytes().to_vec()].concat();
    assert_eq!(read(&bytes).unwrap().split, Some(crate::Split { number: 1, n_files: 3 }));
}

#[test]
fn other_files_are_named_so() {
    check(b"", "not a GGUF");
    check(b"<html>404</html>", "not a GGUF");
    check(&[b"GGUF".to_vec(), 9_u32.to_le_bytes().to_vec()].concat(), "version 9");
}

/// Everything that can be asked of a header, by every reader, for what must not fail: it has no wrong answer.
fn ask_everything(bytes: &[u8]) {
    let len = bytes.len() as u64;
    for header in [read(bytes), parse_beginning(bytes, len), parse_beginning(bytes, 1 << 40)] {
        let _ = header.map(|it| (it.n_ctx_train(), it.cell_bytes(), it.purpose(), it.quantisation()));
    }
    let _ = (parse_details(Cursor::new(bytes), len), parse_imatrix(Cursor::new(bytes), len));
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

#[test]
fn a_beginning_says_what_the_whole_does_but_for_tensors() {
    let keys = |n_words: u64| {
        Writer::start(1, 4)
            .text("general.architecture")
            .u32(8)
            .text("llama")
            .text("llama.block_count")
            .u32(4)
            .u32(3)
            .text("llama.embedding_length")
            .u32(4)
            .u32(64)
            .text("tokenizer.ggml.tokens")
            .u32(9)
            .u32(8)
            .u64(n_words)
            .bytes
    };
    let bytes = keys(49_152);
    let header = parse_beginning(&bytes, 1 << 20).expect("a beginning");
    assert_eq!((header.n_vocab, header.n_embd(), header.shape()[0]), (49_152, Some(64), Some(3)));
    assert!(header.tensors.is_empty());
    for cut in 0..bytes.len() {
        assert!(parse_beginning(&bytes[..cut], 1 << 20).is_err(), "cut at {cut}");
    }
    assert!(matches!(parse_beginning(&keys(u64::MAX), 1 << 20), Err(HeaderError::Truncated)));
    // Without a vocabulary it is read to the end of its keys.
    let whole = whole();
    let (all, known) =
        (parse_beginning(&whole, 1 << 20).expect("all keys"), parse(Cursor::new(&whole), whole.len() as u64));
    assert_eq!(all.cell_bytes(), known.expect("a header").cell_bytes());
}

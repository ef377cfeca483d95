//! How the model cuts texts into tokens, as llama.cpp wants to be told.

mod bpe;
mod files;
mod pre;
mod special;
mod spm;

use crate::{
    ConvertError,
    config::Config,
    container::{Keys, Value},
    family::Family,
};
use files::{TokenizerConfig, TokenizerJson};
use special::{Files, Specials};
use std::path::Path;

/// Longer vocabularies are refused: more than any model has.
pub(crate) const MAX_TOKENS: u64 = 4_000_000;

/// What a token is, by the format's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// A vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    pub(crate) texts: Vec<String>,
    /// How much each is preferred; empty where merges tell it.
    pub(crate) scores: Vec<f32>,
    pub(crate) kinds: Vec<TokenKind>,
}

/// Sets the keys of the tokenizer in `folder`, and says how many tokens it has.
pub(crate) fn set_tokenizer(keys: &mut Keys, folder: &Path, config: &Config) -> Result<usize, ConvertError> {
    let settings = TokenizerConfig::read(folder)?;
    let json = TokenizerJson::read(folder)?;
    let n_vocab = config.find_number("vocab_size")?;
    if n_vocab.is_some_and(|n| n > MAX_TOKENS) {
        return Err(config.malformed("it has more tokens than any model"));
    }
    if config.family.is_llama()
        && let Some(it) = settings.flag("add_prefix_space")
    {
        keys.set("tokenizer.ggml.add_space_prefix", Value::Bool(it));
    }
    let model = folder.join("tokenizer.model");
    let files = Files { folder, settings: &settings, json: json.as_ref() };
    let specials = |n_vocab: Option<usize>| Specials::read(&files, config, n_vocab);
    let n_tokens = match &json {
        // Some have another kind of file under that name, and the right one beside it.
        _ if model.is_file() && (json.is_none() || spm::is_one(&model)?) => {
            let vocabulary = spm::read(folder, &model, n_vocab, &settings)?;
            let n = set_vocabulary(keys, "llama", "default", vocabulary);
            specials(Some(n))?.set(keys);
            n
        }
        Some(json) if json.falls_back_to_bytes() => {
            let vocabulary = spm::from_json(json, n_vocab, &settings)?;
            let n = set_vocabulary(keys, "llama", "default", vocabulary);
            specials(Some(n))?.set(keys);
            n
        }
        Some(json) => {
            let pre = pre::recognise(json)?;
            let n = set_vocabulary(keys, "gpt2", pre, bpe::vocabulary(json, n_vocab)?);
            keys.set("tokenizer.ggml.merges", Value::Texts(bpe::merges(json, folder)?));
            specials(None)?.set(keys);
            n
        }
        None => return Err(ConvertError::Missing(folder.join("tokenizer.json"))),
    };
    set_of_family(keys, config, n_vocab);
    Ok(n_tokens)
}

/// Says how many tokens there are.
fn set_vocabulary(keys: &mut Keys, model: &str, pre: &str, vocabulary: Vocabulary) -> usize {
    let n = vocabulary.texts.len();
    keys.text("tokenizer.ggml.model", model);
    keys.text("tokenizer.ggml.pre", pre);
    keys.set("tokenizer.ggml.tokens", Value::Texts(vocabulary.texts));
    keys.set("tokenizer.ggml.scores", Value::Floats(vocabulary.scores));
    let kinds = vocabulary.kinds.into_iter().map(|kind| kind as i32);
    keys.set("tokenizer.ggml.token_type", Value::Ints(kinds.collect()));
    n
}

/// What is known of a family and said nowhere.
fn set_of_family(keys: &mut Keys, config: &Config, n_vocab: Option<u64>) {
    match config.family {
        Family::Gemma => {
            keys.set("tokenizer.ggml.eot_token_id", Value::U32(107));
            keys.set("tokenizer.ggml.add_space_prefix", Value::Bool(false));
        }
        Family::Gemma2 | Family::Gemma3 => keys.set("tokenizer.ggml.add_space_prefix", Value::Bool(false)),
        // The vocabularies of Code Llama, and of the small models that begin without a token of their own.
        family if family.is_llama() && n_vocab == Some(32016) => {
            keys.set("tokenizer.ggml.eot_token_id", Value::U32(32010));
        }
        family if family.is_llama() && n_vocab == Some(49152) => {
            keys.set("tokenizer.ggml.add_bos_token", Value::Bool(false));
        }
        _ => {}
    }
}

/// Whether a token which nobody marked as special is one all the same.
pub(crate) fn looks_special(text: &str) -> bool {
    let between = |start: &str, end: &str| text.starts_with(start) && text.ends_with(end);
    matches!(text, "<pad>" | "<mask>" | "<2mass>" | "[@BOS@]")
        || between("<|", "|>")
        || between("<｜", "｜>")
        || between("<unused", ">")
}

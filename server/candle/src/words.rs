//! The words of a model that writes, as its folder has them: `tokenizer.json` and what stands around it.

use crate::folder::{FolderError, malformed, read_json_up_to, read_optional, read_optional_up_to};
use serde::Deserialize;
use std::{collections::BTreeSet, fs, path::Path};
use tokenizers::{ModelWrapper, Tokenizer};

/// The longest list of words that is read; the largest vocabularies take about 35 MB.
const MAX_TOKENIZER_BYTES: u64 = 128 << 20;

/// The longest description of a tokenizer; those with every special token written out take a few.
const MAX_CONFIG_BYTES: u64 = 16 << 20;

/// The longest chat template.
const MAX_TEMPLATE_BYTES: u64 = 1 << 20;

/// The words, and the tokenizer that cuts texts into them.
pub struct Words {
    tokenizer: Tokenizer,
    /// By their numbers.
    pub words: Vec<Word>,
    /// How they are written.
    pub spelling: Spelling,
    /// Begins a text.
    pub bos: Option<u32>,
    /// Whether it begins every text.
    pub adds_bos: bool,
    /// End an answer; the first one ends a text.
    pub ends: Vec<u32>,
    /// The chat template, in Jinja.
    pub template: Option<String>,
}

/// How a token is written, and what it is. All are written differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// As the tokenizer has it.
    pub text: String,
    /// What it is.
    pub kind: WordKind,
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// A piece of text.
    Normal,
    /// No text: begins a turn, ends an answer.
    Control,
    /// A piece of text that is always one word.
    Whole,
    /// One byte.
    Byte,
    /// A number that nothing has.
    Unused,
}

/// How texts are written in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Every byte is a printable character, as GPT-2 does.
    Bytes,
    /// A space is “▁”, and `<0x0A>` is a byte, as SentencePiece does.
    Characters,
}

/// `tokenizer_config.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenizerConfig {
    bos_token: Option<TokenName>,
    eos_token: Option<TokenName>,
    chat_template: Option<Templates>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TokenName {
    Text(String),
    Object { content: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Templates {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

/// `config.json` and `generation_config.json`, where they name tokens.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Ends {
    eos_token_id: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(u32),
    Many(Vec<u32>),
}

impl Words {
    /// Reads the words of the model in `folder`, whose network knows `n_vocab`.
    pub fn read(folder: &Path, n_vocab: usize) -> Result<Self, FolderError> {
        let path = folder.join("tokenizer.json");
        let wrong = |reason: &dyn ToString| malformed(&path, reason.to_string());
        let mut tokenizer: Tokenizer = read_json_up_to(&path, MAX_TOKENIZER_BYTES)?;
        // What it was trained with is no limit of the model.
        tokenizer.with_truncation(None).map_err(|error| wrong(&error))?.with_padding(None);
        let spelling = spelling(&tokenizer).map_err(|reason| wrong(&reason))?;
        let words = words(&tokenizer, n_vocab, spelling).map_err(|reason| wrong(&reason))?;
        let config: TokenizerConfig =
            read_optional_up_to(&folder.join("tokenizer_config.json"), MAX_CONFIG_BYTES)?.unwrap_or_default();
        let find = |name: &Option<TokenName>| tokenizer.token_to_id(name.as_ref()?.text());
        let (bos, eos) = (find(&config.bos_token), find(&config.eos_token));
        let encoded = tokenizer.encode_fast("a", true).map_err(|error| wrong(&error))?;
        Ok(Self {
            adds_bos: bos.is_some() && encoded.get_ids().first().copied() == bos,
            ends: ends(folder, eos)?.into_iter().filter(|&id| (id as usize) < words.len()).collect(),
            template: template(folder, config.chat_template)?,
            tokenizer,
            words,
            spelling,
            bos,
        })
    }

    /// A text's tokens, without any around it. What is written like a special token is one. The error is a sentence.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, false).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }
}

impl TokenName {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { content: text } => text,
        }
    }
}

fn spelling(tokenizer: &Tokenizer) -> Result<Spelling, String> {
    let ModelWrapper::BPE(model) = tokenizer.get_model() else {
        return Err("its words are not made by merging pairs".to_owned());
    };
    let decoder = serde_json::to_string(&tokenizer.get_decoder()).map_err(|error| error.to_string())?;
    match decoder.contains("\"ByteLevel\"") {
        true => Ok(Spelling::Bytes),
        false if model.byte_fallback => Ok(Spelling::Characters),
        false => Err("its words are written in an unknown way".to_owned()),
    }
}

/// Every number up to the last one that a word has.
fn words(tokenizer: &Tokenizer, n_vocab: usize, spelling: Spelling) -> Result<Vec<Word>, String> {
    let added = tokenizer.get_added_tokens_decoder();
    let mut words: Vec<Option<Word>> = Vec::new();
    let vocabulary = tokenizer.get_vocab(false).into_iter().map(|(text, id)| {
        let is_byte = spelling == Spelling::Characters && is_byte(&text);
        let kind = if is_byte { WordKind::Byte } else { WordKind::Normal };
        (id, Word { text, kind })
    });
    let added = added.into_iter().map(|(id, token)| {
        let kind = if token.special { WordKind::Control } else { WordKind::Whole };
        (id, Word { text: token.content, kind })
    });
    for (id, word) in vocabulary.chain(added) {
        let id = id as usize;
        if id >= n_vocab {
            return Err(format!("“{}” has the number {id}, the network knows {n_vocab}", word.text));
        }
        if words.len() <= id {
            words.resize(id + 1, None);
        }
        words[id] = Some(word);
    }
    let unused = |id| Word { text: format!("[UNUSED_{id}]"), kind: WordKind::Unused };
    let words: Vec<_> =
        words.into_iter().enumerate().map(|(id, it)| it.unwrap_or_else(|| unused(id))).collect();
    let mut seen = BTreeSet::new();
    match words.iter().find(|word| word.text.is_empty() || !seen.insert(&word.text)) {
        Some(word) => Err(format!("two of its words are written “{}”", word.text)),
        None if words.is_empty() => Err("it has no words".to_owned()),
        None => Ok(words),
    }
}

/// `<0x0A>`
fn is_byte(text: &str) -> bool {
    let digits = text.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|it| it.len() == 2 && it.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn ends(folder: &Path, eos: Option<u32>) -> Result<Vec<u32>, FolderError> {
    let mut ends: Vec<u32> = eos.into_iter().collect();
    for name in ["generation_config.json", "config.json"] {
        let named: Ends = read_optional(&folder.join(name))?.unwrap_or_default();
        let ids = match named.eos_token_id {
            Some(OneOrMany::One(id)) => vec![id],
            Some(OneOrMany::Many(ids)) => ids,
            None => vec![],
        };
        for id in ids {
            if !ends.contains(&id) {
                ends.push(id);
            }
        }
    }
    Ok(ends)
}

/// Newer folders have it in a file of its own.
fn template(folder: &Path, in_config: Option<Templates>) -> Result<Option<String>, FolderError> {
    let path = folder.join("chat_template.jinja");
    if path.is_file() {
        let failed = |source| FolderError::Unreadable { path: path.clone(), source };
        if fs::metadata(&path).map_err(failed)?.len() > MAX_TEMPLATE_BYTES {
            return Err(malformed(&path, "it is too long"));
        }
        return fs::read_to_string(&path).map(Some).map_err(failed);
    }
    Ok(match in_config {
        Some(Templates::One(template)) => Some(template),
        Some(Templates::Named(templates)) => {
            templates.into_iter().find(|it| it.name == "default").map(|it| it.template)
        }
        None => None,
    })
}
#[cfg(test)]
mod tests;

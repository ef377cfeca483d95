//! The words of a folder's model, given to llama.cpp: how tokens are written, which are special and which end an answer
//! is then found out the same way for every model. Texts are cut into words by the folder's own tokenizer.

use candle::{Spelling, Word, WordKind, Words};
use llama_cpp_2::{
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
};
use std::{fs, path::Path};

/// GGUF's numbers for types of values, from its specification.
const U32: u32 = 4;
const I32: u32 = 5;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// A model of llama.cpp that has words and no weights. The error is a sentence.
pub(super) fn load(backend: &LlamaBackend, words: &Words) -> Result<LlamaModel, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder is needed: {error}"))?;
    let path = folder.path().join("words.gguf");
    fs::write(&path, header(words)).map_err(|error| format!("the words cannot be written: {error}"))?;
    load_file(backend, &path)
}

fn load_file(backend: &LlamaBackend, path: &Path) -> Result<LlamaModel, String> {
    let params = LlamaModelParams::default().with_vocab_only(true);
    LlamaModel::load_from_file(backend, path, &params)
        .map_err(|error| crate::llama::last_errors().unwrap_or_else(|| error.to_string()))
}

/// A GGUF file without a tensor, <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.
fn header(words: &Words) -> Vec<u8> {
    let mut values = Values::default();
    values.text("general.architecture", "llama");
    match words.spelling {
        Spelling::Bytes => {
            values.text("tokenizer.ggml.model", "gpt2");
            values.text("tokenizer.ggml.pre", "default");
            // llama.cpp cuts no text here, and so needs to know of no pair that becomes one word.
            values.texts("tokenizer.ggml.merges", [].into_iter());
        }
        Spelling::Characters => values.text("tokenizer.ggml.model", "llama"),
    }
    values.texts("tokenizer.ggml.tokens", words.words.iter().map(|word| word.text.as_str()));
    values.numbers("tokenizer.ggml.token_type", words.words.iter().map(number_of));
    values.flag("tokenizer.ggml.add_bos_token", words.adds_bos);
    let mut ends = words.ends.iter();
    let special = [
        ("tokenizer.ggml.bos_token_id", words.bos.as_ref()),
        ("tokenizer.ggml.eos_token_id", ends.next()),
        ("tokenizer.ggml.eot_token_id", ends.next()),
        ("tokenizer.ggml.eom_token_id", ends.next()),
    ];
    for (name, id) in special {
        if let Some(id) = id {
            values.number(name, *id);
        }
    }
    if let Some(template) = &words.template {
        values.text("tokenizer.chat_template", template);
    }
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend(0_u64.to_le_bytes());
    file.extend(values.n.to_le_bytes());
    file.extend(values.bytes);
    file
}

/// GGUF's types of tokens.
fn number_of(word: &Word) -> i32 {
    match word.kind {
        WordKind::Normal => 1,
        WordKind::Control => 3,
        WordKind::Whole => 4,
        WordKind::Unused => 5,
        WordKind::Byte => 6,
    }
}

/// Keys and values of a GGUF file.
#[derive(Default)]
struct Values {
    n: u64,
    bytes: Vec<u8>,
}

impl Values {
    fn number(&mut self, key: &str, number: u32) {
        self.key(key, U32);
        self.bytes.extend(number.to_le_bytes());
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.key(key, BOOL);
        self.bytes.push(value.into());
    }

    fn text(&mut self, key: &str, text: &str) {
        self.key(key, STRING);
        self.string(text);
    }

    fn texts<'t>(&mut self, key: &str, texts: impl ExactSizeIterator<Item = &'t str>) {
        self.array(key, STRING, texts.len());
        texts.for_each(|text| self.string(text));
    }

    fn numbers(&mut self, key: &str, numbers: impl ExactSizeIterator<Item = i32>) {
        self.array(key, I32, numbers.len());
        numbers.for_each(|number| self.bytes.extend(number.to_le_bytes()));
    }

    fn key(&mut self, key: &str, kind: u32) {
        self.n += 1;
        self.string(key);
        self.bytes.extend(kind.to_le_bytes());
    }

    fn array(&mut self, key: &str, kind: u32, n: usize) {
        self.key(key, ARRAY);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend((n as u64).to_le_bytes());
    }

    fn string(&mut self, text: &str) {
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::load;
    use crate::{
        prompt::Prompter,
        tests::tiny_twins::{Family, Form, write_folder},
    };
    use candle::Words;
    use llama_cpp_2::llama_backend::LlamaBackend;
    use protocol::{GenerateParams, Prompt, Tenant};
    use types::chat::{ChatTurn, Role};

    #[test]
    fn a_template_that_asks_for_a_beginning_gets_none_where_no_token_is_one() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("model");
        write_folder(&path, Family::Qwen2, 1, Form::default());
        let words = Words::read(&path, 1024).expect("a tokenizer");
        let backend = LlamaBackend::init().expect("llama.cpp");
        let vocabulary = load(&backend, &words).expect("a vocabulary");
        let template = "({{ bos_token }}){{ messages[0].content }}";
        let prompter = Prompter::instead(&vocabulary, 512, Some(template)).expect("a template");
        let prompter = prompter.with_words(words);
        let prompt = Prompt::Chat(vec![ChatTurn::new(Role::User, "hello")]);
        let prepared = prompter.prepare(&prompt, &GenerateParams::new(Tenant(1))).expect("a prompt");
        let written: Vec<u8> = prepared.tokens.iter().flat_map(|token| prompter.spelling(*token)).collect();
        assert_eq!(String::from_utf8_lossy(&written), "()hello");
    }
}

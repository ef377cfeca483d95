//! Tokens with a meaning: where texts begin and end, what fills up, and whether they are added by themselves.
//!
//! Three files speak of them, and each counts only for what those before it left open.

use super::files::{Templates, TokenizerConfig, TokenizerJson};
use crate::{
    ConvertError,
    config::Config,
    container::{Keys, Value as Written},
};
use serde_json::{Map, Value};
use std::path::Path;

/// The meanings, and what llama.cpp calls the token.
const MEANINGS: [(&str, Option<&str>); 7] = [
    ("bos", Some("bos_token_id")),
    ("eos", Some("eos_token_id")),
    ("unk", Some("unknown_token_id")),
    ("sep", Some("seperator_token_id")),
    ("pad", Some("padding_token_id")),
    ("cls", None),
    ("mask", Some("mask_token_id")),
];
const EOT: (&str, Option<&str>) = ("eot", Some("eot_token_id"));

/// What is known of them, in the order in which it is found.
#[derive(Debug, Default)]
pub(super) struct Specials {
    ids: Vec<(&'static str, u32)>,
    added: Vec<(&'static str, bool)>,
    templates: Option<Templates>,
    lowercases: Option<bool>,
    strips_accents: Option<bool>,
    n_vocab: Option<usize>,
}

/// What speaks of them, besides the description of the model.
pub(super) struct Files<'a> {
    pub(super) folder: &'a Path,
    pub(super) settings: &'a TokenizerConfig,
    pub(super) json: Option<&'a TokenizerJson>,
}

/// What the settings name, and what follows from the rest.
struct Named {
    bos: Option<String>,
    eos: Option<String>,
    sep: Option<String>,
    cls: Option<String>,
    /// What the settings called the end, where texts end otherwise.
    eot: Option<String>,
}

impl Specials {
    pub(super) fn read(
        files: &Files<'_>,
        config: &Config,
        n_vocab: Option<usize>,
    ) -> Result<Self, ConvertError> {
        let Files { folder, settings, json } = *files;
        let mut specials = Self { n_vocab, ..Self::default() };
        let token = |key: &str| settings.token(key).map(str::to_owned);
        let mut named = Named {
            bos: token("bos_token").or_else(|| token("cls_token")),
            eos: token("eos_token").or_else(|| token("sep_token")),
            sep: token("sep_token"),
            cls: token("cls_token"),
            eot: None,
        };
        if let Some(json) = json {
            if let Some(normalizer) = &json.normalizer {
                specials.normalizer(normalizer);
            }
            if let Some(post) = &json.post_processor {
                let inner = post.get("processors").and_then(Value::as_array);
                let inner = inner.map_or_else(|| vec![post], |list| list.iter().collect());
                inner.into_iter().for_each(|step| specials.processor(step, settings, &mut named));
            }
        }
        if settings.stated.is_some() {
            specials.templates = Templates::read(folder, settings)?;
            specials.of_settings(settings, json, &named);
        }
        specials.of_config(config, named.eot.is_some());
        Ok(specials)
    }

    fn id(&mut self, meaning: &'static str, id: Option<u64>) {
        let Some(id) = id.and_then(|id| u32::try_from(id).ok()) else { return };
        let is_known = self.ids.iter().any(|(it, _)| *it == meaning);
        if !is_known && self.n_vocab.is_none_or(|n| (id as usize) < n) {
            self.ids.push((meaning, id));
        }
    }

    fn add(&mut self, meaning: &'static str, is_added: bool) {
        match self.added.iter_mut().find(|(it, _)| *it == meaning) {
            Some((_, old)) => *old = is_added,
            None => self.added.push((meaning, is_added)),
        }
    }

    fn add_if_open(&mut self, meaning: &'static str, is_added: bool) {
        if self.added.iter().all(|(it, _)| *it != meaning) {
            self.added.push((meaning, is_added));
        }
    }

    fn normalizer(&mut self, stated: &Value) {
        let flag = |key: &str| stated.get(key).and_then(Value::as_bool);
        match stated.get("type").and_then(Value::as_str).unwrap_or_default() {
            "Lowercase" => self.lowercases = Some(true),
            "StripAccents" => self.strips_accents = Some(true),
            "BertNormalizer" => {
                self.lowercases = flag("lowercase").or(self.lowercases);
                self.strips_accents = flag("strip_accents").or(self.strips_accents);
            }
            "Sequence" => {
                let inner = stated.get("normalizers").and_then(Value::as_array);
                inner.into_iter().flatten().for_each(|step| self.normalizer(step));
            }
            _ => {}
        }
    }

    /// What is put around texts, for the simple cases that models have.
    fn processor(&mut self, stated: &Value, settings: &TokenizerConfig, named: &mut Named) {
        match stated.get("type").and_then(Value::as_str).unwrap_or_default() {
            "ByteLevel" => {
                self.add_if_open("bos", false);
                self.add_if_open("eos", false);
            }
            "RobertaProcessing" => {
                for meaning in ["bos", "eos", "sep"] {
                    self.add(meaning, true);
                }
            }
            "TemplateProcessing" => self.template(stated, settings, named),
            _ => {}
        }
    }

    fn template(&mut self, stated: &Value, settings: &TokenizerConfig, named: &mut Named) {
        let has_settings = settings.stated.is_some();
        let list =
            |key: &str| stated.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let special = |step: &Value| step.get("SpecialToken")?.get("id")?.as_str().map(str::to_owned);
        let (single, pair) = (list("single"), list("pair"));
        let (mut first, mut last) = (None, None);
        if let [begin, .., end] = single {
            first = special(begin);
            last = special(end);
        }
        if let Some(first) = &first {
            if !has_settings || named.bos.is_none() {
                named.bos = Some(first.clone());
            }
            if has_settings && named.cls.is_none() && named.bos.as_ref() != Some(first) {
                named.cls = Some(first.clone());
            }
            self.add("bos", named.bos.as_ref() == Some(first) || named.cls.as_ref() == Some(first));
        }
        if let Some(last) = &last {
            if named.eos.as_ref() != Some(last) {
                named.eot = named.eos.take().filter(|_| has_settings);
                named.eos = Some(last.clone());
            }
            self.add("eos", true);
        }
        let starts = first.is_some() && pair.first().and_then(special) == first;
        let ends = last.is_some() && pair.last().and_then(special) == last;
        let inner = pair.get(usize::from(starts)..pair.len().saturating_sub(ends.into())).unwrap_or_default();
        let is = |step: Option<&Value>, name: &str| {
            step.and_then(|it| it.get("Sequence")?.get("id")?.as_str()) == Some(name)
        };
        // A text, one or two tokens, and another text.
        if inner.len() > 2 && is(inner.first(), "A") && is(inner.last(), "B") {
            let between = &inner[1..inner.len() - 1];
            let separates = |step: &Value| {
                special(step)
                    .is_some_and(|it| Some(&it) == named.sep.as_ref() || Some(&it) == named.eos.as_ref())
            };
            let adds =
                (separates(&between[0]) && last.is_none()) || (between.len() == 2 && separates(&between[1]));
            self.add("sep", adds);
        }
    }

    fn of_settings(&mut self, settings: &TokenizerConfig, json: Option<&TokenizerJson>, named: &Named) {
        let more = named.eot.is_some().then_some(EOT);
        for (meaning, _) in MEANINGS.into_iter().chain(more) {
            if let Some(is_added) = settings.flag(&format!("add_{meaning}_token")) {
                self.add_if_open(meaning, is_added);
            }
            let text = match meaning {
                "bos" => named.bos.clone(),
                "eos" => named.eos.clone(),
                "cls" => named.cls.clone(),
                "eot" => named.eot.clone(),
                other => settings.token(&format!("{other}_token")).map(str::to_owned),
            };
            let id = text.and_then(|text| json?.id_of_added(&text));
            self.id(meaning, id.map(u64::from));
        }
    }

    fn of_config(&mut self, config: &Config, has_eot: bool) {
        let text: Option<&Map<String, Value>> = config.whole.get("text_config").and_then(Value::as_object);
        for (meaning, _) in MEANINGS.into_iter().chain(has_eot.then_some(EOT)) {
            let key = format!("{meaning}_token_id");
            let stated = config.whole.get(&key).filter(|it| !it.is_null());
            let stated = stated.or_else(|| text?.get(&key));
            self.id(meaning, stated.and_then(Value::as_u64));
        }
    }

    pub(super) fn set(self, keys: &mut Keys) {
        for (meaning, id) in self.ids {
            let name =
                MEANINGS.into_iter().chain([EOT]).find(|(it, _)| *it == meaning).and_then(|(_, name)| name);
            if let Some(name) = name {
                keys.set(format!("tokenizer.ggml.{name}"), Written::U32(id));
            }
        }
        for (meaning, is_added) in self.added {
            if matches!(meaning, "bos" | "eos" | "sep") {
                keys.set(format!("tokenizer.ggml.add_{meaning}_token"), Written::Bool(is_added));
            }
        }
        match self.templates {
            Some(Templates::One(text)) => keys.text("tokenizer.chat_template", text),
            Some(Templates::Named(named)) => set_named(keys, named),
            None => {}
        }
        if let Some(it) = self.lowercases {
            keys.set("tokenizer.ggml.normalizer.lowercase", Written::Bool(it));
        }
        if let Some(it) = self.strips_accents {
            keys.set("tokenizer.ggml.normalizer.strip_accents", Written::Bool(it));
        }
    }
}

/// Templates by name; the one that is called so is the usual one.
fn set_named(keys: &mut Keys, named: Vec<(String, String)>) {
    let mut names = Vec::new();
    let mut usual = None;
    for (name, text) in named {
        let name: String =
            name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
        if name == "default" {
            usual = Some(text);
        } else if !name.is_empty() {
            keys.text(format!("tokenizer.chat_template.{name}"), text);
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    keys.set("tokenizer.chat_templates", Written::Texts(names));
    keys.text("tokenizer.chat_template", usual.unwrap_or_default());
}

//! What `config.json` says about a model.

use crate::{
    ConvertError,
    error::{malformed, unreadable},
    family::{Family, Fate, is_of_vision},
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The longest description that is read; a few kilobytes are usual.
pub(crate) const MAX_JSON_BYTES: u64 = 4 << 20;
/// More layers than any model has.
pub(crate) const MAX_LAYERS: u64 = 4096;
/// More experts than any layer has.
const MAX_EXPERTS: u64 = 65536;
/// More numbers than a head of any model has.
const MAX_HEAD_DIM: u64 = 65536;

/// How many experts each layer has, by the first of these that is said.
const N_EXPERTS: [&str; 2] = ["num_local_experts", "num_experts"];
/// What descriptions of other families say about how experts are chosen.
const WAYS_TO_CHOOSE: [&str; 8] = [
    "n_group",
    "topk_group",
    "score_function",
    "scoring_func",
    "score_func",
    "moe_router_activation",
    "moe_router_activation_func",
    "expert_selection_fn",
];

/// A whole number that a description may say.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().filter(|n| u32::try_from(*n).is_ok())
}

/// The class of transformers that runs a model.
fn class_of(stated: &Map<String, Value>) -> Option<&str> {
    stated.get("architectures")?.get(0)?.as_str()
}

/// A description of at most `most` bytes; `None` where there is no such file.
pub(crate) fn read_bytes(path: &Path, most: u64) -> Result<Option<Vec<u8>>, ConvertError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable(path))?;
    if bytes.len() as u64 > most {
        return Err(malformed(path, format!("it is longer than {most} bytes")));
    }
    Ok(Some(bytes))
}

/// Likewise, of a form.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path, most: u64) -> Result<Option<T>, ConvertError> {
    let Some(bytes) = read_bytes(path, most)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| malformed(path, error))
}

/// A model's description.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) family: Family,
    pub(crate) n_layers: u64,
    path: PathBuf,
    /// What the file says.
    pub(crate) whole: Map<String, Value>,
    /// Likewise, with what it says of the part that writes on top.
    text: Map<String, Value>,
}

impl Config {
    /// Reads the description in `folder`, and refuses what is not converted here.
    pub(crate) fn read(folder: &Path) -> Result<Self, ConvertError> {
        let path = folder.join("config.json");
        let whole = read_json::<Map<String, Value>>(&path, MAX_JSON_BYTES)?;
        let whole = whole.ok_or_else(|| ConvertError::Missing(path.clone()))?;
        let mut text = whole.clone();
        if let Some(Value::Object(inner)) = whole.get("text_config") {
            text.extend(inner.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let architecture = class_of(&text).or_else(|| class_of(&whole)).unwrap_or("unknown");
        let family = Family::of(architecture)
            .ok_or_else(|| ConvertError::Family(crate::error::shown(architecture)))?;
        refuse_unusual(&text, &whole)?;
        refuse_other_text(&whole, family)?;
        refuse_unusual_experts(&text, family)?;
        refuse_other_activation(&text, family)?;
        let mut config = Self { family, n_layers: 0, path, whole, text };
        config.n_layers = config.number("num_hidden_layers")?;
        if config.n_layers == 0 || config.n_layers > MAX_LAYERS {
            return Err(malformed(&config.path, "its number of layers is none that a model has"));
        }
        Ok(config)
    }

    /// The class of transformers that runs all of it.
    pub(crate) fn class(&self) -> &str {
        class_of(&self.whole).unwrap_or("unknown")
    }

    /// What becomes of a tensor in the file of what writes.
    pub(crate) fn fate(&self, name: &str) -> Fate {
        if self.may_see() && is_of_vision(name) { Fate::LeftOut } else { self.family.fate(name) }
    }

    /// Whether a part of it may see images.
    pub(crate) fn may_see(&self) -> bool {
        self.family.may_see() || self.whole.get("vision_config").is_some_and(|it| !it.is_null())
    }

    /// Whether words are told from vectors by another matrix than the one that makes vectors of them. Descriptions leave out what is
    /// usual for the family, which may be either.
    pub(crate) fn has_head_of_its_own(&self) -> bool {
        const KEY: &str = "tie_word_embeddings";
        // Where a part of it writes, its own description may have what is usual for that part alone.
        let of_part = self.get(KEY);
        let stated = [of_part.as_ref(), self.whole.get(KEY)];
        stated.contains(&Some(&Value::Bool(false))) && !stated.contains(&Some(&Value::Bool(true)))
    }

    /// What it says, or what those who made the family take for granted.
    pub(crate) fn get(&self, key: &str) -> Option<Value> {
        match self.text.get(key) {
            Some(Value::Null) => None,
            Some(value) => Some(value.clone()),
            None => self.family.default(key),
        }
    }

    /// A whole number that it may say.
    pub(crate) fn find_number(&self, key: &str) -> Result<Option<u64>, ConvertError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let number = whole_number(&value);
        number.map(Some).ok_or_else(|| malformed(&self.path, format!("{key} is no number that is possible")))
    }

    /// A whole number that it must say.
    pub(crate) fn number(&self, key: &str) -> Result<u64, ConvertError> {
        self.find_number(key)?.ok_or_else(|| malformed(&self.path, format!("{key} is missing")))
    }

    /// A number that it may say.
    pub(crate) fn find_float(&self, key: &str) -> Result<Option<f64>, ConvertError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| malformed(&self.path, format!("{key} is no number")))
    }

    /// A number that it must say.
    pub(crate) fn float(&self, key: &str) -> Result<f64, ConvertError> {
        self.find_float(key)?.ok_or_else(|| malformed(&self.path, format!("{key} is missing")))
    }

    /// A contradiction in it.
    pub(crate) fn malformed(&self, reason: impl ToString) -> ConvertError {
        malformed(&self.path, reason)
    }

    /// Heads of queries, and of keys and values.
    pub(crate) fn heads(&self) -> Result<(u64, u64), ConvertError> {
        let n_heads = self.number("num_attention_heads")?;
        let n_kv_heads = self.find_number("num_key_value_heads")?.unwrap_or(n_heads);
        if n_heads == 0 || n_kv_heads == 0 {
            return Err(self.malformed("it has no heads"));
        }
        Ok((n_heads, n_kv_heads))
    }

    /// How many experts each layer has.
    pub(crate) fn n_experts(&self) -> Result<u64, ConvertError> {
        let key = N_EXPERTS.iter().find(|key| self.get(key).is_some()).unwrap_or(&N_EXPERTS[1]);
        match self.number(key)? {
            n @ 1..=MAX_EXPERTS => Ok(n),
            _ => Err(self.malformed("its number of experts is none that a model has")),
        }
    }

    /// How many of them compute each token.
    pub(crate) fn n_experts_used(&self) -> Result<u64, ConvertError> {
        let n = self.number("num_experts_per_tok")?;
        if n == 0 || n > self.n_experts()? {
            return Err(self.malformed("num_experts_per_tok is no number of its experts"));
        }
        Ok(n)
    }

    /// The width of a head, where the family states or implies it.
    pub(crate) fn head_dim(&self) -> Result<u64, ConvertError> {
        let n = match self.find_number("head_dim")? {
            Some(n) => n,
            None => self.number("hidden_size")? / self.heads()?.0,
        };
        if !(1..=MAX_HEAD_DIM).contains(&n) {
            return Err(self.malformed("its heads have a width that no model has"));
        }
        Ok(n)
    }

    /// How positions are told.
    pub(crate) fn rope(&self) -> Result<Rope, ConvertError> {
        let stated = ["rope_parameters", "rope_scaling"].iter().find_map(|key| self.get(key));
        let stated = stated.and_then(|it| it.as_object().cloned()).unwrap_or_default();
        let part = |name: &str| stated.get(name).and_then(Value::as_object).cloned();
        let local = part("sliding_attention").and_then(|it| it.get("rope_theta").and_then(Value::as_f64));
        let parameters = part("full_attention").unwrap_or_else(|| stated.clone());
        let theta = parameters.get("rope_theta").and_then(Value::as_f64);
        let local = match local {
            Some(theta) => Some(theta),
            None => self.find_float("rope_local_base_freq")?,
        };
        let kind = ["rope_type", "type"].iter().find_map(|key| parameters.get(*key).and_then(Value::as_str));
        Ok(Rope {
            kind: kind.unwrap_or("default").to_ascii_lowercase(),
            theta: theta.map_or_else(|| self.float("rope_theta"), Ok)?,
            local_theta: local,
            n_trained: self.number("max_position_embeddings")?,
            parameters,
        })
    }
}

/// What would be converted into something wrong.
fn refuse_unusual(text: &Map<String, Value>, whole: &Map<String, Value>) -> Result<(), ConvertError> {
    for config in [text, whole] {
        let stated = config.get("quantization_config").or_else(|| config.get("quantization"));
        if let Some(stated) = stated.filter(|it| !it.is_null()) {
            let method = stated.get("quant_method").and_then(Value::as_str).unwrap_or("in groups");
            return Err(ConvertError::Quantised(crate::error::shown(method)));
        }
    }
    let is_set = |key: &str| text.get(key).is_some_and(|it| !it.is_null());
    if is_set("draft_vocab_size") {
        return Err(ConvertError::Family("draft model".to_owned()));
    }
    Ok(())
}

/// Likewise, of models that see images, whose class does not tell what it is that writes.
fn refuse_other_text(whole: &Map<String, Value>, family: Family) -> Result<(), ConvertError> {
    let kind = whole.get("text_config").and_then(|it| it.get("model_type")).and_then(Value::as_str);
    match kind.filter(|kind| family == Family::SmolVlm && *kind != "llama") {
        Some(kind) => Err(ConvertError::Family(crate::error::shown(kind))),
        None => Ok(()),
    }
}

/// Likewise, of mixtures of experts.
fn refuse_unusual_experts(text: &Map<String, Value>, family: Family) -> Result<(), ConvertError> {
    let find = |key: &str| text.get(key).filter(|it| !it.is_null());
    let refused = |what: &str| Err(ConvertError::Family(what.to_owned()));
    if !family.has_experts() {
        let is_set = N_EXPERTS.iter().any(|key| find(key).is_some());
        return if is_set { refused("mixture of experts") } else { Ok(()) };
    }
    let has_dense = find("decoder_sparse_step").is_some_and(|it| *it != 1)
        || find("mlp_only_layers").and_then(Value::as_array).is_some_and(|layers| !layers.is_empty());
    if has_dense {
        return refused("mixture of experts in some layers only");
    }
    // llama.cpp has one way for each family.
    let are_shared_out = find("norm_topk_prob").and_then(Value::as_bool);
    if are_shared_out.is_some_and(|it| it == (family == Family::Qwen2Moe)) {
        return refused("mixture of experts that are weighed in another way");
    }
    if WAYS_TO_CHOOSE.iter().any(|key| find(key).is_some()) {
        return refused("mixture of experts that are chosen in another way");
    }
    Ok(())
}

/// Likewise, of layers that compute with another function than llama.cpp has for the family. What Gemma names there it
/// never had.
fn refuse_other_activation(text: &Map<String, Value>, family: Family) -> Result<(), ConvertError> {
    let stated = text.get("hidden_act").and_then(Value::as_str);
    match stated.filter(|it| !family.is_gemma() && !matches!(*it, "silu" | "swish")) {
        Some(other) => Err(ConvertError::Family(format!("activation by {}", crate::error::shown(other)))),
        None => Ok(()),
    }
}

/// How positions are told.
#[derive(Clone, Debug)]
pub(crate) struct Rope {
    pub(crate) kind: String,
    pub(crate) theta: f64,
    /// That of layers which see what is near only.
    pub(crate) local_theta: Option<f64>,
    n_trained: u64,
    parameters: Map<String, Value>,
}

impl Rope {
    pub(crate) fn float(&self, key: &str) -> Option<f64> {
        self.parameters.get(key).and_then(Value::as_f64)
    }

    /// How many frequencies each dimension of an image and of time has, where that is said.
    pub(crate) fn sections(&self) -> Option<Vec<i32>> {
        let listed = self.parameters.get("mrope_section")?.as_array()?;
        listed.iter().map(|it| i32::try_from(it.as_u64()?).ok()).collect()
    }

    /// The length that it was trained for before it was stretched.
    pub(crate) fn original_length(&self) -> u64 {
        let stated = self.parameters.get("original_max_position_embeddings").and_then(Value::as_u64);
        stated.unwrap_or(self.n_trained)
    }
}

#[cfg(test)]
mod tests {
    use super::Config;
    use crate::family::Fate;
    use std::fs;

    #[track_caller]
    fn check(config: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), config).unwrap();
        let found = Config::read(folder.path()).map_or_else(|err| err.to_string(), |_| "ok".to_owned());
        assert!(found.contains(expected), "{found}");
    }

    #[test]
    fn what_is_not_converted_is_refused_in_a_sentence() {
        let of = |more: &str| {
            format!(r#"{{"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2{more}}}"#)
        };
        check(&of(""), "ok");
        check("{}", "the kind “unknown”");
        check(r#"{"architectures": ["BertModel"]}"#, "the kind “BertModel” cannot be converted here");
        check(&of(r#", "quantization_config": {"quant_method": "gptq"}"#), "quantised already (gptq)");
        check(&of(r#", "quantization": {"bits": 4}"#), "quantised already (in groups)");
        check(&of(r#", "num_local_experts": 8"#), "mixture of experts");
        check(&of(r#", "num_hidden_layers": 100000"#), "number of layers");
        check(&of(r#", "hidden_act": "silu""#), "ok");
        check(&of(r#", "hidden_act": "relu""#), "the kind “activation by relu”");
        check(r#"{"architectures": ["LlamaForCausalLM"]}"#, "num_hidden_layers is missing");
        let beside_eyes = r#"{"architectures": ["SmolVLMForConditionalGeneration"],
            "text_config": {"architectures": null, "model_type": "llama", "num_hidden_layers": 2}}"#;
        check(beside_eyes, "ok");
        let gemma =
            r#"{"architectures": ["GemmaForCausalLM"], "num_hidden_layers": 2, "hidden_act": "gelu"}"#;
        check(gemma, "ok");
        check(&beside_eyes.replace("llama", "mistral"), "the kind “mistral”");
        check(
            r#"{"architectures": ["LlamaForCausalLM"], "num_hidden_layers": -1}"#,
            "no number that is possible",
        );
        check("{", "not what it should be");
    }

    #[test]
    fn mixtures_of_experts_that_llama_cpp_computes_otherwise_are_refused() {
        let of = |more: &str| {
            format!(r#"{{"architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 2{more}}}"#)
        };
        check(&of(""), "ok");
        check(&of(r#", "decoder_sparse_step": 1, "mlp_only_layers": [], "norm_topk_prob": true"#), "ok");
        check(&of(r#", "decoder_sparse_step": 2"#), "in some layers only");
        check(&of(r#", "mlp_only_layers": [0]"#), "in some layers only");
        check(&of(r#", "norm_topk_prob": false"#), "weighed in another way");
        check(&of(r#", "scoring_func": "sigmoid""#), "chosen in another way");
        check(&of(r#", "n_group": 8"#), "chosen in another way");
        check(
            r#"{"architectures": ["Qwen2MoeForCausalLM"], "num_hidden_layers": 2, "norm_topk_prob": true}"#,
            "weighed in another way",
        );
    }

    #[test]
    fn what_sees_images_is_left_out_of_what_writes() {
        let check = |more: &str, name: &str, expected: bool| {
            let folder = tempfile::tempdir().unwrap();
            let config =
                format!(r#"{{"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 2{more}}}"#);
            fs::write(folder.path().join("config.json"), config).unwrap();
            let fate = Config::read(folder.path()).unwrap().fate(name);
            assert_eq!(fate == Fate::LeftOut, expected, "{name}");
        };
        let sees = r#", "vision_config": {"model_type": "clip_vision_model"}"#;
        check(sees, "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", true);
        check(sees, "multi_modal_projector.linear_1.weight", true);
        check(sees, "language_model.model.norm.weight", false);
        check("", "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", false);
    }

    #[test]
    fn positions_are_told_in_an_old_and_a_new_way() {
        let check = |more: &str, kind: &str, theta: f64, local: Option<f64>| {
            let folder = tempfile::tempdir().unwrap();
            let config = format!(
                r#"{{"architectures": ["Gemma3ForCausalLM"], "num_hidden_layers": 2, "max_position_embeddings": 9{more}}}"#
            );
            fs::write(folder.path().join("config.json"), config).unwrap();
            let rope = Config::read(folder.path()).unwrap().rope().unwrap();
            assert_eq!((rope.kind.as_str(), rope.theta, rope.local_theta), (kind, theta, local));
            assert_eq!(rope.original_length(), 9);
        };
        check("", "default", 1_000_000.0, Some(10000.0));
        check(r#", "rope_theta": 5, "rope_scaling": {"type": "linear"}"#, "linear", 5.0, Some(10000.0));
        check(
            r#", "rope_parameters": {"full_attention": {"rope_type": "yarn", "rope_theta": 7}, "sliding_attention": {"rope_theta": 8}}"#,
            "yarn",
            7.0,
            Some(8.0),
        );
    }
}

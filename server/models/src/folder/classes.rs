//! What a folder's model was made for, and why nothing here computes it, by the classes that run it elsewhere.

use super::{CONVERTED, Config, SEES, WRITERS};
use serde_json::Value;
use types::model::Purpose;

/// How the names of classes end that write.
const WRITES: [&str; 3] = ["ForCausalLM", "ForConditionalGeneration", "LMHeadModel"];
/// How those end that turn texts into vectors.
const EMBEDS: [&str; 4] = ["Model", "Encoder", "ForMaskedLM", "ForTextEncoding"];
/// How those end that judge a text, or two that belong together.
const RANKS: &str = "ForSequenceClassification";

/// How numbers were packed for other programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packed {
    /// What it is called, with its bits where they are stated: `GPTQ-4bit`.
    pub(super) name: String,
    pub(super) bits: Option<u32>,
}

impl Config {
    /// What it was made for. `is_encoder` where the folder says that texts become vectors by it.
    pub(super) fn purpose(&self, is_encoder: bool) -> Purpose {
        let has = |endings: &[&str]| {
            self.architectures.iter().any(|class| endings.iter().any(|ending| class.ends_with(ending)))
        };
        if has(&[RANKS]) {
            return Purpose::Reranking;
        }
        let is_bert = self.model_type.as_deref() == Some("bert");
        match is_encoder || is_bert || has(&EMBEDS) && !has(&WRITES) {
            true => Purpose::Embedding,
            false => Purpose::Writing,
        }
    }

    /// Why it is neither computed nor written anew here, as a sentence; `None` where it is.
    pub(super) fn remark(&self, purpose: Purpose) -> Option<String> {
        let not_supported =
            |what: &str| Some(format!("{what} are not supported in this form; a GGUF file may be"));
        let kind = self.model_type.as_deref().unwrap_or("unknown");
        let is_writer = WRITERS.contains(&kind) || self.is_converted();
        if !is_writer && kind != "bert" {
            return not_supported(&format!("models of the type “{kind}”"));
        }
        match purpose {
            Purpose::Reranking if kind == "bert" && self.n_classes() == 1 => return None,
            Purpose::Reranking if kind == "bert" => {
                return not_supported("models that tell kinds of texts apart");
            }
            Purpose::Reranking => return not_supported("models that rank"),
            Purpose::Embedding if kind == "bert" => return None,
            Purpose::Embedding => return not_supported("encoders of this type"),
            Purpose::Writing => {}
        }
        let is_other = |class: &&String| {
            !(class.ends_with("ForCausalLM") || SEES.contains(&class.as_str()) && self.is_converted())
        };
        match self.architectures.iter().find(is_other) {
            Some(other) => not_supported(&format!("models of the type “{other}”")),
            None if self.quantization_config.is_some() => {
                not_supported("weights that were quantised for other programs")
            }
            None => None,
        }
    }

    /// What a head that judges texts tells apart; with one it gives a number.
    fn n_classes(&self) -> usize {
        self.id2label.as_ref().map_or(1, serde_json::Map::len)
    }

    /// Whether it is computed once it was written as a GGUF file only.
    pub(super) fn is_converted(&self) -> bool {
        self.model_type.as_deref().is_some_and(|kind| CONVERTED.contains(&kind))
    }

    /// How its numbers were packed, where the folder says so.
    pub(super) fn packed(&self) -> Option<Packed> {
        let stated = self.quantization_config.as_ref().filter(|it| it.is_object())?;
        let method = stated.get("quant_method").and_then(Value::as_str)?.to_uppercase();
        let bits = ["bits", "w_bit"].iter().find_map(|key| stated.get(key)?.as_u64());
        let bits = bits.and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=16).contains(n));
        let name = bits.map_or_else(|| method.clone(), |bits| format!("{method}-{bits}bit"));
        Some(Packed { name, bits })
    }
}

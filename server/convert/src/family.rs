//! The families of models: how they name their tensors, and what is done to them.

use serde_json::{Value, json};

/// Models that are converted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Llama,
    Mistral,
    SmolLm3,
    Qwen2,
    Qwen3,
    Gemma,
    Gemma2,
    Gemma3,
}

/// What is done to the numbers of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    Keep,
    /// One is added: the family multiplies by one more than it keeps.
    AddOne,
    /// Rows of queries are put in the order that llama.cpp turns them in.
    OrderQueries,
    /// Likewise of keys.
    OrderKeys,
}

/// What becomes of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It gets that name.
    Written(String, Change),
    /// It is not needed.
    LeftOut,
    /// It is not known.
    Unknown,
}

impl Family {
    /// By the class of transformers that runs it.
    pub(crate) fn of(architecture: &str) -> Option<Self> {
        match architecture {
            "LlamaForCausalLM" | "LLaMAForCausalLM" => Some(Self::Llama),
            "MistralForCausalLM" => Some(Self::Mistral),
            "SmolLM3ForCausalLM" => Some(Self::SmolLm3),
            "Qwen2ForCausalLM" => Some(Self::Qwen2),
            "Qwen3ForCausalLM" => Some(Self::Qwen3),
            "GemmaForCausalLM" => Some(Self::Gemma),
            "Gemma2ForCausalLM" => Some(Self::Gemma2),
            "Gemma3ForCausalLM" | "Gemma3ForConditionalGeneration" => Some(Self::Gemma3),
            _ => None,
        }
    }

    /// The name that llama.cpp knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama | Self::Mistral => "llama",
            Self::SmolLm3 => "smollm3",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma => "gemma",
            Self::Gemma2 => "gemma2",
            Self::Gemma3 => "gemma3",
        }
    }

    pub(crate) fn is_gemma(self) -> bool {
        matches!(self, Self::Gemma | Self::Gemma2 | Self::Gemma3)
    }

    pub(crate) fn is_llama(self) -> bool {
        matches!(self, Self::Llama | Self::Mistral | Self::SmolLm3)
    }

    /// What a description of the family means when it says nothing: published ones leave out what is usual.
    pub(crate) fn default(self, key: &str) -> Option<Value> {
        let value = match (self, key) {
            (Self::Gemma3, "rope_theta") => json!(1_000_000.0),
            (Self::SmolLm3, "rope_theta") => json!(2_000_000.0),
            (_, "rope_theta") => json!(10_000.0),
            (Self::Gemma3, "rope_local_base_freq") => json!(10_000.0),
            (Self::Gemma | Self::Gemma2 | Self::Gemma3 | Self::SmolLm3, "tie_word_embeddings") => json!(true),
            (_, "rms_norm_eps") => json!(1e-6),
            (Self::Llama, "max_position_embeddings") => json!(2048),
            (Self::Qwen2 | Self::Qwen3 | Self::SmolLm3, "max_position_embeddings") => json!(32768),
            (Self::Mistral | Self::Gemma3, "max_position_embeddings") => json!(131_072),
            (Self::Gemma | Self::Gemma2, "max_position_embeddings") => json!(8192),
            (Self::Qwen3, "head_dim") => json!(128),
            (Self::Gemma | Self::Gemma2 | Self::Gemma3, "head_dim") => json!(256),
            (Self::Mistral, "num_key_value_heads") => json!(8),
            (Self::SmolLm3, "num_key_value_heads") => json!(4),
            (Self::SmolLm3, "vocab_size") => json!(128_256),
            (Self::Gemma2 | Self::Gemma3, "num_key_value_heads") => json!(4),
            (Self::Gemma2 | Self::Gemma3, "num_attention_heads") => json!(8),
            (Self::Gemma2 | Self::Gemma3, "hidden_size") => json!(2304),
            (Self::Gemma2 | Self::Gemma3, "intermediate_size") => json!(9216),
            (Self::Gemma2 | Self::Gemma3, "num_hidden_layers") => json!(26),
            (Self::Gemma2 | Self::Gemma3, "sliding_window") => json!(4096),
            (Self::Gemma2, "attn_logit_softcapping") => json!(50.0),
            (Self::Gemma2, "final_logit_softcapping") => json!(30.0),
            (Self::Gemma3, "vocab_size") => json!(262_208),
            (Self::Gemma | Self::Gemma2, "vocab_size") => json!(256_000),
            (Self::Llama | Self::Mistral, "vocab_size") => json!(32_000),
            (Self::Qwen2 | Self::Qwen3, "vocab_size") => json!(151_936),
            _ => return None,
        };
        Some(value)
    }

    /// What becomes of the tensor that the family calls `name`.
    pub(crate) fn fate(self, name: &str) -> Fate {
        if self == Self::Gemma3 && is_of_vision(name) {
            return Fate::LeftOut;
        }
        let name = name.replace("language_model.", "");
        if [".rotary_emb.inv_freq", ".attention.masked_bias", ".attention.bias"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            return Fate::LeftOut;
        }
        let change =
            if self.is_gemma() && name.ends_with("norm.weight") { Change::AddOne } else { Change::Keep };
        let written = |name: &str| Fate::Written(name.to_owned(), change);
        match name.as_str() {
            "model.embed_tokens.weight" => written("token_embd.weight"),
            "model.norm.weight" => written("output_norm.weight"),
            // The first two of Gemma are tied always; some copies have it all the same.
            "lm_head.weight" if matches!(self, Self::Gemma | Self::Gemma2) => Fate::LeftOut,
            "lm_head.weight" => written("output.weight"),
            _ => self.of_layer(&name, change).unwrap_or(Fate::Unknown),
        }
    }

    fn of_layer(self, name: &str, change: Change) -> Option<Fate> {
        let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
        let layer: u32 = layer.parse().ok()?;
        let (part, ending) = rest.rsplit_once('.')?;
        let is_bias = ending == "bias";
        if !is_bias && ending != "weight" {
            return None;
        }
        let has_four_norms = matches!(self, Self::Gemma2 | Self::Gemma3);
        let (to, has_bias) = match part {
            "self_attn.q_proj" => ("attn_q", true),
            "self_attn.k_proj" => ("attn_k", true),
            "self_attn.v_proj" => ("attn_v", true),
            "self_attn.o_proj" => ("attn_output", true),
            "self_attn.q_norm" if matches!(self, Self::Qwen3 | Self::Gemma3) => ("attn_q_norm", false),
            "self_attn.k_norm" if matches!(self, Self::Qwen3 | Self::Gemma3) => ("attn_k_norm", false),
            "mlp.gate_proj" => ("ffn_gate", true),
            "mlp.up_proj" => ("ffn_up", true),
            "mlp.down_proj" => ("ffn_down", true),
            "input_layernorm" => ("attn_norm", false),
            "post_attention_layernorm" if has_four_norms => ("post_attention_norm", false),
            "post_attention_layernorm" => ("ffn_norm", false),
            "pre_feedforward_layernorm" if has_four_norms => ("ffn_norm", false),
            "post_feedforward_layernorm" if has_four_norms => ("post_ffw_norm", false),
            _ => return None,
        };
        if is_bias && !has_bias {
            return None;
        }
        let change = match to {
            "attn_q" if self.is_llama() => Change::OrderQueries,
            "attn_k" if self.is_llama() => Change::OrderKeys,
            _ => change,
        };
        Some(Fate::Written(format!("blk.{layer}.{to}.{ending}"), change))
    }

    /// What each layer must have, by the names that llama.cpp gives.
    pub(crate) fn needed(self) -> &'static [&'static str] {
        const PLAIN: [&str; 9] = [
            "attn_norm",
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_output",
            "ffn_norm",
            "ffn_gate",
            "ffn_up",
            "ffn_down",
        ];
        const QWEN3: [&str; 11] = [
            "attn_norm",
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_output",
            "ffn_norm",
            "ffn_gate",
            "ffn_up",
            "ffn_down",
            "attn_q_norm",
            "attn_k_norm",
        ];
        const GEMMA2: [&str; 11] = [
            "attn_norm",
            "attn_q",
            "attn_k",
            "attn_v",
            "attn_output",
            "ffn_norm",
            "ffn_gate",
            "ffn_up",
            "ffn_down",
            "post_attention_norm",
            "post_ffw_norm",
        ];
        match self {
            Self::Qwen3 => &QWEN3,
            Self::Gemma2 | Self::Gemma3 => &GEMMA2,
            _ => &PLAIN,
        }
    }
}

/// Whether it belongs to what sees images.
fn is_of_vision(name: &str) -> bool {
    ["vision", "projector.", "patch_embed"].iter().any(|part| name.contains(part))
}

/// Which row of a matrix of `n_rows` comes as row `i`, when the halves of each of `n_heads` heads are interleaved.
pub(crate) fn ordered_row(i: u64, n_rows: u64, n_heads: u64) -> u64 {
    let half = n_rows / n_heads / 2;
    let (head, inside) = (i / (2 * half), i % (2 * half));
    head * 2 * half + (inside % 2) * half + inside / 2
}

#[cfg(test)]
mod tests {
    use super::{Change, Family, Fate, ordered_row};

    #[test]
    fn tensors_are_renamed_by_family() {
        let check = |family: Family, name: &str, expected: &str, change: Change| {
            assert_eq!(family.fate(name), Fate::Written(expected.to_owned(), change), "{name}");
        };
        let norm = "model.layers.11.post_attention_layernorm.weight";
        check(Family::Llama, norm, "blk.11.ffn_norm.weight", Change::Keep);
        check(Family::Gemma, norm, "blk.11.ffn_norm.weight", Change::AddOne);
        check(Family::Gemma2, norm, "blk.11.post_attention_norm.weight", Change::AddOne);
        check(
            Family::Llama,
            "model.layers.0.self_attn.q_proj.bias",
            "blk.0.attn_q.bias",
            Change::OrderQueries,
        );
        check(Family::Qwen2, "model.layers.0.self_attn.q_proj.bias", "blk.0.attn_q.bias", Change::Keep);
        check(Family::Gemma3, "language_model.model.norm.weight", "output_norm.weight", Change::AddOne);
        check(Family::Gemma3, "model.language_model.norm.weight", "output_norm.weight", Change::AddOne);
        check(Family::Qwen3, "lm_head.weight", "output.weight", Change::Keep);
    }

    #[test]
    fn what_is_not_needed_is_left_out_and_what_is_not_known_is_said() {
        let check =
            |family: Family, name: &str, expected: Fate| assert_eq!(family.fate(name), expected, "{name}");
        check(Family::Gemma2, "lm_head.weight", Fate::LeftOut);
        check(Family::Gemma3, "vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", Fate::LeftOut);
        check(Family::Gemma3, "multi_modal_projector.mm_input_projection_weight", Fate::LeftOut);
        check(Family::Llama, "model.layers.0.self_attn.rotary_emb.inv_freq", Fate::LeftOut);
        check(Family::Llama, "model.layers.0.self_attn.q_norm.weight", Fate::Unknown);
        check(Family::Llama, "model.layers.0.self_attn.q_proj.qweight", Fate::Unknown);
        check(Family::Llama, "model.layers.x.mlp.up_proj.weight", Fate::Unknown);
        check(Family::Llama, "anything", Fate::Unknown);
    }

    #[test]
    fn halves_of_heads_are_interleaved() {
        let rows: Vec<u64> = (0..8).map(|i| ordered_row(i, 8, 2)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}

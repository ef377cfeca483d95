//! The families of models: how they name their tensors, and what is done to them.

use crate::experts::Matrix;
use serde_json::{Value, json};

/// Models that are converted alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Llama,
    Mistral,
    Mixtral,
    SmolLm3,
    SmolVlm,
    Qwen2,
    Qwen2Moe,
    Qwen2Vl,
    Qwen3,
    Qwen3Moe,
    Qwen3Vl,
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
    /// It becomes part of what all experts of its layer have together.
    OfExpert {
        /// The layer that the expert is of.
        layer: u64,
        /// Which of its matrices it is.
        matrix: Matrix,
        /// Which of the layer's experts it is.
        expert: u64,
    },
    /// It has those matrices of all experts of its layer: for each expert, one below the other.
    OfExperts {
        /// The layer that the experts are of.
        layer: u64,
        /// Which matrices.
        matrices: &'static [Matrix],
    },
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
            "MixtralForCausalLM" => Some(Self::Mixtral),
            "SmolLM3ForCausalLM" => Some(Self::SmolLm3),
            "VLlama3ForCausalLM" | "Idefics3ForConditionalGeneration" | "SmolVLMForConditionalGeneration" => {
                Some(Self::SmolVlm)
            }
            "Qwen2ForCausalLM" => Some(Self::Qwen2),
            "Qwen2MoeForCausalLM" => Some(Self::Qwen2Moe),
            "Qwen2VLForConditionalGeneration" | "Qwen2_5_VLForConditionalGeneration" => Some(Self::Qwen2Vl),
            "Qwen3MoeForCausalLM" => Some(Self::Qwen3Moe),
            "Qwen3ForCausalLM" => Some(Self::Qwen3),
            "Qwen3VLForConditionalGeneration" => Some(Self::Qwen3Vl),
            "GemmaForCausalLM" => Some(Self::Gemma),
            "Gemma2ForCausalLM" => Some(Self::Gemma2),
            "Gemma3ForCausalLM" | "Gemma3ForConditionalGeneration" => Some(Self::Gemma3),
            _ => None,
        }
    }

    /// The name that llama.cpp knows it by.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Llama | Self::Mistral | Self::Mixtral | Self::SmolVlm => "llama",
            Self::SmolLm3 => "smollm3",
            Self::Qwen2 => "qwen2",
            Self::Qwen2Moe => "qwen2moe",
            Self::Qwen2Vl => "qwen2vl",
            Self::Qwen3 => "qwen3",
            Self::Qwen3Moe => "qwen3moe",
            Self::Qwen3Vl => "qwen3vl",
            Self::Gemma => "gemma",
            Self::Gemma2 => "gemma2",
            Self::Gemma3 => "gemma3",
        }
    }

    pub(crate) fn is_gemma(self) -> bool {
        matches!(self, Self::Gemma | Self::Gemma2 | Self::Gemma3)
    }

    pub(crate) fn is_llama(self) -> bool {
        matches!(self, Self::Llama | Self::Mistral | Self::Mixtral | Self::SmolLm3 | Self::SmolVlm)
    }

    /// Whether its models look at images, some even where their description does not say so.
    pub(crate) fn may_see(self) -> bool {
        matches!(self, Self::Gemma3 | Self::SmolVlm | Self::Qwen2Vl | Self::Qwen3Vl)
    }

    /// Whether each layer has several experts, of which a few compute each token.
    pub(crate) fn has_experts(self) -> bool {
        matches!(self, Self::Mixtral | Self::Qwen2Moe | Self::Qwen3Moe)
    }

    /// The matrices of an expert, in the order in which the reference writes them.
    pub(crate) fn expert_matrices(self) -> [Matrix; 3] {
        match self {
            Self::Mixtral => [Matrix::Gate, Matrix::Down, Matrix::Up],
            _ => [Matrix::Down, Matrix::Gate, Matrix::Up],
        }
    }

    /// What the part of a layer is called that has its experts.
    fn block_of_experts(self) -> &'static str {
        if self == Self::Mixtral { "block_sparse_moe" } else { "mlp" }
    }

    /// What MLX calls a matrix of all experts of a layer.
    pub(crate) fn name_in_mlx(self, layer: u64, matrix: Matrix) -> String {
        let part = match matrix {
            Matrix::Gate => "gate_proj",
            Matrix::Down => "down_proj",
            Matrix::Up => "up_proj",
        };
        format!("model.layers.{layer}.{}.switch_mlp.{part}.weight", self.block_of_experts())
    }

    /// What the family calls a matrix of an expert.
    pub(crate) fn name_of_expert(self, layer: u64, expert: u64, matrix: Matrix) -> String {
        let block = self.block_of_experts();
        let part = match (self, matrix) {
            (Self::Mixtral, Matrix::Gate) => "w1",
            (Self::Mixtral, Matrix::Down) => "w2",
            (Self::Mixtral, Matrix::Up) => "w3",
            (_, Matrix::Gate) => "gate_proj",
            (_, Matrix::Down) => "down_proj",
            (_, Matrix::Up) => "up_proj",
        };
        format!("model.layers.{layer}.{block}.experts.{expert}.{part}.weight")
    }

    /// What a description of the family means when it says nothing: published ones leave out what is usual.
    pub(crate) fn default(self, key: &str) -> Option<Value> {
        let value = match (self, key) {
            (Self::Gemma3, "rope_theta") => json!(1_000_000.0),
            (Self::Mixtral | Self::Qwen2Vl, "rope_theta") => json!(1_000_000.0),
            (Self::SmolLm3, "rope_theta") => json!(2_000_000.0),
            (Self::Qwen3Vl, "rope_theta") => json!(5_000_000.0),
            (_, "rope_theta") => json!(10_000.0),
            (Self::Gemma3, "rope_local_base_freq") => json!(10_000.0),
            (Self::Gemma | Self::Gemma2 | Self::Gemma3 | Self::SmolLm3, "tie_word_embeddings") => json!(true),
            (Self::Mixtral | Self::Qwen2Vl, "rms_norm_eps") => json!(1e-5),
            (_, "rms_norm_eps") => json!(1e-6),
            (Self::Llama | Self::SmolVlm, "max_position_embeddings") => json!(2048),
            (Self::SmolVlm, "num_attention_heads") => json!(32),
            (
                Self::Qwen2 | Self::Qwen2Moe | Self::Qwen2Vl | Self::Qwen3 | Self::Qwen3Moe | Self::SmolLm3,
                "max_position_embeddings",
            ) => json!(32768),
            (Self::Mistral | Self::Mixtral | Self::Gemma3, "max_position_embeddings") => json!(131_072),
            (Self::Gemma | Self::Gemma2, "max_position_embeddings") => json!(8192),
            (Self::Qwen3Vl, "max_position_embeddings") => json!(128_000),
            (Self::Qwen3 | Self::Qwen3Vl, "head_dim") => json!(128),
            (Self::Gemma | Self::Gemma2 | Self::Gemma3, "head_dim") => json!(256),
            (Self::Mistral | Self::Mixtral | Self::Qwen2Vl, "num_key_value_heads") => json!(8),
            (Self::Qwen2Moe, "num_key_value_heads") => json!(16),
            (Self::Qwen3Vl, "num_key_value_heads") => json!(32),
            (Self::SmolLm3 | Self::Qwen3Moe, "num_key_value_heads") => json!(4),
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
            (Self::Llama | Self::Mistral | Self::Mixtral | Self::SmolVlm, "vocab_size") => json!(32_000),
            (Self::Qwen2 | Self::Qwen2Moe | Self::Qwen3 | Self::Qwen3Moe | Self::Qwen3Vl, "vocab_size") => {
                json!(151_936)
            }
            (Self::Qwen2Vl, "vocab_size") => json!(152_064),
            _ => return self.default_of_experts(key),
        };
        Some(value)
    }

    fn default_of_experts(self, key: &str) -> Option<Value> {
        let value = match (self, key) {
            (Self::Mixtral, "num_local_experts") => 8,
            (Self::Mixtral, "num_experts_per_tok") => 2,
            (Self::Qwen2Moe, "num_experts") => 60,
            (Self::Qwen2Moe, "num_experts_per_tok") => 4,
            (Self::Qwen2Moe, "moe_intermediate_size") => 1408,
            (Self::Qwen2Moe, "shared_expert_intermediate_size") => 5632,
            (Self::Qwen3Moe, "num_experts") => 128,
            (Self::Qwen3Moe, "num_experts_per_tok") => 8,
            (Self::Qwen3Moe, "moe_intermediate_size") => 768,
            _ => return None,
        };
        Some(json!(value))
    }

    /// What becomes of the tensor that the family calls `name`.
    pub(crate) fn fate(self, name: &str) -> Fate {
        let mut name = name.replace("language_model.", "");
        if self == Self::SmolVlm {
            name = name.replace("text_model.", "");
        }
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
        let of_experts = rest.strip_prefix(self.block_of_experts()).and_then(|rest| rest.strip_prefix('.'));
        if self.has_experts()
            && let Some(rest) = of_experts
        {
            return self.of_experts(layer.into(), rest);
        }
        let (part, ending) = rest.rsplit_once('.')?;
        let is_bias = ending == "bias";
        if !is_bias && ending != "weight" {
            return None;
        }
        let has_four_norms = matches!(self, Self::Gemma2 | Self::Gemma3);
        let has_norms_of_heads = matches!(self, Self::Qwen3 | Self::Qwen3Moe | Self::Qwen3Vl | Self::Gemma3);
        // What llama.cpp knows as Llama alone may have more than those of queries, keys and values: files of others that have
        // more are not loaded.
        let has_all_biases = self.name() == "llama";
        let (to, has_bias) = match part {
            "self_attn.q_proj" => ("attn_q", true),
            "self_attn.k_proj" => ("attn_k", true),
            "self_attn.v_proj" => ("attn_v", true),
            "self_attn.o_proj" => ("attn_output", has_all_biases),
            "self_attn.q_norm" if has_norms_of_heads => ("attn_q_norm", false),
            "self_attn.k_norm" if has_norms_of_heads => ("attn_k_norm", false),
            "mlp.gate_proj" if !self.has_experts() => ("ffn_gate", has_all_biases),
            "mlp.up_proj" if !self.has_experts() => ("ffn_up", has_all_biases),
            "mlp.down_proj" if !self.has_experts() => ("ffn_down", has_all_biases),
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

    /// What becomes of a tensor of the part that chooses among experts, and of theirs.
    fn of_experts(self, layer: u64, name: &str) -> Option<Fate> {
        let has_shared = self == Self::Qwen2Moe;
        let to = match name {
            "gate.weight" => "ffn_gate_inp",
            "shared_expert_gate.weight" if has_shared => "ffn_gate_inp_shexp",
            "shared_expert.gate_proj.weight" if has_shared => "ffn_gate_shexp",
            "shared_expert.up_proj.weight" if has_shared => "ffn_up_shexp",
            "shared_expert.down_proj.weight" if has_shared => "ffn_down_shexp",
            _ => return self.of_expert(layer, name.strip_prefix("experts.")?),
        };
        Some(Fate::Written(format!("blk.{layer}.{to}.weight"), Change::Keep))
    }

    fn of_expert(self, layer: u64, name: &str) -> Option<Fate> {
        let is_qwen = self != Self::Mixtral;
        // Newer programs may keep those of all experts in one.
        match name.strip_suffix(".weight").unwrap_or(name) {
            "down_proj" if is_qwen => return Some(Fate::OfExperts { layer, matrices: &[Matrix::Down] }),
            "gate_up_proj" if is_qwen => {
                return Some(Fate::OfExperts { layer, matrices: &[Matrix::Gate, Matrix::Up] });
            }
            _ => {}
        }
        let (expert, part) = name.split_once('.')?;
        let matrix = match part.strip_suffix(".weight")? {
            "gate_proj" if is_qwen => Matrix::Gate,
            "up_proj" if is_qwen => Matrix::Up,
            "down_proj" if is_qwen => Matrix::Down,
            "w1" if !is_qwen => Matrix::Gate,
            "w2" if !is_qwen => Matrix::Down,
            "w3" if !is_qwen => Matrix::Up,
            _ => return None,
        };
        Some(Fate::OfExpert { layer, matrix, expert: expert.parse().ok()? })
    }

    /// What each layer must have, by the names that llama.cpp gives.
    pub(crate) fn needed(self) -> impl Iterator<Item = &'static str> {
        const ALL: [&str; 6] = ["attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm"];
        const EXPERTS: [&str; 4] = ["ffn_gate_inp", "ffn_gate_exps", "ffn_up_exps", "ffn_down_exps"];
        const SHARED: [&str; 8] = [
            "ffn_gate_inp",
            "ffn_gate_exps",
            "ffn_up_exps",
            "ffn_down_exps",
            "ffn_gate_inp_shexp",
            "ffn_gate_shexp",
            "ffn_up_shexp",
            "ffn_down_shexp",
        ];
        let computes: &[&str] = match self {
            Self::Qwen2Moe => &SHARED,
            _ if self.has_experts() => &EXPERTS,
            _ => &["ffn_gate", "ffn_up", "ffn_down"],
        };
        let norms: &[&str] = match self {
            Self::Qwen3 | Self::Qwen3Moe | Self::Qwen3Vl => &["attn_q_norm", "attn_k_norm"],
            Self::Gemma2 | Self::Gemma3 => &["post_attention_norm", "post_ffw_norm"],
            _ => &[],
        };
        ALL.iter().chain(computes).chain(norms).copied()
    }
}

/// Whether it belongs to what sees images.
pub(crate) fn is_of_vision(name: &str) -> bool {
    const PARTS: [&str; 6] =
        ["vision", "visual.", "projector.", "patch_embed", "model.connector.", "image_newline"];
    PARTS.iter().any(|part| name.contains(part))
}

/// Which row of a matrix of `n_rows` comes as row `i`, when the halves of each of `n_heads` heads are interleaved.
pub(crate) fn ordered_row(i: u64, n_rows: u64, n_heads: u64) -> u64 {
    let half = n_rows / n_heads / 2;
    let (head, inside) = (i / (2 * half), i % (2 * half));
    head * 2 * half + (inside % 2) * half + inside / 2
}

#[cfg(test)]
mod tests {
    use super::{Change, Family, Fate, is_of_vision, ordered_row};
    use crate::experts::Matrix;

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
        let of_head = "model.language_model.layers.5.self_attn.q_norm.weight";
        check(Family::Qwen3Vl, of_head, "blk.5.attn_q_norm.weight", Change::Keep);
        let query = "model.text_model.layers.3.self_attn.q_proj.weight";
        check(Family::SmolVlm, query, "blk.3.attn_q.weight", Change::OrderQueries);
        let router = "model.layers.2.block_sparse_moe.gate.weight";
        check(Family::Mixtral, router, "blk.2.ffn_gate_inp.weight", Change::Keep);
        let shared = "model.layers.2.mlp.shared_expert.up_proj.weight";
        check(Family::Qwen2Moe, shared, "blk.2.ffn_up_shexp.weight", Change::Keep);
    }

    #[test]
    fn matrices_of_experts_are_known_by_layer_and_expert() {
        let check = |family: Family, name: &str, layer: u64, expert: u64, matrix: Matrix| {
            assert_eq!(family.fate(name), Fate::OfExpert { layer, matrix, expert }, "{name}");
            assert_eq!(family.name_of_expert(layer, expert, matrix), name);
        };
        let mixtral = "model.layers.3.block_sparse_moe.experts.7";
        check(Family::Mixtral, &format!("{mixtral}.w1.weight"), 3, 7, Matrix::Gate);
        check(Family::Mixtral, &format!("{mixtral}.w2.weight"), 3, 7, Matrix::Down);
        check(Family::Mixtral, &format!("{mixtral}.w3.weight"), 3, 7, Matrix::Up);
        for family in [Family::Qwen2Moe, Family::Qwen3Moe] {
            let qwen = "model.layers.10.mlp.experts.119";
            check(family, &format!("{qwen}.gate_proj.weight"), 10, 119, Matrix::Gate);
            check(family, &format!("{qwen}.up_proj.weight"), 10, 119, Matrix::Up);
            check(family, &format!("{qwen}.down_proj.weight"), 10, 119, Matrix::Down);
        }
    }

    #[test]
    fn what_sees_images_is_told_from_what_writes() {
        let check = |name: &str, expected: bool| assert_eq!(is_of_vision(name), expected, "{name}");
        check("vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", true);
        check("model.vision_model.post_layernorm.bias", true);
        check("multi_modal_projector.mm_input_projection_weight", true);
        check("model.connector.modality_projection.proj.weight", true);
        check("model.visual.deepstack_merger_list.0.norm.weight", true);
        check("model.text_model.layers.0.mlp.up_proj.weight", false);
        check("language_model.model.norm.weight", false);
    }

    #[test]
    fn what_is_not_needed_is_left_out_and_what_is_not_known_is_said() {
        let check =
            |family: Family, name: &str, expected: Fate| assert_eq!(family.fate(name), expected, "{name}");
        check(Family::Gemma2, "lm_head.weight", Fate::LeftOut);
        check(Family::Llama, "model.layers.0.self_attn.rotary_emb.inv_freq", Fate::LeftOut);
        check(Family::Llama, "model.layers.0.self_attn.q_norm.weight", Fate::Unknown);
        check(Family::Llama, "model.layers.0.self_attn.q_proj.qweight", Fate::Unknown);
        check(Family::Llama, "model.layers.x.mlp.up_proj.weight", Fate::Unknown);
        check(Family::Llama, "anything", Fate::Unknown);
        for family in [Family::Qwen2, Family::Qwen3, Family::SmolLm3, Family::Gemma3] {
            check(family, "model.layers.0.self_attn.o_proj.bias", Fate::Unknown);
            check(family, "model.layers.0.mlp.up_proj.bias", Fate::Unknown);
        }
        check(Family::Llama, "model.layers.0.block_sparse_moe.gate.weight", Fate::Unknown);
        check(Family::Mixtral, "model.layers.0.mlp.gate.weight", Fate::Unknown);
        check(Family::Qwen3Moe, "model.layers.0.mlp.gate_proj.weight", Fate::Unknown);
        check(Family::Qwen3Moe, "model.layers.0.mlp.shared_expert.up_proj.weight", Fate::Unknown);
        check(Family::Qwen3Moe, "model.layers.0.mlp.experts.x.up_proj.weight", Fate::Unknown);
        check(Family::Qwen3Moe, "model.layers.0.mlp.experts.1.up_proj.bias", Fate::Unknown);
    }

    #[test]
    fn halves_of_heads_are_interleaved() {
        let rows: Vec<u64> = (0..8).map(|i| ordered_row(i, 8, 2)).collect();
        assert_eq!(rows, [0, 2, 1, 3, 4, 6, 5, 7]);
    }
}

//! The shape of a network that writes, from `config.json`.

use crate::folder::{FolderError, malformed, read_json};
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;

/// More than any model has. Whatever is allocated for a shape is bounded by these and by the weights' own length.
const MAX_WIDTH: usize = 1 << 18;
const MAX_LAYERS: usize = 1024;
const MAX_HEADS: usize = 1024;
const MAX_VOCABULARY: usize = 1 << 20;
const MAX_POSITIONS: usize = 1 << 24;

/// A network of Llama's kind: attention with rotated positions and a gated feed-forward part, both behind RMS norms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    pub(crate) n_vocab: usize,
    /// The longest context, in tokens. Where attention looks back no farther than a window, it is the window: within
    /// it, both are the same.
    pub(crate) n_positions: usize,
    pub(crate) n_layers: usize,
    /// Numbers of a token's vector.
    pub(crate) width: usize,
    /// Likewise, within the feed-forward part.
    pub(crate) inner_width: usize,
    pub(crate) n_heads: usize,
    /// Several heads look at the same keys and values.
    pub(crate) n_kv_heads: usize,
    pub(crate) head_width: usize,
    pub(crate) epsilon: f32,
    pub(crate) rope: Rope,
    /// Queries, keys and values have a bias.
    pub(crate) has_qkv_bias: bool,
    /// So has what comes out of attention.
    pub(crate) has_output_bias: bool,
    /// Queries and keys are normed, each head for itself.
    pub(crate) has_head_norms: bool,
    /// The likelihoods of words come of the same matrix as their vectors.
    pub(crate) is_tied: bool,
}

/// How positions rotate queries and keys.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rope {
    theta: f64,
    scaling: Scaling,
}

#[derive(Clone, Debug, PartialEq)]
enum Scaling {
    None,
    Linear {
        factor: f64,
    },
    /// Low frequencies are slowed down, high ones are not, and those between a little: Llama 3.1.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        n_original: f64,
    },
}

#[derive(Deserialize)]
struct Config {
    model_type: Option<String>,
    #[serde(default)]
    architectures: Vec<String>,
    vocab_size: usize,
    max_position_embeddings: usize,
    num_hidden_layers: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    rms_norm_eps: f64,
    hidden_act: Option<String>,
    rope_theta: Option<f64>,
    rope_scaling: Option<RopeConfig>,
    /// Newer files have both of the above in here.
    rope_parameters: Option<RopeConfig>,
    sliding_window: Option<usize>,
    use_sliding_window: Option<bool>,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
    #[serde(default)]
    tie_word_embeddings: bool,
    quantization_config: Option<Value>,
}

#[derive(Clone, Deserialize)]
struct RopeConfig {
    rope_type: Option<String>,
    /// Its older name. Files that were written anew have both.
    #[serde(rename = "type")]
    older_type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    low_freq_factor: Option<f64>,
    high_freq_factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
}

impl Shape {
    /// Reads and checks the shape of the model in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join("config.json");
        let config: Config = read_json(&path)?;
        let kind = config.model_type.as_deref().unwrap_or("unknown");
        let is_known = matches!(kind, "llama" | "mistral" | "qwen2" | "qwen3");
        if !is_known {
            return Err(FolderError::Unsupported(kind.to_owned()));
        }
        if let Some(other) = config.architectures.iter().find(|name| !name.ends_with("ForCausalLM")) {
            return Err(FolderError::Unsupported(other.clone()));
        }
        if config.quantization_config.is_some() {
            return Err(FolderError::Quantised);
        }
        shape(&config).map_err(|reason| malformed(&path, reason))
    }

    /// How fast each pair of numbers of a head turns, in radians a position.
    pub(crate) fn frequencies(&self) -> Vec<f32> {
        let pairs = (0..self.head_width).step_by(2);
        pairs.map(|i| self.rope.frequency(i as f64 / self.head_width as f64) as f32).collect()
    }
}

fn shape(config: &Config) -> Result<Shape, String> {
    let kind = config.model_type.as_deref().unwrap_or_default();
    let n_heads = within("num_attention_heads", config.num_attention_heads, MAX_HEADS)?;
    let n_kv_heads = config.num_key_value_heads.unwrap_or(n_heads);
    let n_kv_heads = within("num_key_value_heads", n_kv_heads, MAX_HEADS)?;
    if !n_heads.is_multiple_of(n_kv_heads) {
        return Err("the heads do not share the keys evenly".to_owned());
    }
    let width = within("hidden_size", config.hidden_size, MAX_WIDTH)?;
    let usual = if kind == "qwen3" { 128 } else { width / n_heads };
    let head_width = within("head_dim", config.head_dim.unwrap_or(usual), MAX_WIDTH / n_heads)?;
    if !head_width.is_multiple_of(2) {
        return Err("the heads have an odd width".to_owned());
    }
    if !(0.0..1.0).contains(&config.rms_norm_eps) {
        return Err("rms_norm_eps is no small number".to_owned());
    }
    if config.hidden_act.as_deref().is_some_and(|it| it != "silu") {
        return Err("its hidden_act is not silu".to_owned());
    }
    if config.mlp_bias {
        return Err("a bias in the feed-forward part is not supported".to_owned());
    }
    let n_positions = within("max_position_embeddings", config.max_position_embeddings, MAX_POSITIONS)?;
    let window = config.sliding_window.filter(|_| config.use_sliding_window.unwrap_or(kind == "mistral"));
    Ok(Shape {
        n_vocab: within("vocab_size", config.vocab_size, MAX_VOCABULARY)?,
        n_positions: window.map_or(n_positions, |window| window.clamp(1, n_positions)),
        n_layers: within("num_hidden_layers", config.num_hidden_layers, MAX_LAYERS)?,
        width,
        inner_width: within("intermediate_size", config.intermediate_size, MAX_WIDTH)?,
        n_heads,
        n_kv_heads,
        head_width,
        epsilon: config.rms_norm_eps as f32,
        rope: rope(config)?,
        has_qkv_bias: kind == "qwen2" || config.attention_bias,
        has_output_bias: kind != "qwen2" && config.attention_bias,
        has_head_norms: kind == "qwen3",
        is_tied: config.tie_word_embeddings,
    })
}

fn within(name: &str, n: usize, most: usize) -> Result<usize, String> {
    match n {
        0 => Err(format!("{name} is 0")),
        n if n > most => Err(format!("{name} is {n}, more than any model has")),
        n => Ok(n),
    }
}

fn rope(config: &Config) -> Result<Rope, String> {
    let newer = config.rope_parameters.as_ref();
    let theta = config.rope_theta.or(newer.and_then(|it| it.rope_theta)).unwrap_or(10_000.0);
    if !theta.is_finite() || theta < 1.0 {
        return Err("rope_theta is no number over 1".to_owned());
    }
    let scaling = config.rope_scaling.as_ref().or(newer).map_or(Ok(Scaling::None), RopeConfig::scaling)?;
    Ok(Rope { theta, scaling })
}

impl RopeConfig {
    fn scaling(&self) -> Result<Scaling, String> {
        let number = |name: &str, number: Option<f64>| {
            let number = number.filter(|it| it.is_finite() && *it > 0.0);
            number.ok_or_else(|| format!("the {name} of its positions is no number over 0"))
        };
        match self.rope_type.as_deref().or(self.older_type.as_deref()) {
            None | Some("default") => Ok(Scaling::None),
            Some("linear") => Ok(Scaling::Linear { factor: number("factor", self.factor)? }),
            Some("llama3") => {
                let low = number("low_freq_factor", self.low_freq_factor)?;
                let high = number("high_freq_factor", self.high_freq_factor)?;
                if low >= high {
                    return Err("low_freq_factor is not below high_freq_factor".to_owned());
                }
                let n_original =
                    number("original_max_position_embeddings", self.original_max_position_embeddings)?;
                Ok(Scaling::Llama3 { factor: number("factor", self.factor)?, low, high, n_original })
            }
            Some(other) => Err(format!("positions of the kind “{other}” are not supported")),
        }
    }
}

impl Rope {
    /// Of the pair that lies at `share`, 0 to 1, of a head.
    fn frequency(&self, share: f64) -> f64 {
        let plain = self.theta.powf(-share);
        match self.scaling {
            Scaling::None => plain,
            Scaling::Linear { factor } => plain / factor,
            Scaling::Llama3 { factor, low, high, n_original } => {
                let turns = n_original * plain / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                plain * (kept + (1.0 - kept) / factor)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RopeConfig, Scaling};

    #[track_caller]
    fn check(stated: &str, expected: Scaling) {
        let config: RopeConfig = serde_json::from_str(stated).unwrap();
        assert_eq!(config.scaling(), Ok(expected), "{stated}");
    }

    #[test]
    fn positions_are_told_by_an_older_name_a_newer_one_or_both() {
        let linear = || Scaling::Linear { factor: 4.0 };
        check(r#"{"type": "linear", "factor": 4.0}"#, linear());
        check(r#"{"rope_type": "linear", "factor": 4.0}"#, linear());
        check(r#"{"rope_type": "linear", "type": "linear", "factor": 4.0}"#, linear());
        check(r#"{"rope_type": "default", "type": "default"}"#, Scaling::None);
        check(r#"{"rope_theta": 10000.0}"#, Scaling::None);
    }
}

//! What the file says about how the model is built.

use crate::{
    ConvertError, OutType,
    config::{Config, Rope},
    container::{Keys, Value},
    family::Family,
    vision::deep_layers,
};

/// Sets the keys of the architecture, in the order in which the reference has them.
pub(crate) fn set_architecture(keys: &mut Keys, config: &Config, out: OutType) -> Result<(), ConvertError> {
    check_layers_without_positions(config)?;
    let mut arch = Architecture { keys, name: config.family.name() };
    match config.family {
        Family::Gemma | Family::Gemma2 => arch.early_gemma(config, out)?,
        _ => arch.usual(config, out)?,
    }
    match config.family {
        Family::Llama | Family::Mistral | Family::Mixtral | Family::SmolLm3 | Family::SmolVlm => {
            arch.number("vocab_size", config.number("vocab_size")?);
            arch.number("rope.dimension_count", config.head_dim()?);
        }
        Family::Gemma2 => {
            arch.float("attn_logit_softcapping", config.float("attn_logit_softcapping")?);
            arch.float("final_logit_softcapping", config.float("final_logit_softcapping")?);
            arch.number("attention.sliding_window", config.number("sliding_window")?);
        }
        Family::Gemma3 => {
            if config.find_float("attn_logit_softcapping")?.is_some() {
                return Err(config.malformed("attn_logit_softcapping is nothing that this family has"));
            }
            if let Some(cap) = config.find_float("final_logit_softcapping")?.filter(|cap| *cap != 0.0) {
                arch.float("final_logit_softcapping", cap);
            }
            if config.find_number("sliding_window_pattern")? != Some(1) {
                arch.number("attention.sliding_window", config.number("sliding_window")?);
            }
        }
        Family::Qwen2Moe | Family::Qwen3Moe => {
            for (key, stated) in [
                ("expert_feed_forward_length", "moe_intermediate_size"),
                ("expert_shared_feed_forward_length", "shared_expert_intermediate_size"),
            ] {
                if let Some(n) = config.find_number(stated)? {
                    arch.number(key, n);
                }
            }
        }
        Family::Qwen3Vl => arch.number("n_deepstack_layers", n_hearing(config)?),
        Family::Qwen2 | Family::Qwen2Vl | Family::Qwen3 | Family::Gemma => {}
    }
    Ok(())
}

/// Each fourth layer of SmolLM 3 knows no positions; llama.cpp takes that for granted.
fn check_layers_without_positions(config: &Config) -> Result<(), ConvertError> {
    const STEP: u64 = 4;
    if config.family != Family::SmolLm3 {
        return Ok(());
    }
    let listed = config.get("no_rope_layers");
    let is_usual = match listed.as_ref().and_then(|it| it.as_array()) {
        // One for those that know positions.
        Some(all) => {
            (1_u64..).zip(all).all(|(n, it)| it.as_u64() == Some(u64::from(!n.is_multiple_of(STEP))))
        }
        None => config.find_number("no_rope_layer_interval")?.is_none_or(|n| n == STEP),
    };
    match is_usual {
        true => Ok(()),
        false => Err(config.malformed("other layers know no positions than llama.cpp expects")),
    }
}

/// How many layers hear of what layers of the tower saw. Were the last one among them, llama.cpp would not load the model.
fn n_hearing(config: &Config) -> Result<u64, ConvertError> {
    let n = deep_layers(config)?.len() as u64;
    if n < config.n_layers {
        Ok(n)
    } else {
        Err(config.malformed("it has too few layers to see by its tower"))
    }
}

struct Architecture<'a> {
    keys: &'a mut Keys,
    name: &'static str,
}

impl Architecture<'_> {
    fn set(&mut self, key: &str, value: Value) {
        self.keys.set(format!("{}.{key}", self.name), value);
    }

    /// Numbers of descriptions fit: larger ones are refused when they are read.
    fn number(&mut self, key: &str, n: u64) {
        self.set(key, Value::U32(n as u32));
    }

    fn float(&mut self, key: &str, n: f64) {
        self.set(key, Value::F32(n as f32));
    }

    fn sizes(&mut self, config: &Config, layers_first: bool) -> Result<(), ConvertError> {
        if layers_first {
            self.number("block_count", config.n_layers);
        }
        self.number("context_length", config.number("max_position_embeddings")?);
        self.number("embedding_length", config.number("hidden_size")?);
        if !layers_first {
            self.number("block_count", config.n_layers);
        }
        self.number("feed_forward_length", config.number("intermediate_size")?);
        let (n_heads, n_kv_heads) = config.heads()?;
        self.number("attention.head_count", n_heads);
        self.number("attention.head_count_kv", n_kv_heads);
        Ok(())
    }

    fn head_lengths(&mut self, n: u64) {
        self.number("attention.key_length", n);
        self.number("attention.value_length", n);
    }

    fn file_type(&mut self, out: OutType) {
        self.keys.set("general.file_type", Value::U32(out.file_type()));
    }

    fn early_gemma(&mut self, config: &Config, out: OutType) -> Result<(), ConvertError> {
        self.sizes(config, false)?;
        self.float("attention.layer_norm_rms_epsilon", config.float("rms_norm_eps")?);
        self.head_lengths(config.head_dim()?);
        self.file_type(out);
        Ok(())
    }

    fn usual(&mut self, config: &Config, out: OutType) -> Result<(), ConvertError> {
        self.sizes(config, true)?;
        let rope = config.rope()?;
        self.scaling(&rope, config)?;
        if matches!(config.family, Family::Qwen2Vl | Family::Qwen3Vl) {
            self.set("rope.dimension_sections", Value::Ints(sections(&rope, config)?));
        }
        self.float("rope.freq_base", rope.theta);
        if let Some(theta) = rope.local_theta {
            self.float("rope.freq_base_swa", theta);
        }
        self.float("attention.layer_norm_rms_epsilon", config.float("rms_norm_eps")?);
        if config.family.has_experts() {
            self.number("expert_count", config.n_experts()?);
            self.number("expert_used_count", config.n_experts_used()?);
        }
        // These have no such number: their heads share the width.
        let share = config.family.has_experts()
            || matches!(config.family, Family::Qwen2 | Family::Qwen2Vl | Family::SmolLm3);
        if !share || config.find_number("head_dim")?.is_some() {
            self.head_lengths(config.head_dim()?);
        }
        self.file_type(out);
        Ok(())
    }

    fn scaling(&mut self, rope: &Rope, config: &Config) -> Result<(), ConvertError> {
        let factor = rope.float("factor");
        match (rope.kind.as_str(), factor) {
            ("linear", Some(factor)) => {
                self.set("rope.scaling.type", Value::Text("linear".to_owned()));
                self.float("rope.scaling.factor", factor);
            }
            ("yarn", Some(factor)) => {
                self.set("rope.scaling.type", Value::Text("yarn".to_owned()));
                self.float("rope.scaling.factor", factor);
                self.number("rope.scaling.original_context_length", rope.original_length());
                let attention = rope.float("attention_factor").or_else(|| rope.float("attn_factor"));
                for (key, value) in [
                    ("ext", rope.float("extrapolation_factor")),
                    ("attn", attention),
                    ("beta_fast", rope.float("beta_fast")),
                    ("beta_slow", rope.float("beta_slow")),
                ] {
                    let ending = if key.starts_with("beta") { "" } else { "_factor" };
                    if let Some(value) = value {
                        self.float(&format!("rope.scaling.yarn_{key}{ending}"), value);
                    }
                }
            }
            // Told by a tensor of its own.
            ("llama3", _) if config.family.is_llama() => {}
            ("default", _) => {}
            ("mrope", _) if matches!(config.family, Family::Qwen2Vl | Family::Qwen3Vl) => {}
            (kind, _) => {
                let reason = format!("positions of the kind “{}” are not known", crate::error::shown(kind));
                return Err(config.malformed(reason));
            }
        }
        Ok(())
    }
}

/// How many frequencies tell when, how far down and how far to the right something is: four numbers, of which the last is
/// nobody's.
fn sections(rope: &Rope, config: &Config) -> Result<Vec<i32>, ConvertError> {
    let sections = rope.sections().filter(|all| (1..=4).contains(&all.len()));
    let mut sections = sections.ok_or_else(|| config.malformed("mrope_section is not as it should be"))?;
    sections.resize(4, 0);
    Ok(sections)
}

/// What each frequency is divided by, where a model was stretched in the way of Llama 3.
///
/// Computed in single precision step by step, as the reference does: the file is the same then.
pub(crate) fn rope_factors(config: &Config) -> Result<Option<Vec<f32>>, ConvertError> {
    if !config.family.is_llama() {
        return Ok(None);
    }
    let rope = config.rope()?;
    if rope.kind != "llama3" {
        return Ok(None);
    }
    let dimension = config.head_dim()?;
    let factor = rope.float("factor").unwrap_or(8.0);
    let low = rope.float("low_freq_factor").unwrap_or(1.0);
    let high = rope.float("high_freq_factor").unwrap_or(4.0);
    let length = rope.float("original_max_position_embeddings").unwrap_or(8192.0);
    let factors = (0..dimension).step_by(2).map(|i| {
        let frequency = 1.0 / (rope.theta as f32).powf(i as f32 / dimension as f32);
        let wavelength = (1.0 / frequency) * std::f64::consts::TAU as f32;
        if f64::from(wavelength) < length / high {
            return 1.0;
        }
        if f64::from(wavelength) > length / low {
            return factor as f32;
        }
        let smooth = ((1.0 / wavelength) * length as f32 - low as f32) / (high - low) as f32;
        1.0 / ((1.0 - smooth) / factor as f32 + smooth)
    });
    Ok(Some(factors.collect()))
}

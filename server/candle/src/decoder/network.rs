//! The network itself: from tokens to likelihoods, for several sequences at once.

use super::{cache::KvCache, config::Shape, matrix::Matrix, weights::Weights};
use crate::folder::FolderError;
use candle_core::{Device, Error, Tensor};
use candle_nn::{
    ops::{rms_norm, silu},
    rotary_emb::rope_thd,
};

/// Tokens of one sequence that are computed in a step, behind those in its cache.
pub struct Run<'r> {
    /// At least one, each of the vocabulary.
    pub tokens: &'r [u32],
    /// What the tokens before them left.
    pub cache: &'r mut dyn KvCache,
    /// Whether it is asked how likely each word comes after the last token.
    pub wants_logits: bool,
}

pub(crate) struct Network {
    shape: Shape,
    embeddings: Tensor,
    layers: Vec<Layer>,
    norm: Tensor,
    head: Matrix,
    /// For every position and pair of numbers of a head.
    cosines: Tensor,
    sines: Tensor,
}

struct Layer {
    attention_norm: Tensor,
    queries: Matrix,
    keys: Matrix,
    values: Matrix,
    output: Matrix,
    /// For queries and for keys.
    head_norms: Option<(Tensor, Tensor)>,
    inner_norm: Tensor,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

impl Network {
    /// Reads the weights for contexts of up to `n_positions`; `progress` hears how much is done, 0 to 1, and says
    /// whether to go on.
    pub(crate) fn load(
        shape: Shape,
        weights: &Weights,
        n_positions: usize,
        progress: &mut dyn FnMut(f32) -> bool,
    ) -> Result<Self, FolderError> {
        let embeddings = weights.read("model.embed_tokens.weight", &[shape.n_vocab, shape.width])?;
        let head = match shape.is_tied {
            true => embeddings.clone(),
            false => weights.read("lm_head.weight", &[shape.n_vocab, shape.width])?,
        };
        let mut layers = Vec::new();
        for i in 0..shape.n_layers {
            if !progress(i as f32 / shape.n_layers as f32) {
                return Err(FolderError::Stopped);
            }
            layers.push(Layer::load(&shape, weights, i)?);
        }
        let norm = weights.read("model.norm.weight", &[shape.width])?;
        let (cosines, sines) = rotations(&shape.frequencies(), n_positions)?;
        Ok(Self { shape, embeddings, layers, norm, head: Matrix::new(head, None), cosines, sines })
    }

    /// How likely each word comes next, for the runs that want it, in their order.
    pub(crate) fn forward(&self, runs: &mut [Run<'_>]) -> Result<Vec<Vec<f32>>, Error> {
        let tokens: Vec<u32> = runs.iter().flat_map(|run| run.tokens).copied().collect();
        let mut rows = self.embeddings.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        let step = Step {
            shape: &self.shape,
            cosines: self.turned(&self.cosines, runs)?,
            sines: self.turned(&self.sines, runs)?,
        };
        runs.iter_mut().try_for_each(|run| run.cache.begin(run.tokens.len()))?;
        for (i, layer) in self.layers.iter().enumerate() {
            rows = layer.forward(i, &rows, &step, runs)?;
        }
        runs.iter_mut().for_each(|run| run.cache.commit());
        self.logits(&rows, runs)
    }

    /// The rows of a table for the positions of all runs.
    fn turned(&self, table: &Tensor, runs: &[Run<'_>]) -> Result<Tensor, Error> {
        let parts = runs.iter().map(|run| table.narrow(0, run.cache.n_tokens(), run.tokens.len()));
        Tensor::cat(&parts.collect::<Result<Vec<_>, _>>()?, 0)
    }

    fn logits(&self, rows: &Tensor, runs: &[Run<'_>]) -> Result<Vec<Vec<f32>>, Error> {
        let mut last = Vec::new();
        let mut n_before = 0;
        for run in runs {
            n_before += run.tokens.len() as u32;
            last.extend(run.wants_logits.then(|| n_before - 1));
        }
        if last.is_empty() {
            return Ok(Vec::new());
        }
        let rows = rows.index_select(&Tensor::new(last, &Device::Cpu)?, 0)?;
        self.head.forward(&rms_norm(&rows, &self.norm, self.shape.epsilon)?)?.to_vec2()
    }
}

/// What all layers of a step share.
struct Step<'s> {
    shape: &'s Shape,
    cosines: Tensor,
    sines: Tensor,
}

impl Layer {
    fn load(shape: &Shape, weights: &Weights, i: usize) -> Result<Self, FolderError> {
        let Shape { width, inner_width, head_width, .. } = *shape;
        let (n_queries, n_keys) = (shape.n_heads * head_width, shape.n_kv_heads * head_width);
        let norm = |name: &str, n| weights.read(&format!("model.layers.{i}.{name}.weight"), &[n]);
        let linear = |name: &str, n_in, n_out, has_bias: bool| {
            let name = format!("model.layers.{i}.{name}");
            let bias = has_bias.then(|| weights.read(&format!("{name}.bias"), &[n_out])).transpose()?;
            Ok::<_, FolderError>(Matrix::new(weights.read(&format!("{name}.weight"), &[n_out, n_in])?, bias))
        };
        let head_norms = || {
            let norms = [norm("self_attn.q_norm", head_width)?, norm("self_attn.k_norm", head_width)?];
            Ok::<_, FolderError>(norms.into())
        };
        let has_bias = shape.has_qkv_bias;
        Ok(Self {
            attention_norm: norm("input_layernorm", width)?,
            queries: linear("self_attn.q_proj", width, n_queries, has_bias)?,
            keys: linear("self_attn.k_proj", width, n_keys, has_bias)?,
            values: linear("self_attn.v_proj", width, n_keys, has_bias)?,
            output: linear("self_attn.o_proj", n_queries, width, shape.has_output_bias)?,
            head_norms: shape.has_head_norms.then(head_norms).transpose()?,
            inner_norm: norm("post_attention_layernorm", width)?,
            gate: linear("mlp.gate_proj", width, inner_width, false)?,
            up: linear("mlp.up_proj", width, inner_width, false)?,
            down: linear("mlp.down_proj", inner_width, width, false)?,
        })
    }

    fn forward(
        &self,
        i: usize,
        rows: &Tensor,
        step: &Step<'_>,
        runs: &mut [Run<'_>],
    ) -> Result<Tensor, Error> {
        let epsilon = step.shape.epsilon;
        let attended = self.attend(i, &rms_norm(rows, &self.attention_norm, epsilon)?, step, runs)?;
        let rows = (rows + attended)?;
        let normed = rms_norm(&rows, &self.inner_norm, epsilon)?;
        let inner = (silu(&self.gate.forward(&normed)?)? * self.up.forward(&normed)?)?;
        rows + self.down.forward(&inner)?
    }

    fn attend(
        &self,
        i: usize,
        rows: &Tensor,
        step: &Step<'_>,
        runs: &mut [Run<'_>],
    ) -> Result<Tensor, Error> {
        let Shape { n_heads, n_kv_heads, head_width, epsilon, .. } = *step.shape;
        let n_rows = rows.dim(0)?;
        let heads = |it: Tensor, n: usize| it.reshape((n_rows, n, head_width));
        let mut queries = heads(self.queries.forward(rows)?, n_heads)?;
        let mut keys = heads(self.keys.forward(rows)?, n_kv_heads)?;
        let values = heads(self.values.forward(rows)?, n_kv_heads)?;
        if let Some((for_queries, for_keys)) = &self.head_norms {
            queries = rms_norm(&queries, for_queries, epsilon)?;
            keys = rms_norm(&keys, for_keys, epsilon)?;
        }
        let turn = |it: Tensor| rope_thd(&it.unsqueeze(0)?, &step.cosines, &step.sines)?.squeeze(0);
        let (queries, keys) = (turn(queries)?, turn(keys)?);
        let mut begin = 0;
        let mut attended = Vec::with_capacity(runs.len());
        for run in runs {
            let n = run.tokens.len();
            let own = |it: &Tensor| it.narrow(0, begin, n)?.transpose(0, 1)?.contiguous();
            attended.push(run.cache.attend(i, &own(&queries)?, &own(&keys)?, &own(&values)?)?);
            begin += n;
        }
        self.output.forward(&Tensor::cat(&attended, 0)?)
    }
}

/// Cosines and sines of every position.
fn rotations(frequencies: &[f32], n_positions: usize) -> Result<(Tensor, Tensor), Error> {
    let angles = (0..n_positions).flat_map(|position| frequencies.iter().map(move |it| it * position as f32));
    let angles =
        Tensor::from_vec(angles.collect::<Vec<_>>(), (n_positions, frequencies.len()), &Device::Cpu)?;
    Ok((angles.cos()?, angles.sin()?))
}

//! Softmax attention, <https://arxiv.org/abs/1706.03762>.

use candle_core::{D, Error, Tensor};
use candle_nn::ops::softmax_last_dim;

/// Scores that are in memory at once, unless a single head of keys has more: with long contexts those of all heads take
/// more than the weights of a layer.
const MOST_SCORES: usize = 4 << 20;

/// What `queries` attend to, in the shapes of [`KvCache::attend`](super::KvCache::attend). The mask has a row for every
/// token and a number for every cell, which is added to their score; without one, every token sees every cell.
pub(super) fn attention(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor, Error> {
    let (n_heads, n_rows, head_width) = queries.dims3()?;
    let (n_kv_heads, n_cells, _) = keys.dims3()?;
    let n_sharing = n_heads / n_kv_heads;
    let queries = queries.reshape((n_kv_heads, n_sharing * n_rows, head_width))?;
    let n_at_once = (MOST_SCORES / (n_sharing * n_rows * n_cells).max(1)).clamp(1, n_kv_heads);
    let mut attended = Vec::with_capacity(n_kv_heads.div_ceil(n_at_once));
    for begin in (0..n_kv_heads).step_by(n_at_once) {
        let some = |it: &Tensor| it.narrow(0, begin, n_at_once.min(n_kv_heads - begin));
        attended.push(of_heads(&some(&queries)?, &some(keys)?, &some(values)?, mask)?);
    }
    let attended = Tensor::cat(&attended, 0)?.reshape((n_heads, n_rows, head_width))?;
    attended.transpose(0, 1)?.contiguous()?.flatten_from(D::Minus2)
}

/// The rows of all heads that share keys stand below each other.
fn of_heads(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor, Error> {
    let (n_kv_heads, n_shared_rows, head_width) = queries.dims3()?;
    let scores = (queries.matmul(&keys.transpose(1, 2)?)? * (1.0 / (head_width as f64).sqrt()))?;
    let scores = match mask {
        Some(mask) => {
            let (n_rows, n_cells) = mask.dims2()?;
            let apart = scores.reshape((n_kv_heads, n_shared_rows / n_rows, n_rows, n_cells))?;
            apart.broadcast_add(mask)?.reshape((n_kv_heads, n_shared_rows, n_cells))?
        }
        None => scores,
    };
    softmax_last_dim(&scores)?.matmul(values)
}

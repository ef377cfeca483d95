//! What a decoder remembers of a sequence, and how it is attended to: the seam for other ways to keep keys and values.
//!
//! The network knows nothing of how they are kept. It says how many tokens come next ([`KvCache::begin`]), hands over
//! their queries, keys and values layer by layer and gets what they attend to ([`KvCache::attend`]), and says when all
//! layers are through ([`KvCache::commit`]). So a cache may keep fewer cells (a window, eviction by scores that it reads
//! off queries and keys), keep them in another form (rotated and rounded, projected) and put queries into that form
//! instead of putting all cells back.

mod attention;
mod plain;
mod window;

pub(crate) use plain::Plain;
pub use window::Window;

use candle_core::{Device, Error, Tensor};

/// The keys and values of one sequence. After an error it is of no use any more.
pub trait KvCache: Send {
    /// Tokens that were computed, and so the position of the next one. Not all of them need to be remembered.
    fn n_tokens(&self) -> usize;

    /// Bytes that it takes once `n_more` tokens are added, an upper bound.
    fn bytes_with(&self, n_more: usize) -> u64;

    /// The next `n` tokens are about to be computed; at least one.
    fn begin(&mut self, n: usize) -> Result<(), Error>;

    /// Takes the queries, keys and values of these tokens in `layer`, and gives what they attend to among themselves and
    /// all tokens before them, as far as those are remembered. Queries and keys are rotated by their positions, all have
    /// the shape (heads, tokens, numbers of a head), and keys and values have fewer heads: several heads of queries in
    /// a row share one. What comes out has the shape (tokens, numbers of all heads).
    fn attend(
        &mut self,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor, Error>;

    /// All layers have the tokens.
    fn commit(&mut self);

    /// Forgets what comes behind the first `n` tokens. Where that cannot be done, forgets everything; says how many
    /// tokens are left.
    fn truncate(&mut self, n: usize) -> usize;

    /// A cache of its own with the first `n` tokens; `None` where that cannot be had.
    fn copy(&self, n: usize) -> Result<Option<Box<dyn KvCache>>, Error>;
}

/// What the keys and values of one layer look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellShape {
    /// Layers.
    pub n_layers: usize,
    /// Heads that keys and values have.
    pub n_heads: usize,
    /// Numbers of each.
    pub head_width: usize,
}

impl CellShape {
    /// Bytes of one token's keys and values in single precision, over all layers.
    pub fn bytes(&self) -> u64 {
        2 * 4 * (self.n_layers * self.n_heads * self.head_width) as u64
    }

    fn tensor(&self, n_cells: usize) -> (usize, usize, usize) {
        (self.n_heads, n_cells, self.head_width)
    }
}

/// A mask by who `sees` whom, in rows for queries.
fn mask(n_rows: usize, n_cells: usize, sees: impl Fn(usize, usize) -> bool) -> Result<Tensor, Error> {
    let mut mask = vec![0.0_f32; n_rows * n_cells];
    for (i, it) in mask.iter_mut().enumerate() {
        if !sees(i / n_cells, i % n_cells) {
            *it = f32::NEG_INFINITY;
        }
    }
    Tensor::from_vec(mask, (n_rows, n_cells), &Device::Cpu)
}

#[cfg(test)]
mod tests;

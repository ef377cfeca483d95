//! The beginning and the end, without what lies between: attention sinks, <https://arxiv.org/abs/2309.17453>.

use super::{CellShape, KvCache, attention::attention, mask};
use candle_core::{Device, Error, Tensor};

/// Keeps the first tokens, which attention leans on whatever they are, and the most recent ones. Positions stay what
/// they were: it bounds memory and time, not how far the model can count.
#[derive(Clone)]
pub struct Window {
    shape: CellShape,
    n_sinks: usize,
    n_recent: usize,
    n_tokens: usize,
    n_coming: usize,
    /// Positions of the cells, in their order; in a step with those that come.
    positions: Vec<usize>,
    /// Cells of the time before the step under way that are still needed.
    needed: Option<Tensor>,
    /// Who sees whom in the step under way; `None` where a single token sees all.
    mask: Option<Tensor>,
    /// Keys and values of each layer. They are never changed in place, so copies may share them.
    layers: Vec<Option<(Tensor, Tensor)>>,
}

impl Window {
    /// With the first `n_sinks` tokens and the last `n_recent`, at least one.
    pub fn new(shape: CellShape, n_sinks: usize, n_recent: usize) -> Self {
        Self {
            shape,
            n_sinks,
            n_recent: n_recent.max(1),
            n_tokens: 0,
            n_coming: 0,
            positions: Vec::new(),
            needed: None,
            mask: None,
            layers: vec![None; shape.n_layers],
        }
    }

    fn is_seen(&self, position: usize, from: usize) -> bool {
        position <= from && (position < self.n_sinks || position + self.n_recent > from)
    }

    fn has_all(&self) -> bool {
        self.positions.len() == self.n_tokens
    }

    /// The first `n` tokens, of which none may have been dropped.
    fn cut(&mut self, n: usize) -> Result<(), Error> {
        for cells in self.layers.iter_mut().flatten() {
            *cells = (cells.0.narrow(1, 0, n)?, cells.1.narrow(1, 0, n)?);
        }
        self.positions.truncate(n);
        self.n_tokens = n;
        Ok(())
    }

    fn clear(&mut self) {
        *self = Self::new(self.shape, self.n_sinks, self.n_recent);
    }
}

impl KvCache for Window {
    fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    fn bytes_with(&self, n_more: usize) -> u64 {
        let n_cells = (self.n_tokens + n_more).min(self.n_sinks + self.n_recent + n_more);
        n_cells as u64 * self.shape.bytes()
    }

    fn begin(&mut self, n: usize) -> Result<(), Error> {
        // Later tokens of the step look back less far.
        let first = self.n_tokens;
        let cells = (0..).zip(&self.positions);
        let needed = cells.filter(|(_, position)| self.is_seen(**position, first)).map(|(cell, _)| cell);
        let needed: Vec<u32> = needed.collect();
        self.needed = match needed.len() == self.positions.len() {
            true => None,
            false => Some(Tensor::new(&needed[..], &Device::Cpu)?),
        };
        let positions = needed.iter().filter_map(|&cell| self.positions.get(cell as usize).copied());
        let positions: Vec<_> = positions.chain(first..first + n).collect();
        self.positions = positions;
        self.n_coming = n;
        let sees = |row, cell: usize| self.is_seen(self.positions[cell], first + row);
        self.mask = (n > 1).then(|| mask(n, self.positions.len(), sees)).transpose()?;
        Ok(())
    }

    fn attend(
        &mut self,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor, Error> {
        let slot = self.layers.get_mut(layer);
        let slot = slot.ok_or_else(|| Error::Msg("there is no such layer".to_owned()))?;
        let add = |old: Option<&Tensor>, new: &Tensor| match (old, &self.needed) {
            (None, _) => new.contiguous(),
            (Some(old), None) => Tensor::cat(&[old, new], 1),
            (Some(old), Some(needed)) => Tensor::cat(&[&old.index_select(needed, 1)?, new], 1),
        };
        let old = slot.take();
        let keys = add(old.as_ref().map(|it| &it.0), keys)?;
        let values = add(old.as_ref().map(|it| &it.1), values)?;
        let (keys, values) = slot.insert((keys, values));
        attention(queries, keys, values, self.mask.as_ref())
    }

    fn commit(&mut self) {
        self.n_tokens += std::mem::take(&mut self.n_coming);
        (self.needed, self.mask) = (None, None);
    }

    fn truncate(&mut self, n: usize) -> usize {
        let is_whole = n >= self.n_tokens || (self.has_all() && self.cut(n).is_ok());
        if !is_whole {
            // What the tokens before would look back to is gone.
            self.clear();
        }
        self.n_tokens
    }

    fn copy(&self, n: usize) -> Result<Option<Box<dyn KvCache>>, Error> {
        let mut copy = self.clone();
        if n < self.n_tokens {
            if !self.has_all() {
                return Ok(None);
            }
            copy.cut(n)?;
        }
        Ok(Some(Box::new(copy)))
    }
}

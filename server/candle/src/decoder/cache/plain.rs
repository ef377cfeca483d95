//! Everything, as it is.

use super::{CellShape, KvCache, attention::attention, mask};
use candle_core::{DType, Device, Error, Tensor};

/// Cells that are made at once: growing copies what there is.
const GROWTH: usize = 256;

/// Keeps the keys and values of all tokens in single precision.
pub(crate) struct Plain {
    shape: CellShape,
    n_tokens: usize,
    /// Tokens of the step under way.
    n_coming: usize,
    /// Who sees whom in it; `None` where a single token sees all.
    mask: Option<Tensor>,
    /// Keys and values of each layer, with room behind them.
    layers: Vec<Option<(Tensor, Tensor)>>,
}

impl Plain {
    pub(crate) fn new(shape: CellShape) -> Self {
        Self { shape, n_tokens: 0, n_coming: 0, mask: None, layers: vec![None; shape.n_layers] }
    }

    /// Of a layer, with room for the step under way.
    fn cells(&mut self, layer: usize) -> Result<&(Tensor, Tensor), Error> {
        let Self { shape, n_tokens, n_coming, layers, .. } = self;
        let slot = layers.get_mut(layer).ok_or_else(|| Error::Msg("there is no such layer".to_owned()))?;
        let n_needed = *n_tokens + *n_coming;
        let old = slot.take();
        let has_room = |(keys, _): &(Tensor, Tensor)| keys.dim(1).is_ok_and(|n| n >= n_needed);
        let cells = match old {
            Some(cells) if has_room(&cells) => cells,
            old => grown(shape, old.as_ref(), *n_tokens, n_needed.next_multiple_of(GROWTH))?,
        };
        Ok(slot.insert(cells))
    }
}

/// Room for `n_cells`, the first `n_kept` of them from `old`.
fn grown(
    shape: &CellShape,
    old: Option<&(Tensor, Tensor)>,
    n_kept: usize,
    n_cells: usize,
) -> Result<(Tensor, Tensor), Error> {
    let larger = |old: Option<&Tensor>| -> Result<Tensor, Error> {
        let new = Tensor::zeros(shape.tensor(n_cells), DType::F32, &Device::Cpu)?;
        if let Some(old) = old.filter(|_| n_kept > 0) {
            new.slice_set(&old.narrow(1, 0, n_kept)?.contiguous()?, 1, 0)?;
        }
        Ok(new)
    };
    Ok((larger(old.map(|it| &it.0))?, larger(old.map(|it| &it.1))?))
}

impl KvCache for Plain {
    fn n_tokens(&self) -> usize {
        self.n_tokens
    }

    fn bytes_with(&self, n_more: usize) -> u64 {
        let n_made = self.layers.iter().flatten().next().and_then(|(keys, _)| keys.dim(1).ok()).unwrap_or(0);
        let n_cells = n_made.max((self.n_tokens + n_more).next_multiple_of(GROWTH));
        n_cells as u64 * self.shape.bytes()
    }

    fn begin(&mut self, n: usize) -> Result<(), Error> {
        self.n_coming = n;
        let n_before = self.n_tokens;
        let mask = || mask(n, n_before + n, |row, cell| cell <= n_before + row);
        self.mask = (n > 1).then(mask).transpose()?;
        Ok(())
    }

    fn attend(
        &mut self,
        layer: usize,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<Tensor, Error> {
        let (n_before, n_all) = (self.n_tokens, self.n_tokens + self.n_coming);
        let cells = self.cells(layer)?;
        let add = |to: &Tensor, new: &Tensor| {
            to.slice_set(&new.contiguous()?, 1, n_before)?;
            to.narrow(1, 0, n_all)
        };
        let (keys, values) = (add(&cells.0, keys)?, add(&cells.1, values)?);
        attention(queries, &keys, &values, self.mask.as_ref())
    }

    fn commit(&mut self) {
        self.n_tokens += std::mem::take(&mut self.n_coming);
        self.mask = None;
    }

    fn truncate(&mut self, n: usize) -> usize {
        self.n_tokens = self.n_tokens.min(n);
        self.n_tokens
    }

    fn copy(&self, n: usize) -> Result<Option<Box<dyn KvCache>>, Error> {
        let n = n.min(self.n_tokens);
        let copy = |cells: &Option<(Tensor, Tensor)>| match cells {
            Some(cells) if n > 0 => grown(&self.shape, Some(cells), n, n.next_multiple_of(GROWTH)).map(Some),
            _ => Ok(None),
        };
        let layers = self.layers.iter().map(copy).collect::<Result<_, _>>()?;
        Ok(Some(Box::new(Self { shape: self.shape, n_tokens: n, n_coming: 0, mask: None, layers })))
    }
}

//! Matrices of weights.

use candle_core::{CpuStorage, CustomOp2, Error, Layout, Shape, Tensor};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

/// As many rows at most are computed by [`FewRows`]. For more, putting the weights in another order first, as candle's
/// own kernel does, is worth it; for a single one it has a kernel as good.
const MOST_ROWS: usize = 8;

/// Rows that share one look at the weights.
const ROWS_AT_ONCE: usize = 4;

/// Rows of weights that a thread takes at once.
const SHARE: usize = 64;

/// Weights, as rows for what comes out, and what is added.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    weights: Tensor,
    bias: Option<Tensor>,
}

impl Matrix {
    pub(super) fn new(weights: Tensor, bias: Option<Tensor>) -> Self {
        Self { weights, bias }
    }

    /// Multiplies each of the rows.
    pub(super) fn forward(&self, rows: &Tensor) -> Result<Tensor, Error> {
        let product = match rows.dim(0)? {
            2..=MOST_ROWS => rows.contiguous()?.apply_op2_no_bwd(&self.weights, &FewRows)?,
            _ => rows.matmul(&self.weights.t()?)?,
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

/// The product of a few rows with the transpose of a matrix. The weights, which are far more than fits a cache, are read
/// once, which takes longer than all else: several sequences that decode together take hardly more time than one.
struct FewRows;

impl CustomOp2 for FewRows {
    fn name(&self) -> &'static str {
        "few-rows"
    }

    fn cpu_fwd(
        &self,
        rows: &CpuStorage,
        rows_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
    ) -> Result<(CpuStorage, Shape), Error> {
        let ((n_rows, n_in), (n_out, _)) = (rows_layout.shape().dims2()?, weights_layout.shape().dims2()?);
        let product = product(numbers(rows, rows_layout)?, numbers(weights, weights_layout)?, n_in, n_out);
        Ok((CpuStorage::F32(product), Shape::from((n_rows, n_out))))
    }
}

fn numbers<'s>(storage: &'s CpuStorage, layout: &Layout) -> Result<&'s [f32], Error> {
    let all = storage.as_slice()?;
    let range = layout.contiguous_offsets().and_then(|(begin, end)| all.get(begin..end));
    range.ok_or_else(|| Error::Msg("the numbers do not lie in a row".to_owned()))
}

fn product(rows: &[f32], weights: &[f32], n_in: usize, n_out: usize) -> Vec<f32> {
    let rows: Vec<_> = rows.chunks_exact(n_in).collect();
    let mut turned = vec![0.0; rows.len() * n_out];
    let shares = turned.par_chunks_mut(SHARE * rows.len()).zip(weights.par_chunks(SHARE * n_in));
    let processor = Arch::new();
    shares.for_each(|(products, weights)| {
        processor.dispatch(Products { weights, rows: &rows, n_in, products })
    });
    let column = |row| turned.iter().skip(row).step_by(rows.len()).copied();
    (0..rows.len()).flat_map(column).collect()
}

/// The dot products of every row of the weights with every row of numbers, with what this processor is best at.
struct Products<'p> {
    weights: &'p [f32],
    rows: &'p [&'p [f32]],
    n_in: usize,
    products: &'p mut [f32],
}

// `with_simd` is compiled for each kind of processor, and all that is inlined into it is, too.

impl WithSimd for Products<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let n_rows = self.rows.len();
        let weights = self.weights.chunks_exact(self.n_in);
        for (products, weights) in self.products.chunks_exact_mut(n_rows).zip(weights) {
            multiply(simd, weights, self.rows, products);
        }
    }
}

#[inline(always)]
fn multiply<S: Simd>(simd: S, weights: &[f32], rows: &[&[f32]], products: &mut [f32]) {
    let (fours, rest) = rows.as_chunks::<ROWS_AT_ONCE>();
    let (products_of_fours, products) = products.split_at_mut(fours.len() * ROWS_AT_ONCE);
    for (rows, products) in fours.iter().zip(products_of_fours.chunks_exact_mut(ROWS_AT_ONCE)) {
        products.copy_from_slice(&dots(simd, weights, *rows));
    }
    match *rest {
        [a] => products.copy_from_slice(&dots(simd, weights, [a])),
        [a, b] => products.copy_from_slice(&dots(simd, weights, [a, b])),
        [a, b, c] => products.copy_from_slice(&dots(simd, weights, [a, b, c])),
        _ => {}
    }
}

#[inline(always)]
fn dots<S: Simd, const N: usize>(simd: S, weights: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    let (weights, last_weights) = S::as_simd_f32s(weights);
    let rows = rows.map(|row| S::as_simd_f32s(row));
    let mut sums = [simd.splat_f32s(0.0); N];
    for (i, weights) in weights.iter().enumerate() {
        for (sum, (row, _)) in sums.iter_mut().zip(&rows) {
            *sum = simd.mul_add_e_f32s(*weights, row[i], *sum);
        }
    }
    let mut dots = [0.0; N];
    for ((dot, sum), (_, last)) in dots.iter_mut().zip(sums).zip(&rows) {
        *dot = simd.reduce_sum_f32s(sum);
        for (weight, number) in last_weights.iter().zip(*last) {
            *dot += weight * number;
        }
    }
    dots
}

#[cfg(test)]
mod tests;

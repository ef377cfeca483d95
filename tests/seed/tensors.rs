//! Weights of small models.

use gguf::testing::Tensor;

/// Random ones, small enough that what they make of numbers stays as large.
pub(crate) fn weights(name: &str, shape: &[u64], random: &mut fastrand::Rng) -> Tensor {
    let n_in: u64 = shape[..shape.len() - 1].iter().product();
    let scale = (n_in as f32).sqrt().recip();
    let n: u64 = shape.iter().product();
    (name.to_owned(), shape.to_vec(), (0..n).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect())
}

/// All the same.
pub(crate) fn alike(name: &str, n: u64, weight: f32) -> Tensor {
    (name.to_owned(), vec![n], vec![weight; n as usize])
}

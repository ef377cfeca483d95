//! Rounding in groups: each group has a scale and a bias, and each number is how many scales it is from the bias.

use half::{bf16, f16};
use weights::Dtype;

/// The smallest scale: groups of equal numbers have it.
const SMALLEST: f32 = 1e-7;

/// How numbers are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rounding {
    /// Bits of a number, a divisor of 32.
    pub(super) bits: u32,
    /// Numbers that share a scale.
    pub(super) group: usize,
}

/// What rounded numbers are written as.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rounded {
    /// Numbers side by side in words, the first in the lowest bits.
    pub(super) words: Vec<u8>,
    pub(super) scales: Vec<f32>,
    pub(super) biases: Vec<f32>,
}

impl Rounding {
    /// Whether rows of that many numbers are whole groups.
    pub(super) fn fits(self, width: u64) -> bool {
        width > 0 && width.is_multiple_of(self.group as u64)
    }

    /// Rounds whole groups. Numbers are rounded by the exact scale and bias, which are rounded themselves when they are
    /// written: so does MLX.
    pub(super) fn round(self, numbers: &[f32], rounded: &mut Rounded) {
        rounded.words.clear();
        rounded.scales.clear();
        rounded.biases.clear();
        let most = ((1_u32 << self.bits) - 1) as f32;
        for group in numbers.chunks(self.group) {
            let (scale, bias) = scale_of(group, most);
            for word in group.chunks((32 / self.bits) as usize) {
                let mut bits = 0_u32;
                for (i, number) in word.iter().enumerate() {
                    let level = ((number - bias) / scale).round_ties_even().max(0.0).min(most);
                    bits |= (level as u32) << (i as u32 * self.bits);
                }
                rounded.words.extend(bits.to_le_bytes());
            }
            rounded.scales.push(scale);
            rounded.biases.push(bias);
        }
    }
}

/// The scale and the bias of a group. The number that is farthest from zero is hit exactly, and zero as well.
fn scale_of(group: &[f32], most: f32) -> (f32, f32) {
    let smallest = group.iter().copied().fold(f32::INFINITY, f32::min);
    let largest = group.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let is_negative = smallest.abs() > largest.abs();
    let width = ((largest - smallest) / most).max(SMALLEST);
    let scale = if is_negative { width } else { -width };
    let edge = if is_negative { smallest } else { largest };
    let n_steps = (edge / scale).round_ties_even();
    if n_steps == 0.0 { (scale, 0.0) } else { (edge / n_steps, edge) }
}

/// The type in which numbers of a type are kept beside rounded ones.
pub(super) fn kept_as(dtype: Dtype) -> Dtype {
    if dtype == Dtype::F64 { Dtype::F32 } else { dtype }
}

/// Writes numbers in the type that [`kept_as`] says.
pub(super) fn write(dtype: Dtype, numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.clear();
    match dtype {
        Dtype::F16 => bytes.extend(numbers.iter().flat_map(|it| f16::from_f32(*it).to_le_bytes())),
        Dtype::BF16 => bytes.extend(numbers.iter().flat_map(|it| bf16::from_f32(*it).to_le_bytes())),
        _ => bytes.extend(numbers.iter().flat_map(|it| it.to_le_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Rounded, Rounding};

    fn check(numbers: &[f32], bits: u32) {
        let mut rounded = Rounded::default();
        Rounding { bits, group: 32 }.round(numbers, &mut rounded);
        let n_in_word = 32 / bits;
        for (i, number) in numbers.iter().enumerate() {
            let word = rounded.words.as_chunks::<4>().0[i / n_in_word as usize];
            let level = u32::from_le_bytes(word) >> (i as u32 % n_in_word * bits) & ((1 << bits) - 1);
            let (scale, bias) = (rounded.scales[i / 32], rounded.biases[i / 32]);
            let back = level as f32 * scale + bias;
            assert!((back - number).abs() <= scale.abs() * 0.51 + 1e-6, "{number} became {back}");
        }
    }

    #[test]
    fn numbers_come_back_within_half_a_step() {
        let numbers: Vec<f32> = (0..128).map(|i| ((i * 37 % 101) as f32 - 40.0) / 17.0).collect();
        check(&numbers, 4);
        check(&numbers, 8);
    }

    #[test]
    fn groups_of_equal_numbers_are_exact() {
        check(&[0.0; 32], 4);
        check(&[0.75; 32], 4);
        check(&[-3.0; 64], 8);
    }
}

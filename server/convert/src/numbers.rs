//! Numbers of one type as those of another, piece by piece.

use half::{bf16, f16};
use weights::Dtype;

/// Numbers that share a scale in `Q8_0`.
pub(crate) const Q8_0_BLOCK: usize = 32;

/// Whether numbers of a type can be read as [`read`] does.
pub(crate) fn is_float(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64)
}

/// Reads numbers; `dtype` is one of which [`is_float`] is true.
pub(crate) fn read(dtype: Dtype, bytes: &[u8], numbers: &mut Vec<f32>) {
    numbers.clear();
    let two = bytes.as_chunks::<2>().0.iter().copied();
    match dtype {
        Dtype::F16 => numbers.extend(two.map(|bytes| f16::from_le_bytes(bytes).to_f32())),
        Dtype::BF16 => numbers.extend(two.map(|bytes| bf16::from_le_bytes(bytes).to_f32())),
        Dtype::F64 => {
            numbers.extend(bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes) as f32));
        }
        _ => numbers.extend(bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))),
    }
}

/// Adds one to each, in the precision of the type that they come from: rounded there, as whoever trained with it does.
pub(crate) fn add_one(dtype: Dtype, numbers: &mut [f32]) {
    for number in numbers {
        *number += 1.0;
        if dtype == Dtype::F16 {
            *number = f16::from_f32(*number).to_f32();
        }
    }
}

pub(crate) fn write_f32(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

pub(crate) fn write_f16(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(numbers.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes()));
}

pub(crate) fn write_bf16(numbers: &[f32], bytes: &mut Vec<u8>) {
    bytes.extend(numbers.iter().flat_map(|number| bf16::from_f32(*number).to_le_bytes()));
}

/// Blocks of [`Q8_0_BLOCK`] numbers: a scale in half precision, and each number as a signed byte.
pub(crate) fn write_q8_0(numbers: &[f32], bytes: &mut Vec<u8>) {
    for block in numbers.chunks(Q8_0_BLOCK) {
        let largest = block.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
        let scale = largest / 127.0;
        let inverse = if scale == 0.0 { 0.0 } else { 1.0 / scale };
        bytes.extend(f16::from_f32(scale).to_le_bytes());
        bytes.extend(block.iter().map(|number| ((number * inverse).round() as i8).cast_unsigned()));
    }
}

#[cfg(test)]
mod tests {
    use super::{add_one, read, write_bf16, write_f16, write_f32, write_q8_0};
    use weights::Dtype;

    fn written(write: fn(&[f32], &mut Vec<u8>), numbers: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(numbers, &mut bytes);
        bytes
    }

    #[test]
    fn numbers_survive_types_that_hold_them() {
        let numbers = [0.0, -0.0, 1.0, -2.5, 0.125, f32::INFINITY];
        let check = |dtype, write| {
            let mut back = Vec::new();
            read(dtype, &written(write, &numbers), &mut back);
            assert_eq!(back, numbers);
        };
        check(Dtype::F32, write_f32 as fn(&[f32], &mut Vec<u8>));
        check(Dtype::F16, write_f16);
        check(Dtype::BF16, write_bf16);
        let mut back = Vec::new();
        read(Dtype::F64, &0.1_f64.to_le_bytes(), &mut back);
        assert_eq!(back, [0.1]);
    }

    #[test]
    fn halves_are_rounded_to_even() {
        // In between two neighbours: up, and down.
        assert_eq!(written(write_bf16, &[f32::from_bits(0x3f81_8000)]), [0x82, 0x3f]);
        assert_eq!(written(write_bf16, &[f32::from_bits(0x3f80_8000)]), [0x80, 0x3f]);
        assert_eq!(written(write_f16, &[70000.0]), [0x00, 0x7c]);
    }

    #[test]
    fn one_is_added_in_the_precision_that_it_came_from() {
        let small = 2.0_f32.powi(-12);
        let mut numbers = [small];
        add_one(Dtype::F16, &mut numbers);
        assert_eq!(numbers, [1.0]);
        let mut numbers = [small];
        add_one(Dtype::BF16, &mut numbers);
        assert_eq!(numbers, [1.0 + small]);
    }

    #[test]
    fn blocks_of_bytes_have_their_largest_number_at_127() {
        let mut numbers = [0.0; 64];
        numbers[3] = -2.54;
        numbers[4] = 1.27;
        let bytes = written(write_q8_0, &numbers);
        assert_eq!(bytes.len(), 68);
        assert_eq!((bytes[2 + 3], bytes[2 + 4], bytes[2 + 5]), (129, 64, 0));
        assert_eq!(bytes[34..], [0; 34]);
    }
}

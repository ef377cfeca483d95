//! Types of tensors, and what all tensors of a file are together.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tensors of one type in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSum {
    pub n_tensors: u64,
    /// Numbers in all of them.
    pub n_elements: u64,
    pub n_bytes: u64,
}

/// All tensors of a file by their type, as [`type_name`] calls it.
pub type TensorSums = BTreeMap<String, TensorSum>;

/// GGUF's number of a type, how many numbers are stored together, and in how many bytes; by
/// <https://github.com/ggml-org/ggml/blob/master/include/ggml.h>.
const TYPES: [(u32, &str, u64, u64); 35] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

/// What a type is called; of one that is not known here, its number.
pub(crate) fn type_name(kind: u32) -> String {
    let known = TYPES.iter().find(|(number, ..)| *number == kind);
    known.map_or_else(|| format!("type {kind}"), |(_, name, ..)| (*name).to_owned())
}

/// What a tensor takes at least, in bytes; of a type that is not known here, one.
pub(crate) fn tensor_bytes(kind: u32, n_elements: u64) -> u64 {
    let Some((_, _, n_together, n_bytes)) = TYPES.iter().find(|(number, ..)| *number == kind) else {
        return 1;
    };
    (n_elements / n_together).saturating_mul(*n_bytes).max(1)
}

/// Whether a row of `n_elements` is stored in whole blocks. What is not known here is not doubted.
pub(crate) fn fills_blocks(kind: u32, n_elements: u64) -> bool {
    let known = TYPES.iter().find(|(number, ..)| *number == kind);
    known.is_none_or(|(_, _, n_together, _)| n_elements.is_multiple_of(*n_together))
}

/// What files of a `general.file_type` are called.
pub(crate) fn file_type_name(file_type: u64) -> Option<&'static str> {
    let name = match file_type {
        0 => "F32",
        1 => "F16",
        2 => "Q4_0",
        3 => "Q4_1",
        7 => "Q8_0",
        8 => "Q5_0",
        9 => "Q5_1",
        10 => "Q2_K",
        11 => "Q3_K_S",
        12 => "Q3_K_M",
        13 => "Q3_K_L",
        14 => "Q4_K_S",
        15 => "Q4_K_M",
        16 => "Q5_K_S",
        17 => "Q5_K_M",
        18 => "Q6_K",
        19 => "IQ2_XXS",
        20 => "IQ2_XS",
        21 => "Q2_K_S",
        22 => "IQ3_XS",
        23 => "IQ3_XXS",
        24 => "IQ1_S",
        25 => "IQ4_NL",
        26 => "IQ3_S",
        27 => "IQ3_M",
        28 => "IQ2_S",
        29 => "IQ2_M",
        30 => "IQ4_XS",
        31 => "IQ1_M",
        32 => "BF16",
        36 => "TQ1_0",
        37 => "TQ2_0",
        38 => "MXFP4",
        39 => "NVFP4",
        40 => "Q1_0",
        41 => "Q2_0",
        _ => return None,
    };
    Some(name)
}

//! Names of quantisations in names of files.

use std::fmt;

/// Names and about how many bits a weight takes with them, times 100. Where one begins like another the longer one counts.
const KNOWN: &[(&str, u32)] = &[
    ("IQ1_S", 156),
    ("IQ1_M", 175),
    ("TQ1_0", 169),
    ("IQ2_XXS", 206),
    ("TQ2_0", 206),
    ("IQ2_XS", 231),
    ("IQ2_S", 250),
    ("IQ2_M", 270),
    ("Q2_K_S", 290),
    ("Q2_K", 316),
    ("Q2_K_L", 320),
    ("Q2_K_XL", 325),
    ("IQ3_XXS", 306),
    ("IQ3_XS", 330),
    ("IQ3_S", 344),
    ("IQ3_M", 366),
    ("Q3_K_S", 350),
    ("Q3_K_M", 391),
    ("Q3_K", 391),
    ("Q3_K_L", 427),
    ("Q3_K_XL", 430),
    ("MXFP4_MOE", 425),
    ("MXFP4", 425),
    ("NVFP4", 450),
    ("IQ4_XS", 430),
    ("IQ4_NL", 450),
    ("Q4_0", 455),
    ("Q4_0_4_4", 455),
    ("Q4_0_4_8", 455),
    ("Q4_0_8_8", 455),
    ("Q4_K_S", 458),
    ("Q4_1", 500),
    ("Q4_K", 485),
    ("Q4_K_M", 485),
    ("Q4_K_L", 490),
    ("Q4_K_XL", 495),
    ("Q5_0", 550),
    ("Q5_K_S", 554),
    ("Q5_K", 569),
    ("Q5_K_M", 569),
    ("Q5_K_L", 575),
    ("Q5_K_XL", 580),
    ("Q5_1", 600),
    ("Q6_K", 659),
    ("Q6_K_L", 665),
    ("Q6_K_XL", 670),
    ("Q8_0", 850),
    ("Q8_1", 900),
    ("Q8_K_XL", 900),
    ("FP8", 800),
    ("INT8", 800),
    ("BF16", 1600),
    ("FP16", 1600),
    ("F16", 1600),
    ("FP32", 3200),
    ("F32", 3200),
];
/// Unsloth's mixtures, which spend bits where they matter most.
const DYNAMIC: &str = "UD-";

/// How weights are stored, by a name such as `Q4_K_M` or `UD-Q4_K_XL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quant {
    name: String,
    bits_by_100: u32,
}

impl Quant {
    /// The quantisation that a file's name or path tells: the last one that stands between `-`, `.`, `_`, `/` or an end.
    pub fn find(text: &str) -> Option<Self> {
        let text = text.to_ascii_uppercase();
        let hits = KNOWN.iter().flat_map(|(name, bits)| {
            let ends = text.match_indices(name).filter(|(at, _)| is_alone(&text, *at, name.len()));
            ends.map(|(at, _)| (at + name.len(), name.len(), *bits)).collect::<Vec<_>>()
        });
        let (end, len, bits_by_100) = hits.max_by_key(|(end, len, _)| (*end, *len))?;
        let start = end - len;
        let is_dynamic = text[..start].ends_with(DYNAMIC);
        let from = if is_dynamic { start - DYNAMIC.len() } else { start };
        Some(Self { name: text[from..end].to_owned(), bits_by_100 })
    }

    /// As files are called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// About how many bits a weight takes.
    pub fn bits(&self) -> f64 {
        f64::from(self.bits_by_100) / 100.0
    }

    pub(super) fn bits_by_100(&self) -> u32 {
        self.bits_by_100
    }
}

impl fmt::Display for Quant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn is_alone(text: &str, at: usize, len: usize) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| matches!(c, '-' | '.' | '_' | '/'));
    is_edge(text[..at].chars().next_back()) && is_edge(text[at + len..].chars().next())
}

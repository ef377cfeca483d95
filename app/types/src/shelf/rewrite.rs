//! What the weights of models can be written anew as.

use super::Format;
use serde::{Deserialize, Serialize};

/// What a model's weights are written anew as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rewrite {
    F32,
    F16,
    Bf16,
    Q8_0,
    Q6K,
    Q5KM,
    Q5KS,
    Q5_1,
    Q5_0,
    Q4KM,
    Q4KS,
    Q4_1,
    Iq4Nl,
    Q4_0,
    Iq4Xs,
    Q3KL,
    Q3KM,
    Iq3M,
    Q3KS,
    Iq3S,
    Iq3Xs,
    Iq3Xxs,
    Q2K,
    Q2KS,
    Iq2M,
    Iq2S,
    Iq2Xs,
    Iq2Xxs,
    Iq1M,
    Iq1S,
    /// For models whose numbers are -1, 0 or 1.
    Tq2_0,
    Tq1_0,
    /// For mixtures of experts: those in four bits, all else in eight.
    Mxfp4Moe,
    /// For Apple's MLX, with so many bits.
    Mlx8,
    Mlx4,
}

/// What people call each, and its bits of a parameter, about.
const REWRITES: [(Rewrite, &str, f64); 35] = [
    (Rewrite::F32, "F32", 32.0),
    (Rewrite::F16, "F16", 16.0),
    (Rewrite::Bf16, "BF16", 16.0),
    (Rewrite::Q8_0, "Q8_0", 8.5),
    (Rewrite::Q6K, "Q6_K", 6.6),
    (Rewrite::Q5KM, "Q5_K_M", 5.7),
    (Rewrite::Q5KS, "Q5_K_S", 5.5),
    (Rewrite::Q5_1, "Q5_1", 6.0),
    (Rewrite::Q5_0, "Q5_0", 5.5),
    (Rewrite::Q4KM, "Q4_K_M", 4.9),
    (Rewrite::Q4KS, "Q4_K_S", 4.6),
    (Rewrite::Q4_1, "Q4_1", 5.0),
    (Rewrite::Iq4Nl, "IQ4_NL", 4.5),
    (Rewrite::Q4_0, "Q4_0", 4.5),
    (Rewrite::Iq4Xs, "IQ4_XS", 4.3),
    (Rewrite::Q3KL, "Q3_K_L", 4.3),
    (Rewrite::Q3KM, "Q3_K_M", 4.0),
    (Rewrite::Iq3M, "IQ3_M", 3.7),
    (Rewrite::Q3KS, "Q3_K_S", 3.5),
    (Rewrite::Iq3S, "IQ3_S", 3.5),
    (Rewrite::Iq3Xs, "IQ3_XS", 3.3),
    (Rewrite::Iq3Xxs, "IQ3_XXS", 3.1),
    (Rewrite::Q2K, "Q2_K", 3.2),
    (Rewrite::Q2KS, "Q2_K_S", 3.0),
    (Rewrite::Iq2M, "IQ2_M", 2.7),
    (Rewrite::Iq2S, "IQ2_S", 2.5),
    (Rewrite::Iq2Xs, "IQ2_XS", 2.3),
    (Rewrite::Iq2Xxs, "IQ2_XXS", 2.1),
    (Rewrite::Iq1M, "IQ1_M", 1.8),
    (Rewrite::Iq1S, "IQ1_S", 1.6),
    (Rewrite::Tq2_0, "TQ2_0", 2.1),
    (Rewrite::Tq1_0, "TQ1_0", 1.7),
    (Rewrite::Mxfp4Moe, "MXFP4_MOE", 4.3),
    (Rewrite::Mlx8, "MLX-8bit", 8.5),
    (Rewrite::Mlx4, "MLX-4bit", 4.5),
];

impl Rewrite {
    pub const ALL: [Self; 35] = {
        let mut all = [Self::F32; 35];
        let mut i = 0;
        while i < all.len() {
            all[i] = REWRITES[i].0;
            i += 1;
        }
        all
    };

    /// What people call it.
    pub fn word(self) -> &'static str {
        self.row().1
    }

    /// Of a parameter, about.
    pub fn bits(self) -> f64 {
        self.row().2
    }

    /// Whether it can be made of files in this format only.
    pub fn needs(self) -> Option<Format> {
        matches!(self, Self::Mlx4 | Self::Mlx8).then_some(Format::Safetensors)
    }

    /// Whether so much is thrown away that it has to be known what matters.
    pub fn needs_imatrix(self) -> bool {
        matches!(
            self,
            Self::Iq3Xs
                | Self::Iq3Xxs
                | Self::Q2KS
                | Self::Iq2M
                | Self::Iq2S
                | Self::Iq2Xs
                | Self::Iq2Xxs
                | Self::Iq1M
                | Self::Iq1S
        )
    }

    /// Whether it is for mixtures of experts only.
    pub fn needs_experts(self) -> bool {
        self == Self::Mxfp4Moe
    }

    fn row(self) -> &'static (Self, &'static str, f64) {
        let mut rows = REWRITES.iter();
        rows.find(|(it, ..)| *it == self).unwrap_or(&REWRITES[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_name_of_its_own() {
        let mut words: Vec<_> = Rewrite::ALL.iter().map(|it| it.word()).collect();
        for to in Rewrite::ALL {
            assert_eq!(REWRITES.iter().filter(|(it, ..)| *it == to).count(), 1, "{to:?}");
        }
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Rewrite::ALL.len());
    }

    #[test]
    fn what_llama_cpp_rounds_by_a_matrix_only_needs_one() {
        let words: Vec<_> =
            Rewrite::ALL.into_iter().filter(|it| it.needs_imatrix()).map(Rewrite::word).collect();
        let expected =
            ["IQ3_XS", "IQ3_XXS", "Q2_K_S", "IQ2_M", "IQ2_S", "IQ2_XS", "IQ2_XXS", "IQ1_M", "IQ1_S"];
        assert_eq!(words, expected);
    }
}

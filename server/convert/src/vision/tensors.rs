//! The tensors that what sees images must have, and what becomes of them.

mod qwen;
mod qwen3;
mod siglip;

use super::tower::{Tower, Way};
use std::collections::BTreeMap;

/// What a tensor, or a part of one, becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    /// What it has then: the outermost first.
    pub(super) shape: Vec<u64>,
    /// Which part of the tensor it is.
    pub(super) part: Part,
    /// Where pixels become vectors, and where those are, every bit counts.
    pub(super) is_exact: bool,
    /// One is added: it multiplies by one more than is kept.
    pub(super) adds_one: bool,
}

/// Which part of a tensor something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// The rows of the `i`th of `n` equal parts.
    Rows { i: u64, n: u64 },
    /// The `i`th of `n` matrices in each place of the first two dimensions.
    Matrices { i: u64, n: u64 },
}

impl Wanted {
    fn new(name: impl Into<String>, shape: &[u64]) -> Self {
        let (name, shape) = (name.into(), shape.to_vec());
        Self { name, shape, part: Part::Whole, is_exact: false, adds_one: false }
    }

    fn exact(name: impl Into<String>, shape: &[u64]) -> Self {
        Self { is_exact: true, ..Self::new(name, shape) }
    }

    fn part(name: impl Into<String>, shape: &[u64], part: Part) -> Self {
        Self { part, ..Self::new(name, shape) }
    }

    /// The shape that the tensor must have of which it is a part.
    pub(super) fn source_shape(&self) -> Vec<u64> {
        let mut shape = self.shape.clone();
        match self.part {
            Part::Whole => {}
            Part::Rows { n, .. } => shape.iter_mut().take(1).for_each(|it| *it = it.saturating_mul(n)),
            Part::Matrices { n, .. } => shape.insert(shape.len().min(2), n),
        }
        shape
    }
}

/// What becomes of each tensor that there must be, by their [plain names](plain): in its parts' order.
pub(super) fn wanted(tower: &Tower) -> BTreeMap<String, Vec<Wanted>> {
    match tower.way {
        Way::Gemma3 | Way::Idefics3 => siglip::wanted(tower),
        Way::Qwen2 | Way::Qwen25 => qwen::wanted(tower),
        Way::Qwen3 => qwen3::wanted(tower),
    }
}

/// The name of a tensor as it is in all ways in which it is published.
pub(super) fn plain(name: &str) -> String {
    name.strip_prefix("model.").unwrap_or(name).replace("_projection_weight", "_projection.weight")
}

/// Whether a tensor with such a plain name belongs to something that models do not read.
pub(super) fn is_left_out(tower: &Tower, name: &str) -> bool {
    tower.way == Way::Gemma3 && name.starts_with("vision_tower.vision_model.head.")
}

#[cfg(test)]
mod tests {
    use super::{Part, Wanted, plain};

    #[test]
    fn parts_tell_what_they_are_of() {
        let check = |part: Part, shape: &[u64], expected: &[u64]| {
            assert_eq!(Wanted::part("x", shape, part).source_shape(), expected, "{part:?}");
        };
        check(Part::Whole, &[3, 4], &[3, 4]);
        check(Part::Rows { i: 1, n: 3 }, &[4, 5], &[12, 5]);
        check(Part::Rows { i: 1, n: 3 }, &[4], &[12]);
        check(Part::Matrices { i: 0, n: 2 }, &[8, 3, 14, 14], &[8, 3, 2, 14, 14]);
    }

    #[test]
    fn names_are_the_same_however_they_are_published() {
        let check = |name: &str, expected: &str| assert_eq!(plain(name), expected);
        check("model.vision_model.post_layernorm.bias", "vision_model.post_layernorm.bias");
        check("visual.merger.ln_q.weight", "visual.merger.ln_q.weight");
        check(
            "multi_modal_projector.mm_input_projection_weight",
            "multi_modal_projector.mm_input_projection.weight",
        );
    }
}

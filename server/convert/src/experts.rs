//! The matrices of experts: each for itself in published weights, those of a layer together in what is written.

use crate::{
    ConvertError,
    config::Config,
    error::tensor as wrong,
    family::{Family, Fate},
    source::SourceTensor,
};
use std::collections::BTreeMap;

/// Which of an expert's matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Matrix {
    /// What decides how much goes through.
    Gate,
    /// What widens.
    Up,
    /// What narrows.
    Down,
}

impl Matrix {
    /// What llama.cpp calls those of all experts of a layer.
    fn together(self, layer: u64) -> String {
        let name = match self {
            Self::Gate => "gate",
            Self::Up => "up",
            Self::Down => "down",
        };
        format!("blk.{layer}.ffn_{name}_exps.weight")
    }
}

/// One matrix of each expert of a layer.
#[derive(Debug)]
pub(crate) struct Together {
    /// What llama.cpp calls them.
    pub(crate) name: String,
    /// The layer that they are of.
    pub(crate) layer: u64,
    /// Which matrix of each expert they are.
    pub(crate) matrix: Matrix,
    /// In the order of the experts, all of one shape with two dimensions. There is one at least.
    pub(crate) parts: Vec<SourceTensor>,
}

/// Puts matrices of experts together, in whatever order and from whatever files they come.
pub(crate) struct Experts {
    family: Family,
    n_layers: u64,
    /// How many each layer has.
    n: u64,
    /// What has been found of each layer.
    layers: BTreeMap<u64, BTreeMap<(Matrix, u64), SourceTensor>>,
}

impl Experts {
    /// For a model of which nothing has been found yet.
    pub(crate) fn new(config: &Config) -> Result<Self, ConvertError> {
        let n = if config.family.has_experts() { config.n_experts()? } else { 0 };
        Ok(Self { family: config.family, n_layers: config.n_layers, n, layers: BTreeMap::new() })
    }

    /// Takes a tensor and gives what is written now that it is there. Those of one expert are written with the last of
    /// their layer; those that are not of experts are none of its business.
    pub(crate) fn add(&mut self, from: &SourceTensor, fate: &Fate) -> Result<Vec<Together>, ConvertError> {
        match *fate {
            Fate::OfExpert { layer, .. } | Fate::OfExperts { layer, .. } if layer >= self.n_layers => {
                Err(wrong(&from.name, "belongs to a layer that the description does not have"))
            }
            Fate::OfExpert { layer, matrix, expert } => self.add_one(layer, expert, matrix, from),
            Fate::OfExperts { layer, matrices } => self.add_all(layer, matrices, from),
            _ => Ok(Vec::new()),
        }
    }

    fn add_one(
        &mut self,
        layer: u64,
        expert: u64,
        matrix: Matrix,
        from: &SourceTensor,
    ) -> Result<Vec<Together>, ConvertError> {
        if expert >= self.n {
            let reason = format!("belongs to an expert past the {} that the description has", self.n);
            return Err(wrong(&from.name, reason));
        }
        let found = self.layers.entry(layer).or_default();
        if found.insert((matrix, expert), from.clone()).is_some() {
            return Err(wrong(&from.name, "is there twice, under two names"));
        }
        if found.len() as u64 != 3 * self.n {
            return Ok(Vec::new());
        }
        let of = |matrix: Matrix| {
            let parts = found.range((matrix, 0)..=(matrix, u64::MAX)).map(|(_, part)| part.clone());
            together(layer, matrix, parts.collect())
        };
        self.family.expert_matrices().into_iter().map(of).collect()
    }

    fn add_all(
        &self,
        layer: u64,
        matrices: &[Matrix],
        from: &SourceTensor,
    ) -> Result<Vec<Together>, ConvertError> {
        let n = matrices.len() as u64;
        let n_rows = match *from.shape {
            [n_experts, n_rows, _] if n_experts == self.n && n_rows % n == 0 => n_rows / n,
            _ => {
                let reason = format!("has the shape {:?}, which {} experts cannot share", from.shape, self.n);
                return Err(wrong(&from.name, reason));
            }
        };
        let of = |(i, matrix): (u64, &Matrix)| {
            let parts = (0..self.n).map(|expert| from.rows_of(expert, i * n_rows, n_rows));
            Together { name: matrix.together(layer), layer, matrix: *matrix, parts: parts.collect() }
        };
        Ok((0..).zip(matrices).map(of).collect())
    }

    /// Whether nothing is missing of the layers of which there is something.
    pub(crate) fn finish(&self) -> Result<(), ConvertError> {
        for (layer, found) in &self.layers {
            let all = (0..self.n).flat_map(|expert| {
                self.family.expert_matrices().into_iter().map(move |matrix| (matrix, expert))
            });
            if let Some((matrix, expert)) = all.into_iter().find(|key| !found.contains_key(key)) {
                let name = self.family.name_of_expert(*layer, expert, matrix);
                return Err(wrong(&name, "is missing from the weights"));
            }
        }
        Ok(())
    }
}

/// Refuses what cannot lie together.
fn together(layer: u64, matrix: Matrix, parts: Vec<SourceTensor>) -> Result<Together, ConvertError> {
    let first = &parts[0].shape;
    let other = parts.iter().find(|part| part.shape.len() != 2 || part.shape != *first);
    if let Some(other) = other {
        let reason =
            format!("has the shape {:?}, and not that of one matrix like the first expert's", other.shape);
        return Err(wrong(&other.name, reason));
    }
    Ok(Together { name: matrix.together(layer), layer, matrix, parts })
}

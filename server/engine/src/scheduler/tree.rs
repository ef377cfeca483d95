//! Trees of tokens that might come next (DDTree, arXiv 2604.12989). Pure.
//!
//! A draft model says for each of the next places which tokens might stand there. Taken as independent of each other,
//! these make every path's likelihood a product, and the tree of the likeliest paths is grown best first. The model then
//! computes the whole tree in one step, each token seeing its ancestors only, and is followed from the root for as long as
//! what it chooses is there. Every token that is kept was the model's own choice.
//!
//! A token sees what has its first sequence. So every leaf is a sequence, and a node belongs to those of all leaves below
//! it ([`leaves`]).

use super::drafter::Level;
use llama_cpp_2::token::LlamaToken;
use std::{cmp::Ordering, collections::BinaryHeap};

/// A token that might come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) token: LlamaToken,
    /// What it follows, which stands before it in the tree; `None` follows what is known.
    pub(crate) parent: Option<usize>,
    /// How likely the draft model finds it in its place.
    pub(crate) confidence: f32,
    /// The draft model's first choice in its place is 0.
    pub(crate) rank: usize,
    /// Of the whole path to it.
    pub(crate) likelihood: f32,
}

/// A node that could be added next.
struct Open {
    likelihood: f32,
    parent: Option<usize>,
    /// Of its parent's path.
    before: f32,
    depth: usize,
    rank: usize,
    /// Larger was opened later.
    n_opened: usize,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.likelihood.total_cmp(&other.likelihood).then(other.n_opened.cmp(&self.n_opened))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

/// The `most` likeliest nodes, likeliest first, so that every beginning of them is a tree, too. `probability` says how likely
/// a choice of a rank and a confidence comes true; what stands behind others in a level is never taken for likelier.
pub(crate) fn grow(levels: &[Level], most: usize, probability: impl Fn(usize, f32) -> f32) -> Vec<Node> {
    let chances: Vec<_> = levels.iter().map(|level| falling(level, &probability)).collect();
    let chance = |depth: usize, rank: usize| chances.get(depth)?.get(rank).copied();
    let mut nodes = Vec::with_capacity(most);
    let mut heap = BinaryHeap::new();
    let mut n_opened = 0;
    let mut open = |heap: &mut BinaryHeap<Open>, parent, before: f32, depth, rank| {
        if let Some(chance) = chance(depth, rank) {
            n_opened += 1;
            heap.push(Open { likelihood: before * chance, parent, before, depth, rank, n_opened });
        }
    };
    open(&mut heap, None, 1.0, 0, 0);
    while nodes.len() < most
        && let Some(Open { likelihood, parent, before, depth, rank, .. }) = heap.pop()
    {
        let (token, confidence) = levels[depth][rank];
        nodes.push(Node { token, parent, confidence, rank, likelihood });
        open(&mut heap, parent, before, depth, rank + 1);
        open(&mut heap, Some(nodes.len() - 1), likelihood, depth + 1, 0);
    }
    nodes
}

/// The chances of a level's choices, none larger than the one before.
fn falling(level: &Level, probability: impl Fn(usize, f32) -> f32) -> Vec<f32> {
    let mut most = 1.0_f32;
    let chances = level.iter().enumerate().map(|(rank, &(_, confidence))| {
        most = most.min(probability(rank, confidence)).max(0.0);
        most
    });
    chances.collect()
}

/// The node behind `at` that has `token`; `None` is what is known.
pub(crate) fn child(
    tokens: &[LlamaToken],
    parents: &[Option<usize>],
    at: Option<usize>,
    token: LlamaToken,
) -> Option<usize> {
    children(parents, at).find(|&node| tokens[node] == token)
}

/// The nodes behind `at`.
pub(crate) fn children(parents: &[Option<usize>], at: Option<usize>) -> impl Iterator<Item = usize> {
    (0..parents.len()).filter(move |&node| parents[node] == at)
}

/// Tokens on the path to each node, itself included.
pub(crate) fn depths(parents: &[Option<usize>]) -> Vec<usize> {
    let mut depths: Vec<usize> = Vec::with_capacity(parents.len());
    for parent in parents {
        depths.push(1 + parent.map_or(0, |parent| depths[parent]));
    }
    depths
}

/// The numbers of the leaves below what is known and below each node, in this order; a leaf is below itself. Without a node
/// there is one leaf.
pub(crate) fn leaves(parents: &[Option<usize>]) -> Vec<Vec<usize>> {
    let row = |node: Option<usize>| node.map_or(0, |node| node + 1);
    let mut is_inner = vec![false; parents.len() + 1];
    parents.iter().for_each(|&parent| is_inner[row(parent)] = true);
    let mut below = vec![Vec::new(); parents.len() + 1];
    let ends = (0..=parents.len()).filter(|&row| !is_inner[row]);
    for (leaf, end) in ends.enumerate() {
        let mut at = end;
        below[at].push(leaf);
        while at > 0 {
            at = row(parents[at - 1]);
            below[at].push(leaf);
        }
    }
    below
}

/// How many of the first nodes have at most `most` leaves together.
pub(crate) fn n_within(parents: &[Option<usize>], most: usize) -> usize {
    let n_leaves = |n: usize| leaves(&parents[..n])[0].len();
    (0..=parents.len()).rev().find(|&n| n_leaves(n) <= most).unwrap_or(0)
}

#[cfg(test)]
mod tests;

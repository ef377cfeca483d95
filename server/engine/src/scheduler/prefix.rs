//! Which sequences hold the beginning of a prompt: a radix tree over token ids, one per owner. Pure.
//!
//! A sequence is a path from the root; sequences with a common beginning share that part of their paths, so finding
//! everybody who shares something with a prompt costs one walk along the prompt. Owners never see each other's
//! paths: how fast an answer comes must not tell what somebody else has asked. Beginnings that the server wrote belong to the
//! server, and everybody looks among those as well.

use super::Owner;
use llama_cpp_2::token::LlamaToken;
use std::collections::BTreeMap;

/// A sequence of the context, by its number.
pub(crate) type SequenceId = usize;

/// A sequence that begins like a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub(crate) sequence: SequenceId,
    /// Tokens that both have, from the first on. Never zero.
    pub(crate) n_common: usize,
}

/// The tree.
#[derive(Debug, Default)]
pub(crate) struct PrefixIndex {
    owners: BTreeMap<Owner, Vec<Node>>,
}

/// Tokens that every sequence below has at this place. No two children begin with the same token.
#[derive(Debug)]
struct Node {
    edge: Vec<LlamaToken>,
    /// Those whose path leads through here, in no order. Never empty.
    sequences: Vec<SequenceId>,
    children: Vec<Node>,
}

impl PrefixIndex {
    /// Adds a sequence that is not there yet.
    pub(crate) fn insert(&mut self, owner: Owner, sequence: SequenceId, tokens: &[LlamaToken]) {
        insert(self.owners.entry(owner).or_default(), sequence, tokens);
    }

    /// Forgets a sequence; one that is not there is nothing special.
    pub(crate) fn remove(&mut self, owner: Owner, sequence: SequenceId) {
        let Some(children) = self.owners.get_mut(&owner) else { return };
        remove(children, sequence);
        if children.is_empty() {
            self.owners.remove(&owner);
        }
    }

    /// Every sequence of `owner` that shares something with `tokens`, and how much.
    pub(crate) fn matches(&self, owner: Owner, tokens: &[LlamaToken]) -> Vec<Match> {
        let mut found = Vec::new();
        let mut children = self.owners.get(&owner).map_or(&[][..], Vec::as_slice);
        let mut n_common = 0;
        while let Some(node) = child(children, &tokens[n_common..]) {
            let n = common_length(&node.edge, &tokens[n_common..]);
            n_common += n;
            for &sequence in &node.sequences {
                deepen(&mut found, Match { sequence, n_common });
            }
            if n < node.edge.len() {
                break;
            }
            children = &node.children;
        }
        found
    }

    /// How many of the last of `tokens`, which `sequence` of `owner` has, no other one has as well that `serves`.
    pub(crate) fn n_alone(
        &self,
        owner: Owner,
        sequence: SequenceId,
        tokens: &[LlamaToken],
        serves: impl Fn(SequenceId) -> bool,
    ) -> usize {
        let mut children = self.owners.get(&owner).map_or(&[][..], Vec::as_slice);
        let mut n_shared = 0;
        while let Some(node) = child(children, &tokens[n_shared..]) {
            let n = common_length(&node.edge, &tokens[n_shared..]);
            let is_shared = node.sequences.iter().any(|&other| other != sequence && serves(other));
            if !is_shared || n == 0 {
                break;
            }
            n_shared += n;
            children = &node.children;
        }
        tokens.len() - n_shared
    }
}

fn child<'n>(children: &'n [Node], tokens: &[LlamaToken]) -> Option<&'n Node> {
    let first = tokens.first()?;
    children.iter().find(|node| node.edge.first() == Some(first))
}

fn deepen(found: &mut Vec<Match>, deeper: Match) {
    match found.iter_mut().find(|it| it.sequence == deeper.sequence) {
        Some(it) => *it = deeper,
        None => found.push(deeper),
    }
}

/// Goes as deep as there are places where paths part: at most one per sequence.
fn insert(children: &mut Vec<Node>, sequence: SequenceId, tokens: &[LlamaToken]) {
    let Some(first) = tokens.first() else { return };
    let Some(node) = children.iter_mut().find(|node| node.edge.first() == Some(first)) else {
        children.push(Node { edge: tokens.to_vec(), sequences: vec![sequence], children: Vec::new() });
        return;
    };
    let n_common = common_length(&node.edge, tokens);
    if n_common < node.edge.len() {
        node.split(n_common);
    }
    node.sequences.push(sequence);
    insert(&mut node.children, sequence, &tokens[n_common..]);
}

fn remove(children: &mut Vec<Node>, sequence: SequenceId) {
    let Some(i) = children.iter().position(|node| node.sequences.contains(&sequence)) else { return };
    let node = &mut children[i];
    node.sequences.retain(|&it| it != sequence);
    if node.sequences.is_empty() {
        children.swap_remove(i);
        return;
    }
    remove(&mut node.children, sequence);
    node.join_only_child();
}

impl Node {
    /// Parts the edge after `n` tokens.
    fn split(&mut self, n: usize) {
        let edge = self.edge.split_off(n);
        let children = std::mem::take(&mut self.children);
        self.children = vec![Self { edge, sequences: self.sequences.clone(), children }];
    }

    /// Undoes a split that parts nobody any more.
    fn join_only_child(&mut self) {
        let is_same = |child: &Self| child.sequences.len() == self.sequences.len();
        if self.children.len() != 1 || !self.children.first().is_some_and(is_same) {
            return;
        }
        if let Some(child) = self.children.pop() {
            self.edge.extend(child.edge);
            self.children = child.children;
        }
    }
}

/// Tokens that `a` and `b` have in common from the first on.
pub(crate) fn common_length(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Levels with these likelihoods; tokens are numbered through.
fn levels(confidences: &[&[f32]]) -> Vec<Level> {
    let mut tokens = (0..).map(LlamaToken);
    let mut token = || tokens.next().expect("there are enough numbers");
    confidences.iter().map(|level| level.iter().map(|&it| (token(), it)).collect()).collect()
}

/// The tree as paths of tokens, in its order.
fn paths(nodes: &[Node]) -> Vec<Vec<i32>> {
    let mut paths: Vec<Vec<i32>> = Vec::new();
    for node in nodes {
        let before = node.parent.map(|parent| paths[parent].clone()).unwrap_or_default();
        paths.push([before, vec![node.token.0]].concat());
    }
    paths
}

fn parents(nodes: &[Node]) -> Vec<Option<usize>> {
    nodes.iter().map(|node| node.parent).collect()
}

fn check(confidences: &[&[f32]], most: usize, expected: &[&[i32]]) {
    let nodes = grow(&levels(confidences), most, |_, confidence| confidence);
    assert_eq!(paths(&nodes), expected);
}

#[test]
fn the_likeliest_paths_come_first() {
    check(&[&[0.9, 0.1], &[0.8, 0.2], &[0.7, 0.3]], 4, &[&[0], &[0, 2], &[0, 2, 4], &[0, 2, 5]]);
    check(&[&[0.5, 0.4], &[0.6, 0.35]], 6, &[&[0], &[1], &[0, 2], &[1, 2], &[0, 3], &[1, 3]]);
    check(&[&[0.6, 0.4], &[0.9]], 9, &[&[0], &[0, 2], &[1], &[1, 2]]);
}

#[test]
fn without_levels_or_budget_there_is_no_tree() {
    check(&[], 4, &[]);
    check(&[&[0.9]], 0, &[]);
    check(&[&[], &[0.9]], 4, &[]);
}

#[test]
fn what_was_learned_decides_and_never_turns_an_order_round() {
    let levels = levels(&[&[0.5, 0.4], &[0.9]]);
    let nodes = grow(&levels, 3, |rank, _| if rank == 0 { 0.2 } else { 0.7 });
    assert_eq!(paths(&nodes), [vec![0], vec![1], vec![0, 2]]);
    assert!((nodes[1].likelihood - 0.2).abs() < 1e-6);
}

#[test]
fn a_chain_has_one_leaf_and_a_fork_two() {
    assert_eq!(leaves(&[None, Some(0)]), [vec![0], vec![0], vec![0]]);
    assert_eq!(leaves(&[None, Some(0), None]), [vec![0, 1], vec![0], vec![0], vec![1]]);
    assert_eq!(leaves(&[]), [vec![0]]);
    assert_eq!(depths(&[None, Some(0), None, Some(1)]), [1, 2, 1, 3]);
    assert_eq!(n_within(&[None, Some(0), None, Some(0)], 2), 3);
    assert_eq!(n_within(&[None, Some(0), None, Some(0)], 1), 2);
}

prop_compose! {
    fn any_levels()(
        widths in proptest::collection::vec(proptest::collection::vec(0.01_f32..1.0, 1..5), 1..6),
    ) -> Vec<Level> {
        let mut widths = widths;
        for level in &mut widths {
            level.sort_by(|a, b| b.total_cmp(a));
        }
        let widths: Vec<_> = widths.iter().map(Vec::as_slice).collect();
        levels(&widths)
    }
}

/// Every path through the levels with its likelihood.
fn all_paths(levels: &[Level]) -> Vec<(f32, Vec<i32>)> {
    let mut found = Vec::new();
    let mut ends = vec![(1.0_f32, Vec::new())];
    for level in levels {
        ends = ends
            .iter()
            .flat_map(|(before, path)| {
                level.iter().map(move |&(token, it)| (before * it, [path.clone(), vec![token.0]].concat()))
            })
            .collect();
        found.extend(ends.clone());
    }
    found
}

proptest! {
    #[test]
    fn no_path_outside_the_tree_is_likelier_than_one_inside(levels in any_levels(), most in 0_usize..24) {
        let nodes = grow(&levels, most, |_, confidence| confidence);
        let mut all = all_paths(&levels);
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        prop_assert_eq!(nodes.len(), most.min(all.len()));
        for (node, best) in nodes.iter().zip(&all) {
            prop_assert!((node.likelihood - best.0).abs() < 1e-5);
        }
        let distinct: BTreeSet<_> = paths(&nodes).into_iter().collect();
        prop_assert_eq!(distinct.len(), nodes.len());
    }

    #[test]
    fn a_node_sees_its_ancestors_and_nothing_else_of_the_tree(levels in any_levels(), most in 1_usize..24) {
        let nodes = grow(&levels, most, |_, confidence| confidence);
        let parents = parents(&nodes);
        let (below, depths, paths) = (leaves(&parents), depths(&parents), paths(&nodes));
        for (i, path) in paths.iter().enumerate() {
            let first = below[i + 1][0];
            // What has the node's first sequence and stands in front of it.
            let seen = (0..nodes.len()).filter(|&j| below[j + 1].contains(&first) && depths[j] <= depths[i]);
            let ancestors = (0..nodes.len()).filter(|&j| path.starts_with(&paths[j]));
            prop_assert_eq!(seen.collect::<Vec<_>>(), ancestors.collect::<Vec<_>>());
            prop_assert!(below[0].contains(&first), "the root is seen by all");
        }
    }

    #[test]
    fn walking_finds_every_path_that_is_there_and_none_that_is_not(levels in any_levels(), most in 1_usize..24) {
        let nodes = grow(&levels, most, |_, confidence| confidence);
        let (tokens, parents): (Vec<_>, Vec<_>) = nodes.iter().map(|node| (node.token, node.parent)).unzip();
        let inside: BTreeSet<_> = paths(&nodes).into_iter().collect();
        for (_, path) in all_paths(&levels) {
            let mut at = Some(None);
            for &token in &path {
                at = at.and_then(|at| child(&tokens, &parents, at, LlamaToken(token)).map(Some));
            }
            prop_assert_eq!(at.is_some(), inside.contains(&path));
        }
    }

    #[test]
    fn a_beginning_of_a_tree_within_a_number_of_leaves_is_a_tree(levels in any_levels(), most in 1_usize..24, n_leaves in 1_usize..6) {
        let parents = parents(&grow(&levels, most, |_, confidence| confidence));
        let n = n_within(&parents, n_leaves);
        prop_assert!(leaves(&parents[..n])[0].len() <= n_leaves);
        prop_assert!(parents[..n].iter().enumerate().all(|(i, parent)| parent.is_none_or(|parent| parent < i)));
    }
}

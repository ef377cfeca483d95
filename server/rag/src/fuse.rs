//! Joins what words found and what meanings found.

use std::collections::HashMap;
use types::ids::PassageId;

/// How much places at the top count for more than those below, the more the smaller it is. With 60, which is usual, the first
/// of one list that is far below in the other comes before the first of that one.
const K: f32 = 10.0;

/// How much a place among those that words found counts, where one among those that meanings found counts 1. Questions are
/// seldom asked in the words of their answers; `cargo xtask bench search` shows what that is worth.
const WORDS: f32 = 0.6;

/// Reciprocal rank fusion: what is high in both lists comes first.
pub(crate) fn fuse(words: &[(PassageId, f32)], meanings: &[(PassageId, f32)]) -> Vec<(PassageId, f32)> {
    let mut scores = HashMap::<PassageId, f32>::new();
    for (list, weight) in [(words, WORDS), (meanings, 1.0)] {
        for (rank, (id, _)) in (1_u16..).zip(list.iter()) {
            *scores.entry(*id).or_default() += weight / (K + f32::from(rank));
        }
    }
    let mut fused: Vec<_> = scores.into_iter().collect();
    fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    fused
}

#[cfg(test)]
mod tests {
    use super::fuse;
    use types::ids::PassageId;

    #[test]
    fn what_both_found_comes_before_what_one_found() {
        let list = |ids: &[i64]| ids.iter().map(|id| (PassageId(*id), 0.0)).collect::<Vec<_>>();
        let check = |words: &[i64], meanings: &[i64], expected: &[i64]| {
            let fused = fuse(&list(words), &list(meanings));
            let ids: Vec<_> = fused.iter().map(|(id, _)| id.0).collect();
            assert_eq!(ids, expected);
        };
        check(&[1, 2, 3], &[], &[1, 2, 3]);
        check(&[1, 2], &[3, 2], &[2, 3, 1]);
        check(&[5, 4], &[4, 5], &[4, 5]);
        // First for its words alone, and somewhere by its meaning: what means most comes before it.
        let far: Vec<i64> = (1..60).collect();
        let expected: Vec<i64> = (1..5).chain([59]).chain(5..59).collect();
        check(&[59], &far, &expected);
        check(&[], &[], &[]);
    }
}

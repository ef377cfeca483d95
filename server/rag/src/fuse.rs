//! Joins what words found and what meanings found.

use std::collections::HashMap;
use types::ids::PassageId;

/// How much places at the top count for more than those below; the usual number.
const K: f32 = 60.0;

/// Reciprocal rank fusion: what is high in several lists comes first.
pub(crate) fn fuse(lists: &[&[(PassageId, f32)]]) -> Vec<(PassageId, f32)> {
    let mut scores = HashMap::<PassageId, f32>::new();
    for list in lists {
        for (rank, (id, _)) in (1_u16..).zip(list.iter()) {
            *scores.entry(*id).or_default() += 1.0 / (K + f32::from(rank));
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
            let fused = fuse(&[&list(words), &list(meanings)]);
            let ids: Vec<_> = fused.iter().map(|(id, _)| id.0).collect();
            assert_eq!(ids, expected);
        };
        check(&[1, 2, 3], &[], &[1, 2, 3]);
        check(&[1, 2], &[3, 2], &[2, 1, 3]);
        check(&[5, 4], &[4, 5], &[4, 5]);
        check(&[], &[], &[]);
    }
}

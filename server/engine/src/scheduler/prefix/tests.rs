use super::*;
use crate::adapters::SetId;
use proptest::prelude::*;
use protocol::Tenant;

const ANNA: Owner = Owner { tenant: Tenant(1), set: SetId::NONE };
const BEN: Owner = Owner { tenant: Tenant(2), set: SetId::NONE };

fn tokens(text: &str) -> Vec<LlamaToken> {
    text.bytes().map(|byte| LlamaToken(i32::from(byte))).collect()
}

fn index(sequences: &[&str]) -> PrefixIndex {
    let mut index = PrefixIndex::default();
    for (sequence, text) in sequences.iter().enumerate() {
        index.insert(ANNA, sequence, &tokens(text));
    }
    index
}

/// `sequence:common` for everybody who shares something with the prompt.
fn check(sequences: &[&str], prompt: &str, expected: &str) {
    let mut found = index(sequences).matches(ANNA, &tokens(prompt));
    found.sort_by_key(|it| it.sequence);
    let shown: Vec<_> = found.iter().map(|it| format!("{}:{}", it.sequence, it.n_common)).collect();
    assert_eq!(shown.join(" "), expected);
}

#[test]
fn an_empty_tree_shares_nothing() {
    check(&[], "abc", "");
}

#[test]
fn everybody_with_the_same_beginning_is_found() {
    check(&["abcdef", "abcxyz", "b", "ab"], "abcdxx", "0:4 1:3 3:2");
}

#[test]
fn a_prompt_that_ends_inside_a_path_is_found() {
    check(&["abcdef", "abcdef"], "abc", "0:3 1:3");
}

#[test]
fn nobody_finds_what_is_somebody_elses() {
    let mut index = index(&["abc"]);
    assert_eq!(index.matches(BEN, &tokens("abc")), []);
    index.remove(BEN, 0);
    assert_eq!(index.matches(ANNA, &tokens("abc")).len(), 1);
}

#[test]
fn what_others_have_too_is_told_from_what_one_has_alone() {
    let check = |sequences: &[&str], sequence: SequenceId, counts: &[SequenceId], expected: usize| {
        let text = tokens(sequences[sequence]);
        let n = index(sequences).n_alone(ANNA, sequence, &text, |other| counts.contains(&other));
        assert_eq!(n, expected, "{sequence} of {sequences:?}");
    };
    check(&["abc"], 0, &[0], 3);
    check(&["abc", "abcdef"], 0, &[1], 0);
    check(&["abc", "abcdef"], 1, &[0], 3);
    check(&["abc", "abc"], 0, &[0, 1], 0);
    check(&["abcd", "abxy", "abce"], 0, &[1, 2], 1);
    // One that is of no use counts for nothing.
    check(&["abcd", "abxy", "abce"], 0, &[1], 2);
    check(&["abcd", "abcd"], 1, &[], 4);
}

#[test]
fn what_is_removed_leaves_nothing_behind() {
    let mut index = index(&["abcdef", "abcxyz", "abc"]);
    for sequence in [1, 0, 2, 2] {
        index.remove(ANNA, sequence);
    }
    assert!(index.owners.is_empty());
}

#[test]
fn paths_that_nobody_parts_are_joined_again() {
    let mut index = index(&["abcdef", "abcxyz"]);
    index.remove(ANNA, 1);
    assert_eq!(index.owners[&ANNA][0].edge, tokens("abcdef"));
}

proptest! {
    #[test]
    fn others_find_of_a_text_what_the_server_wrote_and_nothing_more(
        texts in prop::collection::vec(("[ab]{1,12}", 0usize..12), 0..12),
        prompt in "[ab]{0,12}",
        n_own in 0usize..12,
    ) {
        let mut index = PrefixIndex::default();
        for (sequence, (text, n_server)) in texts.iter().enumerate() {
            let text = tokens(text);
            index.insert(ANNA, sequence, &text);
            index.insert(ANNA.of_server(), sequence, &text[..text.len().min(*n_server)]);
        }
        let prompt = tokens(&prompt);
        prop_assert_eq!(index.matches(BEN, &prompt), []);
        let shared = &prompt[..prompt.len().min(n_own)];
        for found in index.matches(BEN.of_server(), shared) {
            prop_assert!(found.n_common <= texts[found.sequence].1.min(n_own));
        }
    }

    #[test]
    fn it_knows_what_comparing_with_everybody_would_find(
        texts in prop::collection::vec("[ab]{1,12}", 0..12),
        removed in prop::collection::vec(0usize..12, 0..6),
        prompt in "[ab]{0,12}",
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let mut index = index(&texts);
        for &sequence in &removed {
            index.remove(ANNA, sequence);
        }
        let mut found = index.matches(ANNA, &tokens(&prompt));
        found.sort_by_key(|it| it.sequence);
        let expected: Vec<_> = texts
            .iter()
            .enumerate()
            .filter(|(sequence, _)| !removed.contains(sequence))
            .map(|(sequence, text)| Match { sequence, n_common: common_length(&tokens(text), &tokens(&prompt)) })
            .filter(|it| it.n_common > 0)
            .collect();
        prop_assert_eq!(found, expected);
    }
}

use super::*;
use proptest::prelude::*;

fn gaps(ranges: &[(usize, usize)]) -> Gaps {
    Gaps(ranges.iter().map(|&(start, end)| start..end).collect())
}

fn tokens(n: usize) -> Vec<LlamaToken> {
    (0..n as i32).map(LlamaToken).collect()
}

/// Computes a text token by token, forgetting where there is no room; what is remembered at the end.
fn remembered(n_cells: usize, pinned: &[Range<usize>], n: usize) -> Option<(Window, Vec<usize>)> {
    let mut window = Window::new(n_cells, pinned, Vec::new())?;
    let mut kept = Vec::new();
    for i in 0..n {
        if window.room(kept.len()) == 0 {
            let gone = window.to_forget(kept.len());
            gone.iter().rev().for_each(|range| drop(kept.drain(range.clone())));
            window.forget(&gone);
        }
        kept.push(i);
        window.push(LlamaToken(i as i32));
    }
    Some((window, kept))
}

#[test]
fn the_beginning_and_the_end_stay() {
    let (window, kept) = remembered(16, &[], 19).expect("a window");
    assert_eq!(kept, [0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    assert_eq!(window.gaps(), &gaps(&[(4, 8)]));
    assert_eq!(window.gaps().n_tokens(), 4);
}

#[test]
fn what_is_pinned_stays_wherever_it_is() {
    let (window, kept) = remembered(16, &[0..6, 8..10], 40).expect("a window");
    assert_eq!(kept[..8], [0, 1, 2, 3, 4, 5, 8, 9]);
    assert_eq!(kept.last(), Some(&39));
    assert_eq!(window.gaps().hull().start, 6);
    assert_eq!(window.gaps().0.len(), 2);
}

#[test]
fn what_must_stay_may_not_take_everything() {
    assert!(Window::is_possible(16, &gaps(&[(0, 12)]).0));
    assert!(!Window::is_possible(16, &gaps(&[(0, 13)]).0));
    assert!(!Window::is_possible(16, &gaps(&[(0, 4), (6, 15)]).0));
    assert!(Window::new(4, &[], Vec::new()).is_none());
}

#[test]
fn a_longer_text_goes_on_with_what_a_shorter_one_remembers() {
    let (shorter, kept) = remembered(16, &[], 30).expect("a window");
    let mut longer = Window::new(16, &[], tokens(35)).expect("a window");
    // Of 30 tokens 14 are forgotten; a little more than those that would be forgotten of fewer may be missing.
    assert_eq!(shorter.gaps().n_tokens(), 14);
    assert_eq!(longer.serves_from(shorter.gaps()), Some(26));
    let mut expected: Vec<_> = kept.iter().map(|&i| LlamaToken(i as i32)).collect();
    expected.extend((30..35).map(LlamaToken));
    assert_eq!(longer.adopt(shorter.gaps().clone()), expected);
    longer.begin();
    // What has begun is a state of its own.
    assert_eq!(longer.serves_from(shorter.gaps()), Some(18));
    assert_eq!(longer.serves_from(&gaps(&[(4, 6)])), None);
}

#[test]
fn what_fits_or_has_to_stay_is_not_taken_from_what_has_forgotten() {
    let forgotten = gaps(&[(4, 18)]);
    let serves = |pinned: &[(usize, usize)], n: usize| {
        let window = Window::new(16, &gaps(pinned).0, tokens(n)).expect("a window");
        window.serves_from(&forgotten).is_some()
    };
    assert!(serves(&[], 17) && serves(&[(0, 4), (18, 20)], 40));
    assert!(!serves(&[], 16) && !serves(&[(6, 8)], 40));
}

proptest! {
    #[test]
    fn never_more_than_the_cells_and_in_order(
        n_cells in 8_usize..60,
        pinned in prop::collection::vec((0_usize..120, 1_usize..10), 0..4),
        n in 0_usize..400,
    ) {
        let pinned: Vec<_> = pinned.into_iter().map(|(start, n)| start..start + n).collect();
        let Some((window, kept)) = remembered(n_cells, &pinned, n) else { return Ok(()) };
        prop_assert!(kept.len() <= n_cells);
        prop_assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
        let stays = |i: usize| i < N_SINKS || pinned.iter().any(|it| it.contains(&i));
        prop_assert!((0..n).filter(|&i| stays(i)).all(|i| kept.contains(&i)));
        prop_assert!(n == 0 || kept.last() == Some(&(n - 1)));
        // The latest stay together.
        let n_latest = (n_cells / SHARE_FORGOTTEN).max(1).min(n);
        prop_assert!((n - n_latest..n).all(|i| kept.contains(&i)));
        // The window knows the same as whoever follows what it says.
        let text: Vec<_> = kept.iter().map(|&i| LlamaToken(i as i32)).collect();
        prop_assert_eq!(window.gaps().kept_of(window.text()), text);
        prop_assert_eq!(window.gaps().n_kept_of(n), kept.len());
        prop_assert_eq!(n <= n_cells, window.gaps().n_tokens() == 0);
    }
}

//! What differs between two texts, word by word.

use leptos::prelude::*;
use similar::{ChangeTag, TextDiff};

/// Longer texts are not compared: it would take longer than anybody waits.
pub(crate) const MAX_DIFF_BYTES: usize = 200_000;

/// A part of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Same(String),
    Gone(String),
    New(String),
}

/// Both texts in one: what only the first has struck out, what only the second has underlined.
#[component]
pub(crate) fn Diff(
    old: String,
    new: String,
    /// Said before what is gone and what is new, to those who cannot see it.
    gone_label: &'static str,
    new_label: &'static str,
    /// Shown instead where the texts are the same, and where they are too long.
    same: &'static str,
    too_long: &'static str,
) -> AnyView {
    if old == new {
        return view! { <p class="text-muted" data-testid="diff-same">{same}</p> }.into_any();
    }
    if old.len().max(new.len()) > MAX_DIFF_BYTES {
        return view! { <p class="text-muted">{too_long}</p> }.into_any();
    }
    let piece = |piece: Piece| {
        match piece {
        Piece::Same(text) => view! { <span>{text}</span> }.into_any(),
        Piece::Gone(text) => view! {
            <del class="bg-danger-tint text-danger"><span class="sr-only">{gone_label}" "</span>{text}</del>
        }
        .into_any(),
        Piece::New(text) => view! {
            <ins class="bg-accent-tint text-accent-text"><span class="sr-only">{new_label}" "</span>{text}</ins>
        }
        .into_any(),
    }
    };
    let pieces: Vec<_> = pieces(&old, &new).into_iter().map(piece).collect();
    view! { <div class="break-words whitespace-pre-wrap" data-testid="diff">{pieces}</div> }.into_any()
}

fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let diff = TextDiff::from_words(old, new);
    let mut pieces: Vec<Piece> = Vec::new();
    for change in diff.iter_all_changes() {
        let text = change.value();
        match (change.tag(), pieces.last_mut()) {
            (ChangeTag::Equal, Some(Piece::Same(last)))
            | (ChangeTag::Delete, Some(Piece::Gone(last)))
            | (ChangeTag::Insert, Some(Piece::New(last))) => last.push_str(text),
            (ChangeTag::Equal, _) => pieces.push(Piece::Same(text.to_owned())),
            (ChangeTag::Delete, _) => pieces.push(Piece::Gone(text.to_owned())),
            (ChangeTag::Insert, _) => pieces.push(Piece::New(text.to_owned())),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[track_caller]
    fn check(old: &str, new: &str, expected: &[Piece]) {
        let found = pieces(old, new);
        assert_eq!(found, expected);
        let side = |keep: fn(&Piece) -> Option<&String>| {
            found.iter().filter_map(keep).map(String::as_str).collect::<String>()
        };
        assert_eq!(
            side(|it| match it {
                Piece::Same(text) | Piece::Gone(text) => Some(text),
                Piece::New(_) => None,
            }),
            old
        );
        assert_eq!(
            side(|it| match it {
                Piece::Same(text) | Piece::New(text) => Some(text),
                Piece::Gone(_) => None,
            }),
            new
        );
    }

    fn same(text: &str) -> Piece {
        Piece::Same(text.into())
    }

    #[test]
    fn words_that_differ_are_told_apart() {
        check("a b c", "a x c", &[same("a "), Piece::Gone("b".into()), Piece::New("x".into()), same(" c")]);
        check("a", "", &[Piece::Gone("a".into())]);
        check("", "a b", &[Piece::New("a b".into())]);
        check("ä\nö", "ä\nö ü", &[same("ä\nö"), Piece::New(" ü".into())]);
    }
}

//! What differs between two texts, word by word.

use leptos::prelude::*;
use similar::{
    DiffTag,
    algorithms::{Capture, Replace, myers},
};

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

/// Myers' algorithm alone: what chooses among the crate's algorithms brings all of them into the browser's download.
fn pieces(old: &str, new: &str) -> Vec<Piece> {
    let (old, new) = (words(old), words(new));
    // What is gone stands before what took its place.
    let mut capture = Replace::new(Capture::new());
    let Ok(()) = myers::diff(&mut capture, &old[..], 0..old.len(), &new[..], 0..new.len());
    let mut pieces = Vec::new();
    for op in capture.into_inner().into_ops() {
        let (gone, kept) = (old[op.old_range()].concat(), new[op.new_range()].concat());
        if op.tag() == DiffTag::Equal {
            pieces.push(Piece::Same(kept));
            continue;
        }
        pieces.extend((!gone.is_empty()).then_some(Piece::Gone(gone)));
        pieces.extend((!kept.is_empty()).then_some(Piece::New(kept)));
    }
    joined(pieces)
}

/// Neighbours of one kind are one piece.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), &piece) {
            (Some(Piece::Same(last)), Piece::Same(text))
            | (Some(Piece::Gone(last)), Piece::Gone(text))
            | (Some(Piece::New(last)), Piece::New(text)) => last.push_str(text),
            _ => joined.push(piece),
        }
    }
    joined
}

/// Words and what is between them, in turn; together they are the text.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((_, char)) = chars.next() {
        let end = chars.peek().map_or(text.len(), |(idx, _)| *idx);
        let is_last = chars.peek().is_none_or(|(_, next)| next.is_whitespace() != char.is_whitespace());
        if is_last {
            words.push(&text[start..end]);
            start = end;
        }
    }
    words
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

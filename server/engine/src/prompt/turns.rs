//! Where turns lie among the tokens of a conversation. A template may write them in any way, so that is found out by
//! rendering the conversation once more with another text in the turn: what is the same before it lies before the turn.

use llama_cpp_2::token::LlamaToken;
use std::ops::Range;
use types::chat::{ChatTurn, Role};

/// System turns behind the beginning that are looked for; each costs two renderings.
const MOST_LATER: usize = 8;

/// Places of the tokens that stay where the middle of a conversation is forgotten: all before the first person's turn
/// (system turns, tools) and later system turns. `render` writes a conversation, of which `tokens` is the whole.
pub(super) fn pinned(
    turns: &[ChatTurn],
    tokens: &[LlamaToken],
    render: impl Fn(&[ChatTurn]) -> Option<String>,
    tokenize: impl Fn(&str) -> Vec<LlamaToken>,
) -> Vec<Range<usize>> {
    let Some(whole) = render(turns) else { return Vec::new() };
    let place = |end: &str| common(tokens, &tokenize(end));
    let first = turns.iter().position(|turn| turn.role != Role::System);
    let head = first.and_then(|first| before(&whole, &with(turns, first, replaced), &render));
    let head = head.map(|end| 0..place(end));
    let first = first.unwrap_or(turns.len());
    let later = (first..turns.len()).filter(|&i| turns[i].role == Role::System).take(MOST_LATER);
    let later = later.filter_map(|i| {
        let start = before(&whole, &with(turns, i, replaced), &render)?;
        let end = before(&whole, &with(turns, i, continued), &render)?;
        Some(place(start)..place(end)).filter(|range| range.start < range.end)
    });
    head.into_iter().chain(later).collect()
}

/// With how many tokens the beginning ends, and the last turn that is no answer begins and ends: from there conversations
/// go on another way most often. In order.
pub(super) fn places(
    turns: &[ChatTurn],
    tokens: &[LlamaToken],
    render: impl Fn(&[ChatTurn]) -> Option<String>,
    tokenize: impl Fn(&str) -> Vec<LlamaToken>,
) -> Vec<usize> {
    let Some(whole) = render(turns) else { return Vec::new() };
    let first = turns.iter().position(|turn| turn.role != Role::System);
    let last = turns.iter().rposition(|turn| turn.role != Role::Assistant);
    let changed = [
        first.map(|first| with(turns, first, replaced)),
        last.map(|last| with(turns, last, replaced)),
        last.map(|last| with(turns, last, continued)),
    ];
    let ends = changed.into_iter().flatten().filter_map(|turns| before(&whole, &turns, &render));
    let mut places: Vec<_> = ends.map(|end| common(tokens, &tokenize(end))).filter(|n| *n > 0).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// What `whole` has before it differs from a conversation with another turn.
fn before<'w>(
    whole: &'w str,
    turns: &[ChatTurn],
    render: impl Fn(&[ChatTurn]) -> Option<String>,
) -> Option<&'w str> {
    let other = render(turns)?;
    let same = whole.char_indices().zip(other.chars()).find(|((_, a), b)| a != b);
    Some(&whole[..same.map_or(whole.len().min(other.len()), |((i, _), _)| i)])
}

fn with(turns: &[ChatTurn], i: usize, change: impl Fn(&str) -> String) -> Vec<ChatTurn> {
    let mut turns = turns.to_vec();
    turns[i].content = change(&turns[i].content);
    turns
}

/// Another text from its first letter on.
fn replaced(text: &str) -> String {
    if text.trim_start().starts_with('x') { "y".to_owned() } else { "x".to_owned() }
}

/// The same with more behind it.
fn continued(text: &str) -> String {
    format!("{}x", text.trim_end())
}

fn common(a: &[LlamaToken], b: &[LlamaToken]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;

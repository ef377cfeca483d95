//! Which models guess tokens for which. Pure.
//!
//! What people have is rarely called as its makers call it: it was quantised, converted and put up by somebody else. So a
//! reference is looked up by what it is, then by what is left of it without such endings and owners.

/// Models and their draft models, one model a line.
const KNOWN: &str = include_str!("drafts/known.txt");

/// How often an ending is taken off a name.
const MOST_ENDINGS: usize = 3;

/// Endings that say how weights are stored, and not which model it is.
const ENDINGS: [&str; 16] = [
    "gguf", "mlx", "bf16", "fp16", "f16", "f32", "3bit", "4bit", "5bit", "6bit", "8bit", "mxfp4", "awq",
    "gptq", "instruct", "it",
];

/// The draft models that are known for a model, the best first, as their makers call them: `reference` may be a name, with or
/// without its owner, of any quantisation. Empty where none is known.
pub(crate) fn known_drafts(reference: &str) -> Vec<&'static str> {
    let reference = reference.trim();
    if reference.is_empty() {
        return Vec::new();
    }
    let found = whole(reference).or_else(|| by_name(reference)).or_else(|| by_part(reference));
    found.unwrap_or_default()
}

/// Which of `candidates` is the best draft model that is known for `reference` and that `fits`; only those that are known are
/// asked for.
pub(crate) fn find_draft<'c>(
    reference: &str,
    candidates: impl Iterator<Item = &'c str> + Clone,
    fits: impl Fn(&str) -> bool,
) -> Option<&'c str> {
    known_drafts(reference).into_iter().find_map(|draft| {
        let names = names(draft);
        let is_draft = |candidate: &str| self::names(candidate).iter().any(|it| names.contains(it));
        candidates.clone().find(|candidate| is_draft(candidate) && fits(candidate))
    })
}

/// Every known model with its draft models.
fn known() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static str>)> {
    let lines = KNOWN.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words))
    })
}

fn whole(reference: &str) -> Option<Vec<&'static str>> {
    let found = known().find(|(model, _)| model.eq_ignore_ascii_case(reference));
    found.map(|(_, drafts)| drafts.collect())
}

/// The one whose name is left of the reference, without owner, with as few endings taken off as possible.
fn by_name(reference: &str) -> Option<Vec<&'static str>> {
    names(reference).into_iter().find_map(|name| {
        let mut found = known().filter(|(model, _)| names(model).contains(&name));
        found.next().map(|(_, drafts)| drafts.collect())
    })
}

/// The one with the longest name that is a part of the reference.
fn by_part(reference: &str) -> Option<Vec<&'static str>> {
    let reference = name_of(reference);
    let found = known().filter_map(|(model, drafts)| {
        let longest = names(model).into_iter().find(|name| has_part(&reference, name))?;
        Some((longest.len(), drafts))
    });
    // Of equals the first.
    let best = found.reduce(|best, it| if it.0 > best.0 { it } else { best });
    best.map(|(_, drafts)| drafts.collect())
}

/// Whether `part` is in `text` and not only a part of a word or number there.
fn has_part(text: &str, part: &str) -> bool {
    let is_border = |it: Option<char>| it.is_none_or(|it| !it.is_alphanumeric() && it != '.');
    text.match_indices(part).any(|(at, _)| {
        is_border(text[..at].chars().next_back()) && is_border(text[at + part.len()..].chars().next())
    })
}

/// The name, and what is left of it as endings are taken off.
fn names(reference: &str) -> Vec<String> {
    let first = name_of(reference);
    let shorter = std::iter::successors(Some(first), |name| without_ending(name));
    shorter.take(MOST_ENDINGS + 1).collect()
}

/// Without owner or folders, in small letters.
fn name_of(reference: &str) -> String {
    reference.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase()
}

fn without_ending(name: &str) -> Option<String> {
    // Parts of a quantisation's name are joined like words are: q4_k_m.
    let starts = name.char_indices().filter(|(_, it)| matches!(it, '-' | '_' | '.')).map(|(at, _)| at);
    let mut endings = starts.filter(|&at| at > 0).map(|at| (at, &name[at + 1..]));
    let (at, _) = endings.find(|(_, ending)| ENDINGS.contains(ending) || is_quantisation(ending))?;
    Some(name[..at].to_owned())
}

/// Names such as `q4_k_m`, `q8_0` or `iq4_xs`.
fn is_quantisation(ending: &str) -> bool {
    let digits = ending.strip_prefix("iq").or_else(|| ending.strip_prefix('q'));
    let Some(rest) = digits.and_then(|it| it.strip_prefix(|it: char| it.is_ascii_digit())) else {
        return false;
    };
    rest.is_empty() || rest.starts_with('_') && rest[1..].split('_').all(|it| !it.is_empty() && it.len() <= 3)
}

#[cfg(test)]
mod tests;

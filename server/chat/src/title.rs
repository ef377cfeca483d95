//! A title from the first message, by rule.

/// Longer titles do not fit the list.
pub(crate) const MAX_CHARS: usize = 60;

/// The first sentence of the first line that says something, without markdown, cut at a word.
pub(crate) fn title_of(text: &str) -> String {
    let line = text.lines().map(without_marks).find(|line| !line.is_empty()).unwrap_or_default();
    cut(first_sentence(&line))
}

/// The line without the marks of headings, lists, quotes, emphasis and code.
pub(crate) fn without_marks(line: &str) -> String {
    let line = line.trim().trim_start_matches(['#', '>', '-', '*', '+', '`', ' ', '\t']);
    let kept: String =
        line.chars().filter(|c| !matches!(c, '*' | '`' | '_' | '~') && !c.is_control()).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_sentence(line: &str) -> &str {
    let ends = line.char_indices().filter(|(_, c)| matches!(c, '.' | '?' | '!' | '。' | '？' | '！'));
    for (at, c) in ends {
        let rest = &line[at + c.len_utf8()..];
        let is_end = rest.is_empty() || rest.starts_with(' ') || !c.is_ascii();
        // "1. Do this" and "e.g. this" are no sentences of their own, and "and 2." is no end.
        if is_end && line[..at].chars().count() > 8 && !(c == '.' && ends_in_number(&line[..at])) {
            return if c == '.' { &line[..at] } else { &line[..at + c.len_utf8()] };
        }
    }
    line
}

fn ends_in_number(text: &str) -> bool {
    let word = text.rsplit(' ').next().unwrap_or_default();
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn cut(text: &str) -> String {
    let Some((limit, _)) = text.char_indices().nth(MAX_CHARS) else { return text.to_owned() };
    let (room, _) = text.char_indices().nth(MAX_CHARS - 1).unwrap_or((limit, ' '));
    // A space at the very end of the room means that the word before it is whole.
    let head = match text[..limit].rfind(' ') {
        Some(at) if at > MAX_CHARS / 2 => &text[..at],
        _ => &text[..room],
    };
    format!("{}…", head.trim_end_matches([',', ';', ':', ' ']))
}

#[cfg(test)]
mod tests;

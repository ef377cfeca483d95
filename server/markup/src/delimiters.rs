//! `\(…\)` and `\[…\]`, which many models write, to the dollars that the parser knows.

/// How far a closing mark is looked for: without a bound, many opening marks would cost quadratic time.
const MAX_FORMULA_BYTES: usize = 2_000;

/// Replaces the pairs outside code. A pair must close before the next blank line.
pub(crate) fn to_dollars(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(at) = rest.find(['\\', '`', '~']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken =
            take_code(rest, &out).or_else(|| take_math(rest, &mut out)).unwrap_or_else(|| one_char(rest));
        if !taken.replaced {
            out.push_str(&rest[..taken.len]);
        }
        rest = &rest[taken.len..];
    }
    out.push_str(rest);
    out
}

struct Taken {
    len: usize,
    /// Written in another form already.
    replaced: bool,
}

/// An escaped character or a single mark, as it is.
fn one_char(rest: &str) -> Taken {
    let n_chars = if rest.starts_with('\\') { 2 } else { 1 };
    Taken { len: rest.chars().take(n_chars).map(char::len_utf8).sum(), replaced: false }
}

/// A code span or fence, to its closing run; an unclosed fence goes on to the end.
fn take_code(rest: &str, before: &str) -> Option<Taken> {
    let mark = rest.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let run = rest.len() - rest.trim_start_matches(mark).len();
    let is_fence = run >= 3 && starts_line(before).is_some();
    if mark == '~' && !is_fence {
        return Some(Taken { len: run, replaced: false });
    }
    let fence = &rest[..run];
    let len = match closing(&rest[run..], fence, mark, is_fence) {
        Some(at) => run + at,
        None if is_fence => rest.len(),
        None => run,
    };
    Some(Taken { len, replaced: false })
}

#[derive(PartialEq)]
enum LineStart {
    First,
    Further,
}

/// Which line begins behind a text, with spaces at most; `None` where its last one goes on. Looks at the spaces alone: with every
/// mark of a long line to its beginning would cost quadratic time.
fn starts_line(before: &str) -> Option<LineStart> {
    match before.trim_end_matches(' ').chars().next_back() {
        None => Some(LineStart::First),
        Some('\n') => Some(LineStart::Further),
        Some(_) => None,
    }
}

/// End of the run of marks that closes `fence`.
fn closing(text: &str, fence: &str, mark: char, is_fence: bool) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find(fence) {
        let start = from + at;
        let end = start + text[start..].len() - text[start..].trim_start_matches(mark).len();
        let is_end = match is_fence {
            true => starts_line(&text[..start]) == Some(LineStart::Further),
            false => end - start == fence.len(),
        };
        if is_end {
            return Some(end);
        }
        from = end;
    }
    None
}

fn take_math(rest: &str, out: &mut String) -> Option<Taken> {
    let (close, dollars) = match rest.get(..2)? {
        "\\(" => ("\\)", "$"),
        "\\[" => ("\\]", "$$"),
        _ => return None,
    };
    let inside = &rest[2..rest.floor_char_boundary(MAX_FORMULA_BYTES)];
    let end = inside.find(close)?;
    let formula = inside[..end].trim();
    if formula.is_empty() || inside[..end].contains("\n\n") || formula.contains('$') {
        return None;
    }
    out.push_str(dollars);
    out.push_str(formula);
    out.push_str(dollars);
    Some(Taken { len: 2 + end + 2, replaced: true })
}

#[cfg(test)]
mod tests {
    use super::to_dollars;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(to_dollars(text), expected);
    }

    #[test]
    fn pairs_become_dollars() {
        check(r"so \( x^2 \) and \[ y \]", "so $x^2$ and $$y$$");
        check("\\[\na\n\\]", "$$a$$");
    }

    #[test]
    fn code_is_left_alone() {
        check(r"`\(x\)` and \(y\)", r"`\(x\)` and $y$");
        check("```\n\\(x\\)\n```\n\\(y\\)", "```\n\\(x\\)\n```\n$y$");
        check("~~~\n\\(x\\)", "~~~\n\\(x\\)");
    }

    #[test]
    fn a_fence_begins_and_ends_where_a_line_does() {
        check("a ```\n\\(x\\)\n```", "a ```\n\\(x\\)\n```");
        check("  ```\n\\(x\\)\na ```\n\\(y\\)\n  ```\n\\(z\\)", "  ```\n\\(x\\)\na ```\n\\(y\\)\n  ```\n$z$");
        check("``` ```\n\\(x\\)", "``` ```\n\\(x\\)");
    }

    #[test]
    fn a_long_line_takes_no_longer_than_many_short_ones() {
        let began = std::time::Instant::now();
        for piece in ["a`b` ", "a ~ ", "b``` "] {
            let line = piece.repeat(100_000);
            check(&line, &line);
            let fenced = format!("```\n{line}");
            check(&fenced, &fenced);
        }
        let took = began.elapsed();
        assert!(took < std::time::Duration::from_secs(20), "{took:?}");
    }

    #[test]
    fn what_is_not_a_pair_stays() {
        check(r"\( open", r"\( open");
        check("\\(a\n\nb\\)", "\\(a\n\nb\\)");
        check(r"\\(x\\)", r"\\(x\\)");
        check("ends in \\", "ends in \\");
        check(r"\ö", r"\ö");
        check("", "");
    }
}

//! Text of models and servers, made fit for a person's eyes: nothing in it hides or turns round what stands beside it.

use serde_json::Value;

const MAX_LINE_CHARS: usize = 300;
/// Twice what arguments may have that run, as indenting makes them longer.
const MAX_ARGUMENTS_CHARS: usize = 128 << 10;

/// One line of bounded length.
pub(crate) fn line(text: &str) -> String {
    let text = text.chars().map(|c| if c.is_ascii_whitespace() { ' ' } else { c });
    cut(text, MAX_LINE_CHARS)
}

/// Several lines of bounded length.
pub(crate) fn text(text: &str, limit: usize) -> String {
    cut(text.chars(), limit)
}

/// Arguments to look at before saying yes: indented where they are JSON and that makes them no longer than a page can carry, with every
/// character shown that would be invisible or change the direction of the text. Of those that may run nothing is left out.
pub fn arguments(text: &str) -> String {
    let pretty =
        serde_json::from_str::<Value>(text).ok().and_then(|it| serde_json::to_string_pretty(&it).ok());
    let pretty = pretty.filter(|it| it.len() <= MAX_ARGUMENTS_CHARS);
    cut(pretty.as_deref().unwrap_or(text).chars(), MAX_ARGUMENTS_CHARS)
}

fn cut(text: impl Iterator<Item = char>, limit: usize) -> String {
    let mut shown = String::new();
    for (n, c) in text.enumerate() {
        if n == limit {
            shown.push('…');
            break;
        }
        match c {
            c if is_deceptive(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Control characters but for line breaks, marks that turn the direction of text, and what has no width.
fn is_deceptive(c: char) -> bool {
    let is_control = c.is_control() && c != '\n';
    let is_hidden = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    is_control || is_hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(arguments(text), expected);
    }

    #[test]
    fn nothing_hides_in_what_a_person_is_asked_about() {
        check(r#"{"a":1}"#, "{\n  \"a\": 1\n}");
        check("rm\u{202e}x", "rm\\u{202e}x");
        check("{\"a\": \"x\\u200by\\u001b[2J\"}", "{\n  \"a\": \"x\\u{200b}y\\u001b[2J\"\n}");
        check("ü→日本", "ü→日本");
        check("a\r\x1b[8m", "a\\u{d}\\u{1b}[8m");
    }

    #[test]
    fn nothing_is_left_out_of_arguments_that_may_run() {
        let most = crate::Limits::default().argument_bytes;
        let check = |head: &str, fill: &str, tail: &str| {
            let text = format!("{head}{}{tail}", fill.repeat((most - head.len() - tail.len()) / fill.len()));
            let shown = arguments(&text);
            assert!(shown.ends_with(tail) && !shown.contains('…'), "{head}: {}", shown.len());
            assert_eq!(shown.matches(fill).count(), text.matches(fill).count());
        };
        check("rm ", "x", "/home");
        check(r#"{"text": ""#, "word ", "to the end\"\n}");
        // Indented it would be too long.
        check(&format!("{}0", "[".repeat(60)), ",7", &"]".repeat(60));
    }

    #[test]
    fn what_is_shown_has_an_end() {
        assert_eq!(line(&"x".repeat(1 << 20)).chars().count(), MAX_LINE_CHARS + 1);
        assert_eq!(arguments(&"x".repeat(1 << 20)).chars().count(), MAX_ARGUMENTS_CHARS + 1);
    }
}

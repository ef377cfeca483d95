//! Sentences without support, marked where they stand in an answer.
//!
//! They come as plain text, and an answer is HTML: both are compared by their letters and digits alone, so that markup within words,
//! citations and line breaks do not matter.

use std::ops::Range;

/// Elements whose text is no part of any sentence: code and headings say nothing that is compared.
const LEFT_OUT: [&str; 10] = ["pre", "button", "math", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"];
/// What may stand behind the last letter of a sentence.
const ENDS: [char; 9] = ['.', '!', '?', '…', '”', '"', '’', ')', '»'];
/// The page names it in its language.
const MARK: &str = r#"<mark data-word="unsupported">"#;
const END_OF_MARK: &str = "</mark>";

/// A letter of the text, and where it is in the HTML of its block.
struct Letter {
    letter: char,
    block: usize,
    at: Range<usize>,
}

/// Marks `sentences`, which are in their order, in the sanitised HTML of an answer. One that is not found is left out.
pub(crate) fn mark(blocks: &mut [String], sentences: &[String]) {
    let letters: Vec<_> = blocks.iter().enumerate().flat_map(|(n, html)| letters(n, html)).collect();
    let mut places: Vec<(usize, Range<usize>)> = Vec::new();
    let mut from = 0;
    for sentence in sentences {
        let wanted: Vec<char> = sentence.chars().filter(|c| c.is_alphanumeric()).collect();
        if let Some(at) = find(&letters[from..], &wanted) {
            let (first, last) = (&letters[from + at], &letters[from + at + wanted.len() - 1]);
            places.push((first.block, first.at.start..last.at.end));
            from += at + wanted.len();
        }
    }
    // From the end, so that places stay what they are.
    for (block, place) in places.into_iter().rev() {
        blocks[block] = marked(&blocks[block], place);
    }
}

/// Where these letters follow each other within one block.
fn find(letters: &[Letter], wanted: &[char]) -> Option<usize> {
    let fits = |window: &[Letter]| {
        window[0].block == window[window.len() - 1].block
            && window.iter().zip(wanted).all(|(it, wanted)| it.letter == *wanted)
    };
    if wanted.is_empty() { None } else { letters.windows(wanted.len()).position(fits) }
}

fn letters(block: usize, html: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    for (run, _) in runs(html) {
        let text = &html[run.clone()];
        let mut at = 0;
        while let Some(letter) = text[at..].chars().next() {
            let skipped = match letter {
                '[' => bracket(&text[at..]),
                '&' => entity(&text[at..]),
                _ => None,
            };
            let length = skipped.unwrap_or(letter.len_utf8());
            if letter.is_alphanumeric() {
                let start = run.start + at;
                letters.push(Letter { letter, block, at: start..start + length });
            }
            at += length;
        }
    }
    letters
}

/// The pieces of text between tags that belong to sentences, each with whether it may be marked; what is left out is not among them.
fn runs(html: &str) -> Vec<(Range<usize>, bool)> {
    let mut runs = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < html.len() {
        if html[at..].starts_with('<') {
            let end = html[at..].find('>').map_or(html.len(), |end| at + end + 1);
            follow(&html[at..end], &mut open);
            at = end;
            continue;
        }
        let end = html[at..].find('<').map_or(html.len(), |end| at + end);
        if open.is_empty() {
            runs.push((at..end, !html[at..end].trim().is_empty()));
        }
        at = end;
    }
    runs
}

/// Keeps count of the open elements that are left out.
fn follow<'a>(tag: &'a str, open: &mut Vec<&'a str>) {
    let name = tag.trim_start_matches(['<', '/']).split([' ', '>', '/']).next().unwrap_or_default();
    let is_citation = name == "a" && tag.contains(r#"class="citation""#);
    if tag.starts_with("</") {
        if open.last() == Some(&name) {
            open.pop();
        }
    } else if is_citation || LEFT_OUT.contains(&name) || open.last() == Some(&name) {
        open.push(name);
    }
}

/// The length of numbers in brackets, which say where something is from, not what.
fn bracket(text: &str) -> Option<usize> {
    let end = text.find(']')?;
    let inside = &text[1..end];
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ');
    (!inside.is_empty() && inside.chars().all(is_number)).then_some(end + 1)
}

/// The length of a character that is written out; none of them is a letter.
fn entity(text: &str) -> Option<usize> {
    const LONGEST: usize = 10;
    text.find(';').filter(|end| *end < LONGEST).map(|end| end + 1)
}

/// The HTML with every piece of text in `place` marked by itself, so that elements stay whole.
fn marked(html: &str, place: Range<usize>) -> String {
    let end = html[place.end..].chars().take_while(|c| ENDS.contains(c)).map(char::len_utf8).sum::<usize>();
    let place = place.start..place.end + end;
    let mut marked = String::with_capacity(html.len() + 64);
    let mut done = 0;
    for (run, _) in runs(html).into_iter().filter(|(_, has_text)| *has_text) {
        let piece = run.start.max(place.start)..run.end.min(place.end);
        if piece.start >= piece.end || html[piece.clone()].trim().is_empty() {
            continue;
        }
        marked.push_str(&html[done..piece.start]);
        marked.push_str(MARK);
        marked.push_str(&html[piece.clone()]);
        marked.push_str(END_OF_MARK);
        done = piece.end;
    }
    marked.push_str(&html[done..]);
    marked
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[track_caller]
    fn check(html: &str, sentences: &[&str], expected: &str) {
        let mut blocks: Vec<_> = html.split('\n').map(str::to_owned).collect();
        let sentences: Vec<_> = sentences.iter().map(|it| (*it).to_owned()).collect();
        mark(&mut blocks, &sentences);
        let found =
            blocks.join("\n").replace(r#"<mark data-word="unsupported">"#, "«").replace("</mark>", "»");
        assert_eq!(found, expected);
    }

    #[test]
    fn a_sentence_is_marked_where_it_stands() {
        check(
            "<p>One is so. Two is not! Three is.</p>",
            &["Two is not!"],
            "<p>One is so. «Two is not!» Three is.</p>",
        );
        check(
            "<p>A b c d.</p>\n<p>A b c d.</p>",
            &["A b c d.", "A b c d."],
            "<p>«A b c d.»</p>\n<p>«A b c d.»</p>",
        );
        check("<p>Only this.</p>", &["Something else."], "<p>Only this.</p>");
        check("<p>“Quoted,” they said.</p>", &["“Quoted,” they said."], "<p>“«Quoted,” they said.»</p>");
    }

    #[test]
    fn markup_and_citations_do_not_hide_it_and_stay_whole() {
        check(
            "<p>It is <strong>un</strong>likely <code>a&lt;b</code> &amp; more.</p>",
            &["It is unlikely a<b & more."],
            "<p>«It is »<strong>«un»</strong>«likely »<code>«a&lt;b»</code>« &amp; more.»</p>",
        );
        check(
            r#"<p>So it is <a class="citation" href="/documents/7?at=1" title="12">[1]</a> today [2, 3].</p>"#,
            &["So it is today."],
            r#"<p>«So it is »<a class="citation" href="/documents/7?at=1" title="12">[1]</a>« today» [2, 3].</p>"#,
        );
        check(
            "<ul>\n<li>One thing is so.</li>\n</ul>",
            &["One thing is so."],
            "<ul>\n<li>«One thing is so.»</li>\n</ul>",
        );
    }

    #[test]
    fn what_is_compared_with_nothing_is_never_marked() {
        check(
            "<h2>The tower is tall.</h2>\n<p>The tower is tall.</p>",
            &["The tower is tall."],
            "<h2>The tower is tall.</h2>\n<p>«The tower is tall.»</p>",
        );
        check("<pre><code>a b c d</code></pre>", &["a b c d"], "<pre><code>a b c d</code></pre>");
        check(
            "<p>one two</p>\n<p>three four</p>",
            &["one two three four"],
            "<p>one two</p>\n<p>three four</p>",
        );
        check("<p>&lt;b&gt; <", &["b"], "<p>&lt;«b»&gt; <");
    }
}

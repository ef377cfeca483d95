//! Citations in an answer: numbers in brackets, as `[1]` or `[1, 3]`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use store::CallRow;
use types::{document::SourceView, toolbox::Source};

/// What a citation shows of its passage when it is pointed at.
const PREVIEW_CHARS: usize = 240;
/// The longest sentence that is looked up in a document.
const MOST_SENTENCE_CHARS: usize = 300;
/// A sentence of fewer words says too little: "z. B." ends none.
const LEAST_SENTENCE_WORDS: usize = 4;
/// What stands in an address as something else.
const OF_ADDRESS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Elements that sentences do not reach over.
const PARTS: [&str; 14] =
    ["p", "li", "td", "th", "tr", "ul", "ol", "div", "blockquote", "h1", "h2", "h3", "h4", "h5"];
/// Elements whose text is left as it is: code is code, and a link cannot be in a link.
const LEFT_ALONE: [&str; 5] = ["a", "code", "math", "pre", "button"];

/// Whether a text names passage `number`.
pub(crate) fn names(text: &str, number: u32) -> bool {
    let brackets = text.match_indices('[');
    brackets.filter_map(|(at, _)| bracket(&text[at..])).any(|(numbers, _)| numbers.contains(&number))
}

/// What an answer can name by a number.
pub(crate) struct Cited {
    number: u32,
    /// Where it is; `None` if it is not there any more.
    address: Option<String>,
    /// What is shown of it when it is pointed at: its name and page, then a line for its text.
    title: String,
    page: Option<u32>,
    /// It is a whole document, which is opened where it says what was said.
    is_whole: bool,
}

/// All that an answer relies on: passages of documents, and what its calls gave.
pub(crate) fn all(sources: &[SourceView], calls: &[CallRow]) -> Vec<Cited> {
    let passage = |source: &SourceView| {
        let page = source.page.map(|page| format!(", {page}")).unwrap_or_default();
        let preview: String = source.text.chars().take(PREVIEW_CHARS).collect();
        Cited {
            number: source.number,
            address: source.document.map(|document| match source.is_whole {
                true => format!("/documents/{document}"),
                false => format!("/documents/{document}?at={}", source.best_position),
            }),
            title: match source.is_whole {
                true => source.document_name.clone(),
                false => format!("{}{page}\n{preview}", source.document_name),
            },
            page: source.page.filter(|_| !source.is_whole),
            is_whole: source.is_whole,
        }
    };
    let page = |(number, source): (u32, &Source)| Cited {
        number,
        address: Some(source.url.clone()),
        title: format!("{}\n{}", one_line(&source.title), source.url),
        page: None,
        is_whole: false,
    };
    sources.iter().map(passage).chain(crate::calls::sources(calls).into_iter().map(page)).collect()
}

/// Sanitised HTML with its citations of `sources` as links. What is none of them may be what an answer before it relied on: of those,
/// the `earlier` ones, the last is meant.
pub(crate) fn link(html: &str, sources: &[Cited], earlier: &[Cited]) -> String {
    let find = |number: u32| sources.iter().chain(earlier.iter().rev()).find(|it| it.number == number);
    let mut linked = String::with_capacity(html.len());
    let mut n_left_alone = 0_usize;
    // What was said since the paragraph began.
    let mut said = String::new();
    let mut rest = html;
    while let Some(at) = rest.find(['<', '[']) {
        let (before, from) = rest.split_at(at);
        linked.push_str(before);
        said.push_str(before);
        if from.starts_with('<') {
            let end = from.find('>').map_or(from.len(), |end| end + 1);
            let (tag, after) = from.split_at(end);
            n_left_alone = left_alone(tag, n_left_alone);
            if PARTS.contains(&name(tag)) {
                said.clear();
            }
            linked.push_str(tag);
            rest = after;
            continue;
        }
        match bracket(from).filter(|_| n_left_alone == 0) {
            Some((numbers, length)) if numbers.iter().all(|n| find(*n).is_some()) => {
                let links: Vec<_> =
                    numbers.iter().filter_map(|n| find(*n)).map(|it| anchor(it, &said)).collect();
                linked.push_str(&links.join(" "));
                rest = &from[length..];
            }
            _ => {
                linked.push('[');
                rest = &from[1..];
            }
        }
    }
    linked.push_str(rest);
    linked
}

/// The numbers of a bracket that `text` begins with, and how long it is.
fn bracket(text: &str) -> Option<(Vec<u32>, usize)> {
    let end = text.find(']')?;
    let numbers: Result<Vec<u32>, _> = text[1..end].split(',').map(|number| number.trim().parse()).collect();
    Some((numbers.ok()?, end + 1))
}

fn left_alone(tag: &str, n: usize) -> usize {
    let is_end = tag.starts_with("</");
    match (LEFT_ALONE.contains(&name(tag)), is_end) {
        (true, true) => n.saturating_sub(1),
        (true, false) => n + 1,
        (false, _) => n,
    }
}

fn name(tag: &str) -> &str {
    tag.trim_start_matches(['<', '/']).split([' ', '>', '/']).next().unwrap_or_default()
}

/// The last sentence of what was said, which a citation behind it is for.
fn sentence(said: &str) -> String {
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(said.to_owned(), |text, (written, meant)| text.replace(written, meant));
    let text = one_line(&text);
    let ends = text.match_indices(['.', '!', '?', '…', ':']).map(|(at, end)| at + end.len());
    let mut starts = ends.filter(|at| text[*at..].starts_with(' '));
    let says = |at: &usize| text[*at..].split_whitespace().count() >= LEAST_SENTENCE_WORDS;
    let sentence = text[starts.rfind(says).unwrap_or_default()..].trim();
    let n_chars = sentence.chars().count();
    sentence.chars().skip(n_chars.saturating_sub(MOST_SENTENCE_CHARS)).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn anchor(source: &Cited, said: &str) -> String {
    let number = source.number;
    let Some(address) = &source.address else { return format!("[{number}]") };
    let elsewhere =
        if address.starts_with('/') { "" } else { r#" target="_blank" rel="noopener noreferrer""# };
    let sentence = if source.is_whole {
        utf8_percent_encode(&sentence(said), OF_ADDRESS).to_string()
    } else {
        String::new()
    };
    let address = if sentence.is_empty() { address.clone() } else { format!("{address}?for={sentence}") };
    let (address, title) = (escaped(&address), escaped(&source.title));
    let page = source.page.map(|page| format!(r#" data-page="{page}""#)).unwrap_or_default();
    format!(r#"<a class="citation" href="{address}" title="{title}"{page}{elsewhere}>[{number}]</a>"#)
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::{all, link, names};
    use types::{document::SourceView, ids::DocumentId};

    fn source(number: u32, document: Option<i64>) -> SourceView {
        SourceView {
            number,
            document: document.map(DocumentId),
            document_name: "a \"b\".pdf".into(),
            position: 4,
            last_position: 6,
            best_position: 5,
            page: Some(2),
            heading: String::new(),
            text: "<script>".into(),
            words: None,
            meaning: None,
            ranking: None,
            is_whole: false,
            cited: false,
            query: None,
        }
    }

    #[test]
    fn citations_become_links_where_there_is_a_passage_of_that_number() {
        let sources = all(&[source(1, Some(7)), source(2, None)], &[]);
        let title = "a &quot;b&quot;.pdf, 2\n&lt;script&gt;";
        let one =
            &format!(r#"<a class="citation" href="/documents/7?at=5" title="{title}" data-page="2">[1]</a>"#);
        let check = |html: &str, expected: &str| assert_eq!(link(html, &sources, &[]), expected);
        check("<p>It is so [1].</p>", &format!("<p>It is so {one}.</p>"));
        check("<p>Both [1, 2]</p>", &format!("<p>Both {one} [2]</p>"));
        check("<p>[3] [1,3] [x] [] [1</p>", "<p>[3] [1,3] [x] [] [1</p>");
        check("<pre><code>a[1]</code></pre>", "<pre><code>a[1]</code></pre>");
        check(r#"<a href="[1]">[1]</a>[1]"#, &format!(r#"<a href="[1]">[1]</a>{one}"#));
    }

    #[test]
    fn what_an_answer_does_not_have_itself_is_that_of_the_last_answer_before_it() {
        let (own, earlier) =
            (all(&[source(2, Some(9))], &[]), all(&[1, 2, 1].map(|n| source(n, Some(7))), &[]));
        let mut earlier = earlier;
        earlier[2].address = Some("/documents/8?at=5".to_owned());
        let check = |html: &str, expected: &[&str]| {
            let linked = link(html, &own, &earlier);
            let found: Vec<_> = linked.split("/documents/").skip(1).filter_map(|it| it.get(..1)).collect();
            assert_eq!(found, expected, "{linked}");
        };
        check("<p>[1] and [2]</p>", &["8", "9"]);
        check("<p>[1, 2]</p>", &["8", "9"]);
        check("<p>[3]</p>", &[]);
    }

    #[test]
    fn a_whole_document_is_opened_at_what_was_said() {
        let sources = all(&[SourceView { is_whole: true, ..source(1, Some(7)) }], &[]);
        let check = |html: &str, expected: &str| {
            let linked = link(html, &sources, &[]);
            let found = linked.split(r#"href="/documents/7"#).nth(1).and_then(|rest| rest.split('"').next());
            let expected = if expected.is_empty() { String::new() } else { format!("?for={expected}") };
            assert_eq!(found, Some(expected.as_str()), "{linked}");
        };
        check("<p>It is old. It has two hundred stairs [1].</p>", "It%20has%20two%20hundred%20stairs");
        check(
            "<p>It is <em>12 &lt; 13</em> metres tall. [1]</p>",
            "It%20is%2012%20%3C%2013%20metres%20tall.",
        );
        check("<ul><li>Another item.</li><li>Whale oil [1]</li></ul>", "Whale%20oil");
        // What is too short to be a sentence belongs to what stands before it.
        check("<p>Oils were used, e.g. [1]</p>", "Oils%20were%20used%2C%20e.g.");
        check("<p>[1]</p>", "");
        check(&format!("<p>{} [1]</p>", "ü".repeat(400)), &"%C3%BC".repeat(300));
    }

    #[test]
    fn what_an_answer_names_is_known() {
        assert!(names("so [1] and [2, 12]", 12));
        assert!(!names("so [1] and [2]", 12));
        assert!(!names("[", 1));
    }
}

//! Citations in an answer: numbers in brackets, as `[1]` or `[1, 3]`.

use store::CallRow;
use types::{document::SourceView, toolbox::Source};

/// What a citation shows of its passage when it is pointed at.
const PREVIEW_CHARS: usize = 240;
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
    /// What is shown of it when it is pointed at.
    title: String,
}

/// All that an answer relies on: passages of documents, and what its calls gave.
pub(crate) fn all(sources: &[SourceView], calls: &[CallRow]) -> Vec<Cited> {
    let passage = |source: &SourceView| {
        let (first, last) = (source.position, source.last_position);
        let page = source.page.map(|page| format!(", {page}")).unwrap_or_default();
        let preview: String = source.text.chars().take(PREVIEW_CHARS).collect();
        Cited {
            number: source.number,
            address: source.document.map(|document| match source.is_whole {
                true => format!("/documents/{document}"),
                false => format!("/documents/{document}?at={first}&to={last}"),
            }),
            title: match source.is_whole {
                true => source.document_name.clone(),
                false => format!("{}{page}: {preview}", source.document_name),
            },
        }
    };
    let page = |(number, source): (u32, &Source)| Cited {
        number,
        address: Some(source.url.clone()),
        title: format!("{}: {}", source.title, source.url),
    };
    sources.iter().map(passage).chain(crate::calls::sources(calls).into_iter().map(page)).collect()
}

/// Sanitised HTML with its citations of `sources` as links.
pub(crate) fn link(html: &str, sources: &[Cited]) -> String {
    let mut linked = String::with_capacity(html.len());
    let mut n_left_alone = 0_usize;
    let mut rest = html;
    while let Some(at) = rest.find(['<', '[']) {
        let (before, from) = rest.split_at(at);
        linked.push_str(before);
        if from.starts_with('<') {
            let end = from.find('>').map_or(from.len(), |end| end + 1);
            let (tag, after) = from.split_at(end);
            n_left_alone = left_alone(tag, n_left_alone);
            linked.push_str(tag);
            rest = after;
            continue;
        }
        match bracket(from).filter(|_| n_left_alone == 0) {
            Some((numbers, length)) if numbers.iter().all(|n| sources.iter().any(|it| it.number == *n)) => {
                let links: Vec<_> = numbers.iter().filter_map(|n| anchor(*n, sources)).collect();
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
    let name = tag.trim_start_matches(['<', '/']).split([' ', '>', '/']).next().unwrap_or_default();
    match (LEFT_ALONE.contains(&name), is_end) {
        (true, true) => n.saturating_sub(1),
        (true, false) => n + 1,
        (false, _) => n,
    }
}

fn anchor(number: u32, sources: &[Cited]) -> Option<String> {
    let source = sources.iter().find(|it| it.number == number)?;
    let Some(address) = &source.address else { return Some(format!("[{number}]")) };
    let elsewhere =
        if address.starts_with('/') { "" } else { r#" target="_blank" rel="noopener noreferrer""# };
    let (address, title) = (escaped(address), escaped(&source.title));
    Some(format!(r#"<a class="citation" href="{address}" title="{title}"{elsewhere}>[{number}]</a>"#))
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
            last_position: 5,
            page: Some(2),
            heading: String::new(),
            text: "<script>".into(),
            words: None,
            meaning: None,
            ranking: None,
            is_whole: false,
            cited: false,
        }
    }

    #[test]
    fn citations_become_links_where_there_is_a_passage_of_that_number() {
        let sources = all(&[source(1, Some(7)), source(2, None)], &[]);
        let one = r#"<a class="citation" href="/documents/7?at=4&amp;to=5" title="a &quot;b&quot;.pdf, 2: &lt;script&gt;">[1]</a>"#;
        let check = |html: &str, expected: &str| assert_eq!(link(html, &sources), expected);
        check("<p>It is so [1].</p>", &format!("<p>It is so {one}.</p>"));
        check("<p>Both [1, 2]</p>", &format!("<p>Both {one} [2]</p>"));
        check("<p>[3] [1,3] [x] [] [1</p>", "<p>[3] [1,3] [x] [] [1</p>");
        check("<pre><code>a[1]</code></pre>", "<pre><code>a[1]</code></pre>");
        check(r#"<a href="[1]">[1]</a>[1]"#, &format!(r#"<a href="[1]">[1]</a>{one}"#));
    }

    #[test]
    fn what_an_answer_names_is_known() {
        assert!(names("so [1] and [2, 12]", 12));
        assert!(!names("so [1] and [2]", 12));
        assert!(!names("[", 1));
    }
}

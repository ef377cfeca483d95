//! Markdown, as models write it, to HTML that cannot do anything.
//!
//! Whatever leaves this crate has passed [`sanitise`] last: no script, no style, no event handler, no request to
//! another site. Raw HTML in the text is shown as text. Text, tables, lists, tasks, math (as MathML) and
//! highlighted code; one string for each top-level block, so that a growing text repaints only its end.

mod blocks;
mod code;
mod delimiters;
mod form;
mod math;
mod sanitise;

pub use form::{fenced, render_form};
pub use sanitise::sanitise;

use std::ops::Range;

/// Longer texts are shown as they are: nobody reads a megabyte of markdown, and it must not cost seconds.
pub const MAX_MARKDOWN_BYTES: usize = 400_000;

/// Renders a finished text.
pub fn render(markdown: &str) -> Vec<String> {
    BlockStream::default().update(markdown).1
}

/// Renders a growing text, each block once as long as its source stays the same.
#[derive(Debug, Default)]
pub struct BlockStream {
    done: Vec<Rendered>,
}

#[derive(Debug)]
struct Rendered {
    source: String,
    html: String,
}

impl BlockStream {
    /// Takes the whole text so far. Returns the first block that changed, and all blocks from there on.
    pub fn update(&mut self, markdown: &str) -> (usize, Vec<String>) {
        if markdown.len() > MAX_MARKDOWN_BYTES {
            return self.replace(0, vec![Rendered { source: String::new(), html: plain(markdown) }]);
        }
        let markdown = delimiters::to_dollars(markdown);
        let blocks = blocks::split(&markdown);
        let is_same =
            |(done, block): &(&Rendered, &blocks::Block<'_>)| done.source == markdown[block.range.clone()];
        let first = self.done.iter().zip(&blocks).take_while(is_same).count();
        let rendered = blocks.into_iter().skip(first).map(|block| render_block(&markdown, block)).collect();
        self.replace(first, rendered)
    }

    fn replace(&mut self, first: usize, rendered: Vec<Rendered>) -> (usize, Vec<String>) {
        self.done.truncate(first);
        let html = rendered.iter().map(|block| block.html.clone()).collect();
        self.done.extend(rendered);
        (first, html)
    }
}

fn render_block(markdown: &str, block: blocks::Block<'_>) -> Rendered {
    let range: Range<usize> = block.range.clone();
    Rendered { source: markdown[range].to_owned(), html: sanitise(&blocks::to_html(block)) }
}

fn plain(text: &str) -> String {
    sanitise(&format!("<pre><code>{}</code></pre>", escape(text)))
}

/// Text as HTML that shows it.
fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests;

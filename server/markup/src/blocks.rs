//! A text's top-level blocks, and each as HTML.

use crate::{code, math};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html::push_html};
use std::ops::Range;

/// Deeper nesting says nothing to a reader and costs the browser dearly.
const MAX_DEPTH: usize = 24;

/// One top-level block.
pub(crate) struct Block<'a> {
    pub(crate) range: Range<usize>,
    events: Vec<Event<'a>>,
}

/// Every top-level block, in order.
pub(crate) fn split(markdown: &str) -> Vec<Block<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut depth = 0_usize;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        if depth == 0 {
            blocks.push(Block { range: range.clone(), events: Vec::new() });
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        if let Some(block) = blocks.last_mut() {
            block.events.push(event);
        }
    }
    blocks
}

/// The block as HTML, not yet sanitised.
pub(crate) fn to_html(block: Block<'_>) -> String {
    let mut html = String::new();
    push_html(&mut html, Transform::default().run(block.events).into_iter());
    align_by_attribute(&mut html);
    html
}

/// Replaces what the plain renderer would do otherwise: code, math, raw HTML, images, too deep nesting.
#[derive(Default)]
struct Transform<'a> {
    out: Vec<Event<'a>>,
    /// Info string and text of the code block that is open.
    code: Option<(String, String)>,
    depth: usize,
}

impl<'a> Transform<'a> {
    fn run(mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        for event in events {
            self.take(event);
        }
        self.out
    }

    fn take(&mut self, event: Event<'a>) {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => self.code = Some((info(&kind), String::new())),
            Event::End(TagEnd::CodeBlock) => self.close_code(),
            Event::Text(text) => self.text(text),
            Event::Html(raw) | Event::InlineHtml(raw) => self.text(raw),
            Event::InlineMath(latex) => {
                self.out.push(Event::InlineHtml(math::to_mathml(&latex, false).into()))
            }
            Event::DisplayMath(latex) => {
                self.out.push(Event::InlineHtml(math::to_mathml(&latex, true).into()))
            }
            Event::TaskListMarker(done) => self.out.push(Event::InlineHtml(task_box(done).into())),
            Event::Start(Tag::HtmlBlock) => self.out.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => self.out.push(Event::End(TagEnd::Paragraph)),
            Event::Start(tag) => self.open(image_as_link(tag)),
            Event::End(TagEnd::Image) => self.close(TagEnd::Link),
            Event::End(tag) => self.close(tag),
            other => self.out.push(other),
        }
    }

    fn text(&mut self, text: CowStr<'a>) {
        match &mut self.code {
            Some((_, code)) => code.push_str(&text),
            None => self.out.push(Event::Text(text)),
        }
    }

    fn close_code(&mut self) {
        if let Some((info, code)) = self.code.take() {
            self.out.push(Event::Html(code::to_html(&info, &code).into()));
        }
    }

    fn open(&mut self, tag: Tag<'a>) {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            self.out.push(Event::Start(tag));
        }
    }

    fn close(&mut self, tag: TagEnd) {
        if self.depth <= MAX_DEPTH {
            self.out.push(Event::End(tag));
        }
        self.depth = self.depth.saturating_sub(1);
    }
}

fn info(kind: &CodeBlockKind<'_>) -> String {
    match kind {
        CodeBlockKind::Fenced(info) => info.to_string(),
        CodeBlockKind::Indented => String::new(),
    }
}

/// Showing a remote image would be a request nobody asked for.
fn image_as_link(tag: Tag<'_>) -> Tag<'_> {
    match tag {
        Tag::Image { dest_url, title, id, .. } => {
            Tag::Link { link_type: LinkType::Inline, dest_url, title, id }
        }
        other => other,
    }
}

/// Its name for those who hear the page is what the text has: the renderer knows no language.
fn task_box(done: bool) -> &'static str {
    if done {
        r#"<input type="checkbox" checked="" aria-label="[x]"> "#
    } else {
        r#"<input type="checkbox" aria-label="[ ]"> "#
    }
}

/// Columns are aligned by style, which pages do not allow; text never holds these quotes unescaped.
fn align_by_attribute(html: &mut String) {
    for side in ["right", "center"] {
        let style = format!(r#" style="text-align: {side}""#);
        if html.contains(&style) {
            *html = html.replace(&style, &format!(r#" align="{side}""#));
        }
    }
}

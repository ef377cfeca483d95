//! The branch that is shown, for people to read.

use crate::{Call, Transcript, Turn};
use base64::{Engine, prelude::BASE64_STANDARD};
use markup::render;
use types::{chat::Role, image::ImageKind, toolbox::Source};

/// What stands before what somebody said.
fn speaker(turn: &Turn) -> &str {
    match turn.role {
        Role::User => "You",
        Role::System => "System",
        Role::Tool => "Tool",
        Role::Assistant => turn.model.as_deref().unwrap_or("Assistant"),
    }
}

fn title(chat: &Transcript) -> &str {
    if chat.title.is_empty() { "Chat" } else { &chat.title }
}

/// As Markdown: a heading for the conversation and one for each turn.
pub fn write_markdown(chat: &Transcript) -> String {
    let mut out = format!("# {}\n", title(chat));
    for turn in chat.branch() {
        out.push_str(&format!("\n## {}\n\n", speaker(turn)));
        if let Some(reasoning) = &turn.reasoning {
            for line in reasoning.trim().lines() {
                out.push_str(format!("> {line}").trim_end());
                out.push('\n');
            }
            out.push('\n');
        }
        for call in &turn.calls {
            out.push_str(&format!("- `{}` {}\n", in_code(&call.name), told(call)));
            for (number, source) in call.numbered_sources() {
                out.push_str(&format!("  - [{number}] {} <{}>\n", in_line(&source.title), source.url));
            }
        }
        if !turn.calls.is_empty() {
            out.push('\n');
        }
        if let Some(with) = sent_with(turn) {
            out.push_str(&format!("*{with}*\n\n"));
        }
        out.push_str(turn.text.trim());
        out.push('\n');
    }
    out
}

/// What a turn was sent with, in one line.
fn sent_with(turn: &Turn) -> Option<String> {
    let names = turn.documents.iter().map(|name| in_line(name));
    let with: Vec<_> = names.chain(counted(&turn.images)).collect();
    (!with.is_empty()).then(|| format!("With {}", with.join(", ")))
}

/// How many images there are, in words.
fn counted(images: &[Vec<u8>]) -> Option<String> {
    match images.len() {
        0 => None,
        1 => Some("an image".to_owned()),
        n => Some(format!("{n} images")),
    }
}

/// What was called with what, and in one line what came of it.
fn told(call: &Call) -> String {
    let arguments = in_code(&call.arguments);
    let shown = Some(in_line(&call.shown)).filter(|shown| !shown.is_empty());
    let given: Vec<_> = shown.into_iter().chain(counted(&call.images)).collect();
    let end = match call.result {
        None => "interrupted".to_owned(),
        Some(_) if given.is_empty() => "nothing".to_owned(),
        Some(_) => given.join(", "),
    };
    format!("`{arguments}` → {end}")
}

fn in_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text that cannot end the code it stands in, in one line.
fn in_code(text: &str) -> String {
    in_line(text).replace('`', "'")
}

/// As text without marks.
pub fn write_text(chat: &Transcript) -> String {
    let mut out = format!("{}\n", title(chat));
    for turn in chat.branch() {
        out.push_str(&format!("\n{}:\n", speaker(turn)));
        if let Some(with) = sent_with(turn) {
            out.push_str(&format!("[{with}]\n"));
        }
        if let Some(reasoning) = &turn.reasoning {
            out.push_str(&format!("[Thought: {}]\n", reasoning.trim()));
        }
        for call in &turn.calls {
            out.push_str(&format!("[{} {}]\n", call.name, told(call).replace('`', "")));
            for (number, source) in call.numbered_sources() {
                out.push_str(&format!("[{number}] {} {}\n", in_line(&source.title), source.url));
            }
        }
        out.push_str(&format!("{}\n", turn.text.trim()));
    }
    out
}

/// The document's own look; it fetches nothing.
const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c1c22;background:#fff}\
article{margin:1.5rem 0}h2{font-size:.85rem;color:#666;margin:0 0 .25rem}.user>div{background:#f1f1f5;border-radius:10px;padding:.75rem 1rem;white-space:pre-wrap}\
details{color:#666;border-left:3px solid #ddd;padding-left:1rem}pre{overflow:auto;background:#f6f6f9;padding:.75rem;border-radius:6px}table{border-collapse:collapse}\
td,th{border:1px solid #ddd;padding:.3rem .6rem}img{max-width:100%}\
@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#17171b}.user>div,pre{background:#24242a}td,th,details{border-color:#3a3a42}h2,details{color:#a0a0aa}}";

/// As a page that stands alone: no scripts, nothing from elsewhere.
pub fn write_html(chat: &Transcript) -> String {
    let title = escaped(title(chat));
    let mut out = format!(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\
         <title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1>\n"
    );
    for turn in chat.branch() {
        out.push_str(&article(turn));
    }
    out.push_str("</body></html>\n");
    out
}

fn article(turn: &Turn) -> String {
    let speaker = escaped(speaker(turn));
    if turn.role != Role::Assistant {
        let text = escaped(turn.text.trim());
        let with = sent_with(turn).map(|with| format!("<p>{}</p>", escaped(&with))).unwrap_or_default();
        let images = images(&turn.images);
        return format!(
            "<article class=\"user\"><h2>{speaker}</h2>{with}{images}<div>{text}</div></article>\n"
        );
    }
    let thought = turn
        .reasoning
        .as_ref()
        .map(|thought| format!("<details><summary>Thought</summary>{}</details>", render(thought).concat()));
    let calls: String = turn.calls.iter().map(called).collect();
    let answer = render(&turn.text).concat();
    format!("<article><h2>{speaker}</h2>{}{calls}{answer}</article>\n", thought.unwrap_or_default())
}

/// The images themselves, but for those of no kind that is known.
fn images(files: &[Vec<u8>]) -> String {
    let image = |bytes: &Vec<u8>| {
        let kind = ImageKind::of(bytes)?.media_type();
        Some(format!("<img alt=\"\" src=\"data:{kind};base64,{}\">", BASE64_STANDARD.encode(bytes)))
    };
    files.iter().filter_map(image).collect()
}

fn called(call: &Call) -> String {
    let (name, told) = (escaped(&call.name), escaped(&told(call).replace('`', "")));
    let result = escaped(call.result.as_deref().unwrap_or_default());
    let (sources, images) = (sources(call), images(&call.images));
    format!("<details><summary>{name} {told}</summary><pre>{result}</pre>{sources}</details>{images}")
}

/// The pages that a call relied on, by the numbers that the answer cites.
fn sources(call: &Call) -> String {
    let item = |(number, source): (u32, &Source)| {
        let (url, title) = (escaped(&source.url), escaped(&source.title));
        format!("<li value=\"{number}\"><a rel=\"noreferrer\" href=\"{url}\">{title}</a></li>")
    };
    let items: String = call.numbered_sources().map(item).collect();
    if items.is_empty() { items } else { format!("<ol>{items}</ol>") }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

//! What a citation is of, shown beside it while it is pointed at or has the keyboard's focus.

use crate::{
    i18n::{DocumentsTexts, fill},
    pages::documents::api::documents,
    platform,
};
use leptos::{
    ev, html,
    prelude::*,
    task::spawn_local,
    wasm_bindgen::JsCast,
    web_sys::{Element, Event, HtmlElement},
};
use types::{
    document::{DocumentAct, DocumentReply},
    ids::DocumentId,
};

/// By which a citation names what describes it.
const ID: &str = "citation-preview";
/// Between it and the edges of the thread.
const EDGE_PX: i32 = 8;
/// What is shown of a passage that is looked up.
const TEXT_CHARS: usize = 240;

/// Stands in the thread, so that it moves with what it is beside.
pub(crate) fn previews() -> AnyView {
    let shown = Shown::new();
    shown.listen();
    Effect::new(move |_| {
        let citation = shown.citation.try_get_value().flatten();
        if let (Some(tooltip), Some(citation)) = (shown.tooltip.try_get().flatten(), citation) {
            place(&tooltip, &citation);
        }
    });
    let tooltip = move || {
        // When the page goes, the focus leaves a citation, and this runs once more after all it asks is gone.
        let Preview { head, text } = shown.preview.try_get().flatten()?;
        let text = (!text.is_empty())
            .then(|| view! { <p class="line-clamp-6 break-words whitespace-pre-line">{text}</p> });
        Some(view! {
            <div
                node_ref=shown.tooltip
                id=ID
                role="tooltip"
                class="absolute z-30 flex w-96 max-w-[calc(100%-16px)] flex-col gap-1 rounded-card border border-line bg-overlay px-3 py-2 text-sm shadow-float"
                data-testid="citation-preview"
            >
                <p class="font-medium break-words text-strong">{head}</p>
                {text}
            </div>
        })
    };
    tooltip.into_any()
}

/// What is shown of a citation.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Preview {
    /// The name, and the page.
    head: String,
    text: String,
}

impl Preview {
    /// From what a citation says without scripting: its name and page, then a line for its text.
    fn of(title: &str, page: Option<&str>, texts: &DocumentsTexts) -> Self {
        let (head, text) = title.split_once('\n').unwrap_or((title, ""));
        let head = match page {
            Some(page) => headed(head.strip_suffix(&format!(", {page}")).unwrap_or(head), page, texts),
            None => head.to_owned(),
        };
        Self { head, text: text.to_owned() }
    }
}

fn headed(name: &str, page: &str, texts: &DocumentsTexts) -> String {
    format!("{name} · {}", fill(texts.passage_page, "n", page))
}

/// The citation that is shown. Copy.
#[derive(Clone, Copy)]
struct Shown {
    citation: StoredValue<Option<HtmlElement>, LocalStorage>,
    /// The citation's title, which the browser would show over this.
    title: StoredValue<String>,
    /// It is shown since it has the keyboard's focus.
    is_focused: StoredValue<bool>,
    preview: RwSignal<Option<Preview>>,
    tooltip: NodeRef<html::Div>,
    texts: &'static DocumentsTexts,
}

impl Shown {
    fn new() -> Self {
        Self {
            citation: StoredValue::new_local(None),
            title: StoredValue::new(String::new()),
            is_focused: StoredValue::new(false),
            preview: RwSignal::new(None),
            tooltip: NodeRef::new(),
            texts: DocumentsTexts::here(),
        }
    }

    fn listen(self) {
        let pointed = window_event_listener(ev::pointerover, move |event| {
            // A finger follows the link.
            if event.pointer_type() != "touch" {
                self.look_at(&event, false);
            }
        });
        let focused = window_event_listener(ev::focusin, move |event| self.look_at(&event, true));
        let left = window_event_listener(ev::focusout, move |_| self.hide());
        on_cleanup(move || {
            pointed.remove();
            focused.remove();
            left.remove();
        });
        // Before others: it closes this, and does not stop an answer.
        let on_key = move |event: ev::KeyboardEvent| {
            if event.key() == "Escape" && self.preview.try_with_untracked(Option::is_some) == Some(true) {
                event.stop_propagation();
                self.hide();
            }
        };
        StoredValue::new_local(platform::keys_before_others(on_key));
    }

    /// Shows the citation that an event is about; what is shown stays while the pointer is over it, or the citation has the
    /// keyboard's focus.
    fn look_at(self, event: &Event, is_focus: bool) {
        let Some(target) = event.target().and_then(|it| it.dyn_into::<Element>().ok()) else { return };
        let within = |selector: &str| target.closest(selector).ok().flatten();
        match within("a.citation").and_then(|it| it.dyn_into::<HtmlElement>().ok()) {
            Some(citation) => self.show(citation, is_focus),
            None if within("#citation-preview").is_some() => {}
            None if is_focus || self.is_focused.try_get_value() == Some(false) => self.hide(),
            None => {}
        }
    }

    fn show(self, citation: HtmlElement, is_focus: bool) {
        match self.citation.try_get_value() {
            Some(shown) if shown.as_ref() != Some(&citation) => self.hide(),
            _ => return,
        }
        let title = citation.title();
        if title.is_empty() {
            return;
        }
        let page = citation.get_attribute("data-page");
        let preview = Preview::of(&title, page.as_deref(), self.texts);
        _ = citation.remove_attribute("title");
        _ = citation.set_attribute("aria-describedby", ID);
        let wanted = preview.text.is_empty().then(|| citation.get_attribute("href")).flatten();
        self.title.set_value(title);
        self.is_focused.set_value(is_focus);
        self.citation.set_value(Some(citation));
        if let Some(act) = wanted.as_deref().and_then(look_up) {
            self.fetch(act, preview.head.clone());
        }
        self.preview.set(Some(preview));
    }

    /// Of a whole document, the server knows where it says what the answer says.
    fn fetch(self, act: DocumentAct, name: String) {
        let citation = self.citation.get_value();
        spawn_local(async move {
            let Ok(DocumentReply::Read(page)) = documents(act).await else { return };
            let Some(passage) = page.passages.iter().find(|it| Some(it.position) == page.nearest) else {
                return;
            };
            // The chat may have been left, or another citation be looked at.
            if self.citation.try_get_value().is_none_or(|now| now.is_none() || now != citation) {
                return;
            }
            let head = passage.page.map_or(name.clone(), |page| headed(&name, &page.to_string(), self.texts));
            let text = passage.text.chars().take(TEXT_CHARS).collect();
            self.preview.set(Some(Preview { head, text }));
        });
    }

    /// A citation that goes with its page loses the focus when nothing of this is there any more.
    fn hide(self) {
        let Some(citation) = self.citation.try_get_value().flatten() else { return };
        _ = citation.remove_attribute("aria-describedby");
        citation.set_title(&self.title.try_get_value().unwrap_or_default());
        _ = self.citation.try_set_value(None);
        _ = self.preview.try_set(None);
    }
}

/// How a whole document is asked for where it is that a link leads.
fn look_up(href: &str) -> Option<DocumentAct> {
    let (document, sentence) = href.strip_prefix("/documents/")?.split_once("?for=")?;
    Some(DocumentAct::ReadFor {
        document: DocumentId(document.parse().ok()?),
        sentence: platform::decoded(sentence),
    })
}

/// Below the citation, or above it where there is more room.
fn place(tooltip: &HtmlElement, citation: &HtmlElement) {
    let Some(thread) = tooltip.offset_parent().and_then(|it| it.dyn_into::<HtmlElement>().ok()) else {
        return;
    };
    let (mut top, mut left) = (citation.offset_top(), citation.offset_left());
    let mut parent = citation.offset_parent().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    while let Some(element) = parent.filter(|it| *it != thread) {
        top += element.offset_top();
        left += element.offset_left();
        parent = element.offset_parent().and_then(|it| it.dyn_into::<HtmlElement>().ok());
    }
    let (width, height) = (tooltip.offset_width(), tooltip.offset_height());
    let below = top + citation.offset_height();
    let end = thread.parent_element().map_or(i32::MAX, |it| it.scroll_top() + it.client_height());
    let top = if below + height > end && top > height { top - height } else { below };
    let left = left.min(thread.offset_width() - width - EDGE_PX).max(EDGE_PX);
    let style = tooltip.style();
    _ = style.set_property("top", &format!("{top}px"));
    _ = style.set_property("left", &format!("{left}px"));
}

#[cfg(test)]
mod tests {
    use super::{Preview, look_up};
    use crate::i18n::{DocumentsTexts, Locale};
    use types::{document::DocumentAct, ids::DocumentId};

    #[test]
    fn a_preview_has_a_name_a_page_and_the_passage() {
        let texts = DocumentsTexts::of(Locale::En);
        let check = |title: &str, page: Option<&str>, head: &str, text: &str| {
            let expected = Preview { head: head.to_owned(), text: text.to_owned() };
            assert_eq!(Preview::of(title, page, texts), expected);
        };
        check("a, 2.pdf, 2\nWhale\noil", Some("2"), "a, 2.pdf · Page 2", "Whale\noil");
        check("a.txt\nOil", None, "a.txt", "Oil");
        check("whole.pdf", None, "whole.pdf", "");
    }

    #[test]
    fn only_whole_documents_are_looked_up() {
        let wanted = DocumentAct::ReadFor { document: DocumentId(7), sentence: "Oil".to_owned() };
        assert_eq!(look_up("/documents/7?for=Oil"), Some(wanted));
        assert_eq!(look_up("/documents/7?at=4&to=5"), None);
        assert_eq!(look_up("https://wells.test/a?for=Oil"), None);
    }
}

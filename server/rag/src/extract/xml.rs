//! XML as a stream of few things. Entities of the document's own are not resolved: nothing can blow up.

use super::Unreadable;
use quick_xml::{Reader, events::Event};

/// What comes next. Names are without their prefixes.
pub(super) enum Xml<'a> {
    Open(&'a Tag<'a>),
    Close(&'a str),
    Text(&'a str),
}

/// An element that begins.
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    attributes: Vec<(String, String)>,
}

impl Tag<'_> {
    /// An attribute, by its name without prefix.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Likewise, the last of those that differ in their prefixes only.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        self.attributes.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Tells `on` of everything in `text`.
pub(super) fn walk(text: &str, mut on: impl FnMut(Xml<'_>)) -> Result<(), Unreadable> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // What is not closed is closed by whoever listens.
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event().map_err(Unreadable::broken)? {
            Event::Start(start) => open(&start, &mut on),
            Event::Empty(start) => {
                open(&start, &mut on);
                on(Xml::Close(start.local_name().as_ref()));
            }
            Event::End(end) => on(Xml::Close(end.local_name().as_ref())),
            Event::Text(text) => on(Xml::Text(&text.xml10_content())),
            Event::CData(text) => on(Xml::Text(&text.xml10_content())),
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref() {
                    Ok(Some(character)) => character.to_string(),
                    _ => named(&reference).to_owned(),
                };
                on(Xml::Text(&resolved));
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn open(start: &quick_xml::events::BytesStart<'_>, on: &mut impl FnMut(Xml<'_>)) {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    let attributes = attributes.flatten().map(|attribute| {
        let value = quick_xml::escape::unescape(&attribute.value);
        let value = value.map_or_else(|_| attribute.value.to_string(), |value| value.into_owned());
        (attribute.key.local_name().as_ref().to_owned(), value)
    });
    let attributes = attributes.collect();
    let name = start.local_name();
    on(Xml::Open(&Tag { name: name.as_ref(), attributes }));
}

fn named(reference: &str) -> &'static str {
    match reference {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        "nbsp" => " ",
        _ => "",
    }
}

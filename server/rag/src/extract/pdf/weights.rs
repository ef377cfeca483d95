//! Which strings of a page are in bold. The library says where a glyph stands and not which font it is of, but it shows the strings of a
//! page in their order: so they are gone through once more, and counted. What cannot be followed is not bold.

use pdf_extract::{Dictionary, Document, Object, ObjectId, content::Content};

/// What fonts in bold have in their names, in whatever case.
const BOLD: [&str; 4] = ["bold", "black", "heavy", "demi"];
/// How deep drawings may be in drawings, and pages in lists of pages.
const MOST_DEPTH: usize = 8;
const MOST_STRINGS: usize = 400_000;

/// Of each string that the page shows, whether it is in bold; nothing where none is, or where that cannot be told.
pub(super) fn of(document: &Document, page: ObjectId) -> Vec<bool> {
    let Ok(fonts) = document.get_page_fonts(page) else { return Vec::new() };
    if !fonts.values().any(|font| is_bold(document, font)) {
        return Vec::new();
    }
    let (Some(resources), Ok(content)) = (resources(document, page), document.get_page_content(page)) else {
        return Vec::new();
    };
    let mut walk = Walk { document, shown: Vec::new() };
    match walk.through(&content, resources, 0) {
        Some(()) => walk.shown,
        None => Vec::new(),
    }
}

/// Those of the page, or of the list that it is in.
fn resources(document: &Document, page: ObjectId) -> Option<&Dictionary> {
    let mut node = document.get_dictionary(page).ok()?;
    for _ in 0..MOST_DEPTH {
        if let Ok(found) = node.get_deref(b"Resources", document) {
            return found.as_dict().ok();
        }
        node = node.get_deref(b"Parent", document).ok()?.as_dict().ok()?;
    }
    None
}

fn is_bold(document: &Document, font: &Dictionary) -> bool {
    let Ok(name) = font.get_deref(b"BaseFont", document).and_then(Object::as_name) else { return false };
    let name = String::from_utf8_lossy(name).to_lowercase();
    BOLD.iter().any(|word| name.contains(*word))
}

struct Walk<'a> {
    document: &'a Document,
    shown: Vec<bool>,
}

impl<'a> Walk<'a> {
    /// `None` where something is not as it should be, or there is too much of it.
    fn through(&mut self, content: &[u8], resources: &'a Dictionary, depth: usize) -> Option<()> {
        let content = Content::decode(content).ok()?;
        let mut is_bold = false;
        let mut outer = Vec::new();
        for operation in &content.operations {
            let operand = operation.operands.first();
            match operation.operator.as_str() {
                "q" => outer.push(is_bold),
                "Q" => is_bold = outer.pop().unwrap_or(is_bold),
                "Tf" => is_bold = self.is_bold(resources, operand?.as_name().ok()?),
                "Tj" => self.shown.push(is_bold),
                "TJ" => {
                    let shown = operand?.as_array().ok()?.iter();
                    let strings = shown.filter(|it| matches!(it, Object::String(..)));
                    self.shown.extend(strings.map(|_| is_bold));
                }
                "Do" => self.through_drawing(operand?.as_name().ok()?, resources, depth)?,
                _ => {}
            }
            if self.shown.len() > MOST_STRINGS {
                return None;
            }
        }
        Some(())
    }

    /// A drawing in a page or in another one.
    fn through_drawing(&mut self, name: &[u8], resources: &'a Dictionary, depth: usize) -> Option<()> {
        if depth >= MOST_DEPTH {
            return None;
        }
        let document = self.document;
        let drawings = resources.get_deref(b"XObject", document).ok()?.as_dict().ok()?;
        let drawing = drawings.get_deref(name, document).ok()?.as_stream().ok()?;
        let own = drawing.dict.get_deref(b"Resources", document).ok().and_then(|it| it.as_dict().ok());
        let content = drawing.decompressed_content().unwrap_or_else(|_| drawing.content.clone());
        self.through(&content, own.unwrap_or(resources), depth + 1)
    }

    fn is_bold(&self, resources: &'a Dictionary, name: &[u8]) -> bool {
        let document = self.document;
        let fonts = resources.get_deref(b"Font", document).and_then(Object::as_dict);
        let font = fonts.and_then(|fonts| fonts.get_deref(name, document)).and_then(Object::as_dict);
        font.is_ok_and(|font| is_bold(document, font))
    }
}

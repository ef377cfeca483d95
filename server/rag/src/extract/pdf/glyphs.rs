//! What the PDF library says of every glyph, as glyphs on baselines that run from left to right.

use super::layout::{Glyph, N_TURNS, Page, Part};
use pdf_extract::{MediaBox, OutputDev, OutputError, Transform};

/// How much longer than the other a direction is, to count as the only one.
const CLEARLY: f64 = 5.0;
/// No glyph is wider, in its size.
const WIDEST: f64 = 4.0;
/// Which turn text has that runs along neither side of the page.
const SLANTED: usize = N_TURNS - 1;

/// Collects one page.
#[derive(Default)]
pub(super) struct Collector {
    page: Page,
    goes_on: bool,
    /// Of each string, whether it is in bold.
    bold: Vec<bool>,
    /// Strings that have begun.
    n_strings: usize,
}

impl Collector {
    /// A page whose strings are in bold as `bold` says, which is told in their order.
    pub(super) fn new(bold: Vec<bool>) -> Self {
        Self { bold, ..Self::default() }
    }

    /// What the page says.
    pub(super) fn into_parts(mut self) -> Vec<Part> {
        // Whoever told which strings are in bold saw other ones than there were.
        if self.n_strings != self.bold.len() {
            self.page.forget_weights();
        }
        self.page.into_parts()
    }

    fn is_bold(&self) -> bool {
        let string = self.n_strings.checked_sub(1).and_then(|nth| self.bold.get(nth));
        string.is_some_and(|is_bold| *is_bold)
    }
}

impl OutputDev for Collector {
    fn begin_page(
        &mut self,
        _page: u32,
        _media_box: &MediaBox,
        _art_box: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        text: &str,
    ) -> Result<(), OutputError> {
        let is_bold = self.is_bold();
        self.page.push(&Glyph { is_bold, ..glyph(place, width, font_size, text, self.goes_on) });
        self.goes_on = true;
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.goes_on = false;
        self.n_strings += 1;
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Turned so that its baseline runs to the right and the line before is above. Whether what the library says makes sense
/// is looked at later.
fn glyph<'a>(place: &Transform, width: f64, font_size: f64, text: &'a str, goes_on: bool) -> Glyph<'a> {
    let (dx, dy) = (place.m11 * font_size, place.m12 * font_size);
    let length = dx.hypot(dy);
    let area = (place.m11 * place.m22 - place.m12 * place.m21) * font_size * font_size;
    // Of a leaning type the height counts, not the length of its stems.
    let size = area.abs() / length;
    let is_mirrored = area < 0.0;
    let (x, y) = (place.m31, place.m32);
    let (turn, x, y) = if dx.abs() >= CLEARLY * dy.abs() {
        match (dx >= 0.0, is_mirrored) {
            (true, _) => (0, x, y),
            (false, false) => (1, -x, -y),
            (false, true) => (1, -x, y),
        }
    } else if dy.abs() >= CLEARLY * dx.abs() {
        let flip = if is_mirrored { -1.0 } else { 1.0 };
        if dy >= 0.0 { (2, y, -x * flip) } else { (3, -y, x * flip) }
    } else {
        let (along_x, along_y) = (dx / length, dy / length);
        let up = if is_mirrored { -1.0 } else { 1.0 };
        (SLANTED, x * along_x + y * along_y, up * (y * along_x - x * along_y))
    };
    let most = WIDEST * size * text.chars().count().max(1) as f64;
    let advance = (width * length).clamp(0.0, most.max(0.0));
    Glyph { turn, x, end: x + advance, y, size, text, goes_on, is_bold: false }
}

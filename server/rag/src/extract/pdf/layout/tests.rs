use super::{Glyph, N_TURNS, Page, Part};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Where a glyph may claim to be.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 0.0..600.0,
        1 => -1e5..1e5,
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e300), Just(0.0), Just(-0.0)],
    ]
}

type Place = (f64, f64, f64, f64, usize, bool);

fn place() -> impl Strategy<Value = Place> {
    let size = prop_oneof![6 => Just(10.0), 2 => 1.0..50.0, 1 => number()];
    (number(), number(), number(), size, 0..N_TURNS, any::<bool>())
}

fn text_of(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Paragraph { text, .. } => text.clone(),
        Part::Table { rows, .. } => rows.concat().join(" "),
    };
    parts.iter().map(text).collect::<Vec<_>>().join("\n")
}

fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).collect();
    letters.sort_unstable();
    letters
}

proptest! {
    #[test]
    fn no_letter_is_lost_wherever_it_stands(places in prop::collection::vec(place(), 0..120)) {
        let mut page = Page::default();
        let mut expected = String::new();
        // Each is another one: what is printed twice is there once.
        for ((x, y, width, size, turn, goes_on), letter) in places.into_iter().zip('\u{4e00}'..) {
            let text = letter.to_string();
            page.push(&Glyph { turn, x, end: x + width, y, size, text: &text, goes_on, is_bold: false });
            expected.push(letter);
        }
        prop_assert_eq!(letters(&text_of(&page.into_parts())), letters(&expected));
    }

    #[test]
    fn rows_of_a_table_have_as_many_cells_each(cells in prop::collection::vec((0..6_u8, 0..12_u8, 1..40_usize), 0..60)) {
        let mut page = Page::default();
        for (column, row, length) in cells {
            let (x, y) = (f64::from(column) * 100.0, f64::from(row) * -12.0);
            let end = x + 5.0 * length as f64;
            let text = "x".repeat(length);
            page.push(&Glyph { turn: 0, x, end, y, size: 10.0, text: &text, goes_on: false, is_bold: false });
        }
        for part in page.into_parts() {
            if let Part::Table { rows, .. } = part {
                let n = rows[0].len();
                prop_assert!(n > 1 && rows.iter().all(|row| row.len() == n), "{rows:?}");
            }
        }
    }
}

/// A page of a million glyphs is read in a time that a person waits.
#[track_caller]
fn check_time(place: impl Fn(usize) -> (f64, f64, f64)) {
    let begun = Instant::now();
    let mut page = Page::default();
    for nth in 0..1_000_000 {
        let (x, y, size) = place(nth);
        let end = x + size / 2.0;
        page.push(&Glyph { turn: 0, x, end, y, size, text: "x", goes_on: false, is_bold: false });
    }
    page.into_parts();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn millions_of_glyphs_take_no_longer_for_where_they_stand() {
    check_time(|_| (0.0, 0.0, 10.0));
    check_time(|nth| (nth as f64 % 1000.0 * 20.0, -(nth as f64) / 1000.0, 10.0));
    check_time(|nth| (nth as f64 * 0.9, 0.0, 0.1));
    check_time(|nth| ((nth % 2) as f64 * 300.0, nth as f64 * -0.1, 10.0));
    check_time(|nth| ((nth % 64) as f64 * 20.0, (nth / 64) as f64 * -10.0, 10.0));
    check_time(|nth| {
        (nth as f64 * 7919.0 % 1000.0, nth as f64 * 104_729.0 % 100_000.0, 1.0 + (nth % 97) as f64)
    });
}

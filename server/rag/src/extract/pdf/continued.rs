//! Tables that go on over pages: each part begins with the head, so that it says what its columns are.

use super::layout::{Part, Span};

/// Of tables with fewer columns the first row is as often a row like the others.
const FEWEST_COLUMNS: usize = 3;
/// Longer is no name of a column.
const MOST_CHARS: usize = 60;
/// Columns that are nearer begin, end or are centred at the same place.
const NEAR: f64 = 6.0;

/// A table that a page ends with.
struct Open {
    page: u32,
    /// None where its first row may be one like the others.
    head: Option<Vec<String>>,
    columns: Vec<Span>,
}

/// Puts its head above each part of a table that begins a page where the page before ends with the same columns.
pub(super) fn repeat_heads(pages: &mut [(u32, Vec<Part>)]) {
    let mut open: Option<Open> = None;
    for (page, parts) in pages {
        let above = open.take().filter(|open| open.page + 1 == *page);
        let is_alone = parts.len() == 1;
        let mut is_headless = false;
        if let Some(above) = above
            && let Some(Part::Table { rows, columns }) = parts.first_mut()
            && agree(&above.columns, columns)
        {
            match above.head {
                // It has one of its own, which may be another table's.
                Some(_) if rows.first().is_some_and(|row| is_named(row)) => {}
                Some(head) => rows.insert(0, head),
                None => is_headless = is_alone,
            }
        }
        if let Some(Part::Table { rows, columns }) = parts.last() {
            let head = if is_headless { None } else { head_of(rows) };
            open = Some(Open { page: *page, head, columns: columns.clone() });
        }
    }
}

/// The first row, where every column has a name in it and none has a number, and all rows below it have one.
fn head_of(rows: &[Vec<String>]) -> Option<Vec<String>> {
    let (row, others) = rows.split_first()?;
    let has_number = |row: &Vec<String>| row.iter().any(|cell| cell.chars().any(|c| c.is_ascii_digit()));
    let is_head = is_named(row) && !others.is_empty() && others.iter().all(has_number);
    is_head.then(|| row.clone())
}

fn is_named(row: &[String]) -> bool {
    row.len() >= FEWEST_COLUMNS && row.iter().all(|cell| is_name(cell))
}

fn is_name(cell: &str) -> bool {
    cell.chars().any(char::is_alphabetic)
        && !cell.chars().any(|c| c.is_ascii_digit())
        && cell.chars().count() <= MOST_CHARS
}

/// Whether these are the same columns.
fn agree(above: &[Span], below: &[Span]) -> bool {
    let is_near = |a: f64, b: f64| (a - b).abs() <= NEAR;
    let is_same = |(a, b): (&Span, &Span)| {
        is_near(a.0, b.0) || is_near(a.1, b.1) || is_near(a.0.midpoint(a.1), b.0.midpoint(b.1))
    };
    above.len() == below.len() && above.iter().zip(below).all(is_same)
}

//! Spreadsheets: a sheet is a page with a heading and a table.

use super::{Block, BlockKind, Flow, MAX_TEXT_BYTES, Unreadable, unzip::Archive};
use calamine::{Data, ExcelDateTime, Ods, Reader, Sheets, Xls, Xlsb, Xlsx};
use std::io::Cursor;

/// Cells of a sheet, the empty ones within it too: each takes memory.
const MAX_CELLS: usize = 10_000_000;

/// All sheets in their order.
pub(super) fn read(bytes: &[u8]) -> Result<(u32, Vec<Block>), Unreadable> {
    let mut book = open(bytes)?;
    let names = book.sheet_names();
    let mut flow = Flow::default();
    let mut n_bytes = 0;
    for (page, name) in (1..).zip(&names) {
        // Charts and macros are sheets that are no tables.
        let Ok(range) = book.worksheet_range(name) else { continue };
        if range.get_size().0.saturating_mul(range.get_size().1) > MAX_CELLS {
            return Err(Unreadable::TooMuchText);
        }
        flow.page = Some(page);
        flow.push(name);
        flow.end(BlockKind::Heading(1));
        flow.open_table();
        for row in range.rows() {
            let last = row.iter().rposition(|cell| !matches!(cell, Data::Empty));
            for cell in row.iter().take(last.map_or(0, |last| last + 1)) {
                let cell = shown(cell);
                n_bytes += cell.len();
                flow.push(&cell);
                flow.end_cell();
            }
            flow.end_row();
            if n_bytes > 2 * MAX_TEXT_BYTES {
                break;
            }
        }
        flow.close_table();
    }
    Ok((names.len().try_into().unwrap_or(u32::MAX), flow.finish()))
}

/// By what it is, so that what is wrong with it is said of that.
fn open(bytes: &[u8]) -> Result<Sheets<Cursor<&[u8]>>, Unreadable> {
    let file = Cursor::new(bytes);
    if !bytes.starts_with(b"PK") {
        return Xls::new(file).map(Sheets::Xls).map_err(unreadable);
    }
    let mut archive = Archive::open(bytes)?;
    archive.check_all()?;
    if archive.has("xl/workbook.xml") {
        return Xlsx::new(file).map(Sheets::Xlsx).map_err(unreadable);
    }
    if archive.has("xl/workbook.bin") {
        return Xlsb::new(file).map(Sheets::Xlsb).map_err(unreadable);
    }
    Ods::new(file).map(Sheets::Ods).map_err(unreadable)
}

/// As a person would read it.
fn shown(cell: &Data) -> String {
    match cell {
        Data::DateTime(span) if span.is_duration() => hours(span.as_f64()),
        Data::DateTime(date) => moment(date),
        cell => cell.to_string(),
    }
}

/// A day, a time of it, or both.
fn moment(date: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
    let day = format!("{year:04}-{month:02}-{day:02}");
    let time = format!("{hour:02}:{minute:02}:{second:02}");
    if date.as_f64() < 1.0 {
        // Before the first day there is: of whatever day.
        time
    } else if (hour, minute, second) == (0, 0, 0) {
        day
    } else {
        format!("{day} {time}")
    }
}

/// So many days in hours, which may be more than a day has.
fn hours(days: f64) -> String {
    let sign = if days < 0.0 { "-" } else { "" };
    // A cast of a float saturates.
    let seconds = (days.abs() * 86_400.0).round() as u64;
    format!("{sign}{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn unreadable(err: impl std::fmt::Display) -> Unreadable {
    let sentence = err.to_string();
    if sentence.to_lowercase().contains("password") {
        Unreadable::Encrypted
    } else {
        Unreadable::broken(sentence)
    }
}

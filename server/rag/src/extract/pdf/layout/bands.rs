//! Rows through which the same gaps run: columns of text, or a table.

use super::{
    Piece, Span,
    rows::{Row, text_of},
};

/// The narrowest gap between columns, in the size of the type.
const GUTTER: f64 = 0.8;
/// Two columns are only taken for a table where they are far apart.
const TABLE_GUTTER: f64 = 2.0;
/// Gaps of one row that are looked at.
const MOST_GAPS: usize = 32;
/// So far below, in the size of the type, something else begins.
const FAR_BELOW: f64 = 6.0;
/// Lines and average characters of a column of prose.
const PROSE_LINES: usize = 4;
const PROSE_CHARS: usize = 20;
/// At most so many characters on average are the marks of a list, or the numbers of lines.
const MARK_CHARS: usize = 4;
/// Rows of a table with two columns, and with more.
const ROWS_OF_TWO: usize = 3;
const ROWS_OF_MORE: usize = 2;
/// A line of a cell is nearer to the one above than rows are.
const NEARER: f64 = 0.75;

/// Rows that belong together.
pub(super) enum Band<'a> {
    Plain(Vec<Row<'a>>),
    /// From left to right.
    Columns(Vec<Vec<&'a Piece>>),
    Table {
        rows: Vec<Vec<String>>,
        columns: Vec<Span>,
    },
}

/// A gap between pieces; infinite where nothing stands on a side.
type Gap = (f64, f64);

/// The bands of these rows, from the top.
pub(super) fn of(rows: Vec<Row<'_>>, may_have_columns: bool) -> Vec<Band<'_>> {
    let mut bands = Vec::new();
    let mut open = Open::default();
    for row in rows {
        if !open.takes(&row) {
            std::mem::take(&mut open).end(may_have_columns, &mut bands);
        }
        open.take(row);
    }
    open.end(may_have_columns, &mut bands);
    bands
}

#[derive(Default)]
struct Open<'a> {
    rows: Vec<Row<'a>>,
    gaps: Vec<Gap>,
}

impl<'a> Open<'a> {
    fn takes(&self, row: &Row<'_>) -> bool {
        let Some(last) = self.rows.last() else { return true };
        let is_far = last.y - row.y > FAR_BELOW * last.size.max(row.size);
        !is_far && between(&self.gaps, &gaps(row), GUTTER * row.size).iter().any(is_inside)
    }

    fn take(&mut self, row: Row<'a>) {
        let its = gaps(&row);
        self.gaps = if self.rows.is_empty() { its } else { between(&self.gaps, &its, GUTTER * row.size) };
        self.rows.push(row);
    }

    fn end(self, may_have_columns: bool, bands: &mut Vec<Band<'a>>) {
        if self.rows.is_empty() {
            return;
        }
        let inside: Vec<Gap> = self.gaps.into_iter().filter(is_inside).collect();
        let grid = Grid::of(self.rows, inside);
        if grid.gutters.is_empty() {
            bands.push(Band::Plain(grid.into_rows()));
        } else if may_have_columns && grid.is_columns() {
            bands.push(Band::Columns(grid.into_columns()));
        } else if grid.is_table() {
            grid.into_table(bands);
        } else {
            bands.push(Band::Plain(grid.into_rows()));
        }
    }
}

fn is_inside(gap: &Gap) -> bool {
    gap.0.is_finite() && gap.1.is_finite()
}

/// From left to right, with those at both ends.
fn gaps(row: &Row<'_>) -> Vec<Gap> {
    let mut gaps = vec![(f64::NEG_INFINITY, row.x())];
    let mut end = row.x();
    for piece in &row.pieces {
        if piece.x - end >= GUTTER * row.size && gaps.len() < MOST_GAPS {
            gaps.push((end, piece.x));
        }
        end = end.max(piece.end);
    }
    gaps.push((end, f64::INFINITY));
    gaps
}

/// What both have, as far as it is wide enough.
fn between(a: &[Gap], b: &[Gap], narrowest: f64) -> Vec<Gap> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(one), Some(other)) = (a.get(i), b.get(j)) {
        let (from, to) = (one.0.max(other.0), one.1.min(other.1));
        if to - from >= narrowest {
            both.push((from, to));
        }
        if one.1 < other.1 { i += 1 } else { j += 1 }
    }
    both
}

/// Rows with the gaps between their columns.
struct Grid<'a> {
    rows: Vec<Row<'a>>,
    /// For every row, where its cells begin among its pieces; one more than there are columns.
    cells: Vec<Vec<usize>>,
    gutters: Vec<Gap>,
}

impl<'a> Grid<'a> {
    fn of(rows: Vec<Row<'a>>, gutters: Vec<Gap>) -> Self {
        let mut grid = Self { rows, cells: Vec::new(), gutters };
        loop {
            grid.place();
            // What stands beside one row alone makes no column.
            let Some(lonely) = (0..grid.n_columns()).find(|column| grid.n_filled(*column) < 2) else {
                return grid;
            };
            if grid.gutters.is_empty() {
                return grid;
            }
            grid.gutters.remove(lonely.saturating_sub(1));
        }
    }

    fn place(&mut self) {
        let gutters = &self.gutters;
        let begin = |row: &Row<'_>| {
            let mut begins = vec![0];
            begins.extend(gutters.iter().map(|gap| row.pieces.partition_point(|piece| piece.x < gap.1)));
            begins.push(row.pieces.len());
            begins
        };
        self.cells = self.rows.iter().map(begin).collect();
    }

    fn n_columns(&self) -> usize {
        self.gutters.len() + 1
    }

    fn cell(&self, row: usize, column: usize) -> &[&'a Piece] {
        let begins = &self.cells[row];
        &self.rows[row].pieces[begins[column]..begins[column + 1]]
    }

    fn is_filled(&self, row: usize, column: usize) -> bool {
        !self.cell(row, column).is_empty()
    }

    fn n_filled(&self, column: usize) -> usize {
        (0..self.rows.len()).filter(|row| self.is_filled(*row, column)).count()
    }

    /// Cells of a row that have something.
    fn n_cells(&self, row: usize) -> usize {
        (0..self.n_columns()).filter(|column| self.is_filled(row, *column)).count()
    }

    /// On average, where there are any.
    fn n_chars(&self, column: usize) -> usize {
        let cells = (0..self.rows.len()).flat_map(|row| self.cell(row, column));
        let n: usize = cells.map(|piece| piece.text.chars().count() + 1).sum();
        n / self.n_filled(column).max(1)
    }

    /// Lines of prose beside each other, or what the file writes column by column.
    fn is_columns(&self) -> bool {
        let is_prose = |column| self.n_filled(column) >= PROSE_LINES && self.n_chars(column) >= PROSE_CHARS;
        (0..self.n_columns()).all(is_prose) || self.is_written_by_columns()
    }

    fn is_written_by_columns(&self) -> bool {
        let mut last = 0;
        (0..self.n_columns()).all(|column| {
            let places = (0..self.rows.len()).flat_map(|row| self.cell(row, column)).map(|piece| piece.nth);
            let (first, end) = places.fold((usize::MAX, 0), |(a, b), nth| (a.min(nth), b.max(nth)));
            let is_after = first > last;
            last = end;
            is_after
        })
    }

    fn is_table(&self) -> bool {
        let n_with = |n: usize| (0..self.rows.len()).filter(|row| self.n_cells(*row) >= n).count();
        if self.n_columns() > 2 {
            return n_with(3) >= ROWS_OF_MORE;
        }
        let size = self.rows.iter().map(|row| row.size).fold(0.0, f64::max);
        let is_wide = self.gutters.iter().all(|gap| gap.1 - gap.0 >= TABLE_GUTTER * size);
        let n_whole = n_with(2);
        let is_list = self.n_chars(0) <= MARK_CHARS + 1 && self.n_chars(1) >= PROSE_CHARS;
        is_wide && n_whole >= ROWS_OF_TWO && 2 * n_whole >= self.rows.len() && !is_list
    }

    fn into_rows(self) -> Vec<Row<'a>> {
        self.rows
    }

    fn into_columns(self) -> Vec<Vec<&'a Piece>> {
        let column = |column| (0..self.rows.len()).flat_map(|row| self.cell(row, column)).copied().collect();
        (0..self.n_columns()).map(column).collect()
    }

    /// Lines above and below that have one cell only are no rows of it.
    fn into_table(mut self, bands: &mut Vec<Band<'a>>) {
        let n_rows = self.rows.len();
        let first = (0..n_rows).find(|row| self.n_cells(*row) > 1).unwrap_or(0);
        let pitch = self.pitch();
        let mut last = (0..n_rows).rev().find(|row| self.n_cells(*row) > 1).unwrap_or(n_rows - 1);
        while last + 1 < n_rows && self.goes_on(last + 1, pitch) {
            last += 1;
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in first..=last {
            let cells = (0..self.n_columns()).map(|column| text_of(self.cell(row, column)));
            match rows.last_mut() {
                Some(above) if self.goes_on(row, pitch) => {
                    for (whole, more) in above.iter_mut().zip(cells).filter(|(_, more)| !more.is_empty()) {
                        if !whole.is_empty() {
                            whole.push(' ');
                        }
                        whole.push_str(&more);
                    }
                }
                _ => rows.push(cells.collect()),
            }
        }
        let columns = (0..self.n_columns()).map(|column| self.span(column, first, last)).collect();
        let below = self.rows.split_off(last + 1);
        self.rows.truncate(first);
        bands.push(Band::Plain(self.rows));
        bands.push(Band::Table { rows, columns });
        bands.push(Band::Plain(below));
    }

    /// Where a column stands in these rows.
    fn span(&self, column: usize, first: usize, last: usize) -> Span {
        let pieces = (first..=last).flat_map(|row| self.cell(row, column));
        pieces.fold((f64::INFINITY, f64::NEG_INFINITY), |(begin, end), piece| {
            (begin.min(piece.x), end.max(piece.end))
        })
    }

    /// How far apart its rows are at most.
    fn pitch(&self) -> f64 {
        self.rows.windows(2).map(|pair| pair[0].y - pair[1].y).fold(0.0, f64::max)
    }

    /// Whether a row is another line of the cells above.
    fn goes_on(&self, row: usize, pitch: f64) -> bool {
        let Some(above) = row.checked_sub(1) else { return false };
        let is_near = self.rows[above].y - self.rows[row].y <= NEARER * pitch;
        is_near && !self.is_filled(row, 0) && self.n_cells(row) <= self.n_cells(above)
    }
}

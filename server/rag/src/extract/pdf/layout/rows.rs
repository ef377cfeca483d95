//! Pieces that stand on one baseline.

use super::{OVERLAP, Piece, WORD_GAP};

/// How far from a row's baseline a piece of it may be, in the larger one's size: what is raised or lowered belongs to it.
const RISE: f64 = 0.5;
/// Type that is so much larger than the row's is something else, such as a mark across the page, unless it stands
/// on the same baseline.
const OTHER_SIZE: f64 = 2.0;
const SAME_BASELINE: f64 = 0.2;
/// How many rows a piece may belong to: rows of different sizes are mixed from top to bottom.
const MOST_OPEN: usize = 4;
/// Printed twice to look bold.
const TWICE: f64 = 0.3;

/// A row, from left to right.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) pieces: Vec<&'a Piece>,
    /// Of its largest piece.
    pub(super) y: f64,
    pub(super) size: f64,
}

impl<'a> Row<'a> {
    fn begin(piece: &'a Piece) -> Self {
        Self { pieces: vec![piece], y: piece.y, size: piece.size }
    }

    fn takes(&self, piece: &Piece) -> bool {
        let (large, small) = (self.size.max(piece.size), self.size.min(piece.size));
        let most = if large <= OTHER_SIZE * small { RISE * large } else { SAME_BASELINE * small };
        (self.y - piece.y).abs() <= most
    }

    fn take(&mut self, piece: &'a Piece) {
        if piece.size > self.size {
            (self.size, self.y) = (piece.size, piece.y);
        }
        self.pieces.push(piece);
    }

    fn order(&mut self) {
        self.pieces.sort_by(|a, b| a.x.total_cmp(&b.x));
        self.pieces.dedup_by(|again, first| {
            let near = TWICE * first.size;
            again.text == first.text && (again.x - first.x).abs() <= near && (again.y - first.y).abs() <= near
        });
    }

    pub(super) fn x(&self) -> f64 {
        self.pieces.first().map_or(0.0, |piece| piece.x)
    }

    pub(super) fn end(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.end).fold(self.x(), f64::max)
    }

    pub(super) fn widest_gap(&self) -> f64 {
        let (mut widest, mut end) = (0.0_f64, self.x());
        for piece in &self.pieces {
            widest = widest.max(piece.x - end);
            end = end.max(piece.end);
        }
        widest
    }
}

/// The rows of these pieces, from the top.
pub(super) fn of(mut pieces: Vec<&Piece>) -> Vec<Row<'_>> {
    pieces.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.nth.cmp(&b.nth)));
    let mut rows: Vec<Row<'_>> = Vec::new();
    for piece in pieces {
        let first_open = rows.len().saturating_sub(MOST_OPEN);
        match rows[first_open..].iter_mut().rev().find(|row| row.takes(piece)) {
            Some(row) => row.take(piece),
            None => rows.push(Row::begin(piece)),
        }
    }
    for row in &mut rows {
        row.order();
    }
    rows.sort_by(|a, b| b.y.total_cmp(&a.y));
    rows
}

/// The text of pieces that follow each other.
pub(super) fn text_of(pieces: &[&Piece]) -> String {
    let mut text = String::new();
    let mut last: Option<(&Piece, f64)> = None;
    for piece in pieces {
        if let Some((before, end)) = last {
            let size = before.size.max(piece.size);
            let gap = piece.x - end;
            if piece.after_space || gap > WORD_GAP * piece.size || gap < -OVERLAP * size {
                text.push(' ');
            }
        }
        text.push_str(&piece.text);
        last = Some((piece, last.map_or(piece.end, |(_, end)| end.max(piece.end))));
    }
    text
}

//! Which stretches of a file are there.

use std::{collections::BTreeMap, ops::Range};

/// Longer stretches are begun anew, so that a rotten byte costs no more than this.
pub(super) const MAX_PIECE_BYTES: u64 = 16 << 20;

/// A stretch that is there, and the checksum of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) crc: u32,
}

/// All of them, none over another.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    /// End and checksum by start.
    by_start: BTreeMap<u64, (u64, u32)>,
    /// Up to here nothing is missing.
    frontier: u64,
    present: u64,
}

impl Pieces {
    /// Adds a whole stretch. One that lies over another is left out.
    pub(super) fn insert(&mut self, piece: Piece) {
        let is_free = self.before(piece.end).is_none_or(|other| other.end <= piece.start);
        if piece.start < piece.end && is_free {
            self.by_start.insert(piece.start, (piece.end, piece.crc));
            self.present += piece.end - piece.start;
            self.advance();
        }
    }

    /// Notes that `bytes` are at `at` now, where nothing was, and returns the stretch that they belong to.
    pub(super) fn write(&mut self, at: u64, bytes: &[u8]) -> Piece {
        let grows = self.before(at + 1).filter(|it| it.end == at && at - it.start < MAX_PIECE_BYTES);
        let mut piece = grows.unwrap_or(Piece { start: at, end: at, crc: 0 });
        let mut crc = crc32fast::Hasher::new_with_initial(piece.crc);
        crc.update(bytes);
        piece.crc = crc.finalize();
        piece.end = at + bytes.len() as u64;
        self.by_start.insert(piece.start, (piece.end, piece.crc));
        self.present += bytes.len() as u64;
        self.advance();
        piece
    }

    /// The last one that starts before `at`.
    fn before(&self, at: u64) -> Option<Piece> {
        let (start, (end, crc)) = self.by_start.range(..at).next_back()?;
        Some(Piece { start: *start, end: *end, crc: *crc })
    }

    fn advance(&mut self) {
        while let Some(piece) = self.before(self.frontier + 1).filter(|piece| piece.end > self.frontier) {
            self.frontier = piece.end;
        }
    }

    /// Up to where nothing is missing.
    pub(super) fn frontier(&self) -> u64 {
        self.frontier
    }

    /// How many bytes are there.
    pub(super) fn present(&self) -> u64 {
        self.present
    }

    /// In their order.
    pub(super) fn list(&self) -> Vec<Piece> {
        self.by_start
            .iter()
            .map(|(start, (end, crc))| Piece { start: *start, end: *end, crc: *crc })
            .collect()
    }

    /// What is missing of `size` bytes, none of it over a multiple of `segment`.
    pub(super) fn gaps(&self, size: u64, segment: u64) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut at = 0;
        for (start, (end, _)) in &self.by_start {
            cut(&mut gaps, at..(*start).min(size), segment);
            at = *end;
        }
        cut(&mut gaps, at..size, segment);
        gaps
    }
}

fn cut(gaps: &mut Vec<Range<u64>>, gap: Range<u64>, segment: u64) {
    let mut at = gap.start;
    while at < gap.end {
        let end = (at / segment + 1).saturating_mul(segment).min(gap.end);
        gaps.push(at..end);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PIECE_BYTES, Piece, Pieces};

    #[test]
    fn writes_grow_stretches_and_the_frontier_follows() {
        let mut pieces = Pieces::default();
        pieces.write(10, b"abc");
        assert_eq!((pieces.frontier(), pieces.present()), (0, 3));
        pieces.write(0, b"0123456789");
        assert_eq!((pieces.frontier(), pieces.present()), (13, 13));
        let grown = pieces.write(13, b"def");
        assert_eq!(grown, Piece { start: 10, end: 16, crc: crc32fast::hash(b"abcdef") });
        assert_eq!(pieces.list().len(), 2);
        assert_eq!(pieces.frontier(), 16);
    }

    #[test]
    fn gaps_are_what_is_missing_cut_at_segments() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.gaps(25, 10), [0..10, 10..20, 20..25]);
        pieces.write(0, b"0123");
        pieces.write(12, b"0123");
        assert_eq!(pieces.gaps(25, 10), [4..10, 10..12, 16..20, 20..25]);
        assert_eq!(pieces.gaps(14, 10), [4..10, 10..12]);
        assert!(pieces.gaps(0, 10).is_empty());
    }

    #[test]
    fn stretches_are_not_longer_than_what_may_be_lost_by_one_byte() {
        let mut pieces = Pieces::default();
        let block = vec![0; 1 << 20];
        for i in 0..40 {
            pieces.write(i << 20, &block);
        }
        assert_eq!(pieces.list().iter().map(|it| it.end - it.start).max(), Some(MAX_PIECE_BYTES));
        assert_eq!(pieces.list().len(), 3);
        assert_eq!(pieces.frontier(), 40 << 20);
    }

    #[test]
    fn claims_that_lie_over_each_other_count_once() {
        let mut pieces = Pieces::default();
        pieces.insert(Piece { start: 0, end: 10, crc: 1 });
        pieces.insert(Piece { start: 5, end: 15, crc: 2 });
        pieces.insert(Piece { start: 20, end: 20, crc: 3 });
        pieces.insert(Piece { start: 10, end: 12, crc: 4 });
        assert_eq!((pieces.present(), pieces.frontier()), (12, 12));
    }
}

//! Collects blocks from formats that are streams of text between marks.

use super::{Block, BlockKind};
use types::document::PassageKind;

/// A longer first row of a table is not said again on each page that it goes on to.
const MOST_HEAD_BYTES: usize = 1_000;

/// What has been said so far.
#[derive(Default)]
pub(crate) struct Flow {
    pub(crate) blocks: Vec<Block>,
    pub(crate) page: Option<u32>,
    /// Of the paragraph or cell that is being read.
    text: String,
    /// Tables in tables are text of their cell.
    depth: usize,
    row: Vec<String>,
    /// Each with the page that it ends on.
    rows: Vec<(Option<u32>, String)>,
}

impl Flow {
    /// One that begins on a page.
    pub(crate) fn on_page(page: Option<u32>) -> Self {
        Self { page, ..Self::default() }
    }

    /// Goes on with the paragraph or cell.
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Whether the paragraph or cell has not begun.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// The end of what has been said in the paragraph or cell.
    pub(crate) fn ends_with_space(&self) -> bool {
        self.text.is_empty() || self.text.ends_with(char::is_whitespace)
    }

    /// Ends a paragraph. In a cell, only a space comes of it.
    pub(crate) fn end(&mut self, kind: BlockKind) {
        if self.depth > 0 {
            if !self.ends_with_space() {
                self.text.push(' ');
            }
            return;
        }
        let text = std::mem::take(&mut self.text);
        let text = match kind {
            BlockKind::Heading(_) => one_line(&text),
            BlockKind::Body(PassageKind::Code) => text.trim_matches('\n').to_owned(),
            BlockKind::Body(_) => text.trim().to_owned(),
        };
        if !text.is_empty() {
            self.blocks.push(Block { kind, page: self.page, text });
        }
    }

    pub(crate) fn end_paragraph(&mut self) {
        self.end(BlockKind::Body(PassageKind::Text));
    }

    pub(crate) fn open_table(&mut self) {
        if self.depth == 0 {
            self.end_paragraph();
        }
        self.depth += 1;
    }

    pub(crate) fn end_cell(&mut self) {
        match self.depth {
            1 => {
                let cell = one_line(&std::mem::take(&mut self.text));
                self.row.push(cell);
            }
            // Of a table in a cell: its words stay apart.
            2.. if !self.ends_with_space() => self.text.push(' '),
            _ => {}
        }
    }

    pub(crate) fn end_row(&mut self) {
        if self.depth == 1 {
            // A cell that nobody ended.
            if !self.is_blank() {
                self.end_cell();
            }
            let row = std::mem::take(&mut self.row);
            if row.iter().any(|cell| !cell.is_empty()) {
                self.rows.push((self.page, row.join(" | ")));
            }
        }
    }

    /// What it has on each page, under its first row, which is taken for its head.
    pub(crate) fn close_table(&mut self) {
        self.end_row();
        self.depth = self.depth.saturating_sub(1);
        if self.depth > 0 || self.rows.is_empty() {
            return;
        }
        let rows = std::mem::take(&mut self.rows);
        let head = rows.first().map(|(_, row)| row.as_str()).filter(|row| row.len() <= MOST_HEAD_BYTES);
        for (nth, part) in rows.chunk_by(|one, other| one.0 == other.0).enumerate() {
            let again = head.filter(|_| nth > 0);
            let lines: Vec<_> = again.into_iter().chain(part.iter().map(|(_, row)| row.as_str())).collect();
            let page = part.first().and_then(|(page, _)| *page);
            let (kind, text) = (BlockKind::Body(PassageKind::Table), lines.join("\n"));
            self.blocks.push(Block { kind, page, text });
        }
    }

    /// Everything; what nobody ended is ended.
    pub(crate) fn finish(mut self) -> Vec<Block> {
        while self.depth > 0 {
            self.close_table();
        }
        self.end_paragraph();
        self.blocks
    }
}

/// Without line breaks and double spaces.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

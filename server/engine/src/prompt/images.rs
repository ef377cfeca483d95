//! Images in prompts: marks in the text that the template renders, then tokens and pieces in their place.
//!
//! A piece is not made of tokens, but takes positions as tokens do. In a sequence's tokens stand-ins take its place: one for
//! each position, negative, so that no token is one of them, and made from the image's content, so that two sequences begin
//! alike where and only where they show the same image.

use crate::{
    llama::{CutImage, ImagePart, PieceSize, Projector},
    pixels::pixels,
};
use llama_cpp_2::token::LlamaToken;
use protocol::Rejection;
use std::{cell::RefCell, collections::HashMap, sync::Arc};
use types::{
    chat::ChatTurn,
    image::{ImageFile, TurnImage},
};

/// Around the number of an image: a code point that is no character, so that no text has it once the guard has looked.
pub(crate) const MARK: char = '\u{FDD1}';

/// Names what is on a piece.
pub(crate) type PieceKey = [u8; 32];

/// A piece of an image in a sequence.
#[derive(Clone)]
pub(crate) struct Piece {
    pub(crate) image: Arc<CutImage>,
    pub(crate) part: usize,
    pub(crate) size: PieceSize,
    pub(crate) key: PieceKey,
    /// The position of the first of its stand-ins.
    pub(crate) start: usize,
}

impl Piece {
    /// The position behind it.
    pub(crate) fn end(&self) -> usize {
        self.start + self.size.n_positions
    }
}

/// Cells that pieces take beyond one for each of their positions.
pub(crate) fn n_more_cells(pieces: &[Piece]) -> usize {
    pieces.iter().map(|piece| piece.size.n_rows - piece.size.n_positions).sum()
}

/// An image cut for a model's prompt.
#[derive(Clone)]
pub(crate) struct Cut {
    image: Arc<CutImage>,
    parts: Vec<ImagePart>,
    hash: blake3::Hash,
}

/// Cuts images for one model; each once, however often the conversation is rendered.
pub(crate) struct Cutter<'m> {
    projector: Option<&'m Projector<'m>>,
    /// Tokens that can be decoded at once.
    n_batch: usize,
    cut: RefCell<HashMap<blake3::Hash, Cut>>,
}

impl<'m> Cutter<'m> {
    pub(crate) fn new(projector: Option<&'m Projector<'m>>, n_batch: usize) -> Self {
        Self { projector, n_batch, cut: RefCell::default() }
    }

    /// All images of these turns, in order.
    pub(crate) fn cut_all(&self, turns: &[ChatTurn]) -> Result<Vec<Cut>, Rejection> {
        let images = turns.iter().flat_map(|turn| &turn.images);
        images.enumerate().map(|(i, image)| self.cut(i, &image.file)).collect()
    }

    fn cut(&self, index: usize, file: &ImageFile) -> Result<Cut, Rejection> {
        let Some(projector) = self.projector else { return Err(Rejection::SeesNothing) };
        let hash = blake3::hash(file.bytes());
        if let Some(cut) = self.cut.borrow().get(&hash) {
            return Ok(cut.clone());
        }
        let index = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let rejected = |reason| Rejection::Image { index, reason };
        let image = pixels(file).map_err(rejected)?;
        let (width, height) = image.dimensions();
        let image = projector.cut(image.as_raw(), width, height).map_err(rejected)?;
        let parts = projector.parts(&image);
        if let Some(reason) = parts.iter().find_map(|part| self.problem(part)) {
            return Err(rejected(reason));
        }
        let cut = Cut { image: Arc::new(image), parts, hash };
        self.cut.borrow_mut().insert(hash, cut.clone());
        Ok(cut)
    }

    fn problem(&self, part: &ImagePart) -> Option<String> {
        let ImagePart::Piece(size) = part else { return None };
        if size.n_rows == 0 || size.n_positions == 0 || size.n_positions > size.n_rows {
            return Some("the projector makes nothing of it".to_owned());
        }
        let too_large = || {
            format!("the model has to look at {} tokens at once, {} are possible", size.n_rows, self.n_batch)
        };
        (size.is_whole && size.n_rows > self.n_batch).then(too_large)
    }
}

/// Puts a mark into a turn's text for each of its images, of which the first has the number `first`. `defuse` is what becomes
/// of the text between.
pub(crate) fn marked(turn: &ChatTurn, first: usize, defuse: impl Fn(&str) -> String) -> String {
    let mut text = String::with_capacity(turn.content.len());
    let mut from = 0;
    for (i, TurnImage { at, .. }) in turn.images.iter().enumerate() {
        let at = if turn.content.is_char_boundary(*at) { (*at).max(from) } else { from };
        text += &defuse(&turn.content[from..at]);
        text += &format!("{MARK}{}{MARK}", first + i);
        from = at;
    }
    text + &defuse(&turn.content[from..])
}

/// A stretch of a rendered conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stretch<'t> {
    Text(&'t str),
    Image(usize),
}

/// The stretches of what a template rendered, as marks part it.
pub(crate) fn stretches(rendered: &str) -> impl Iterator<Item = Stretch<'_>> {
    rendered.split(MARK).enumerate().map(|(i, stretch)| match (i % 2, stretch.parse()) {
        (1, Ok(image)) => Stretch::Image(image),
        _ => Stretch::Text(stretch),
    })
}

/// Whether every one of `n_images` is in the rendered conversation, once and in order.
pub(crate) fn shows_all(rendered: &str, n_images: usize) -> bool {
    let image = |it| if let Stretch::Image(image) = it { Some(image) } else { None };
    stretches(rendered).filter_map(image).eq(0..n_images)
}

/// Adds what stands for an image behind `tokens`.
pub(crate) fn push(cut: &Cut, tokens: &mut Vec<LlamaToken>, pieces: &mut Vec<Piece>) {
    for (part, it) in cut.parts.iter().enumerate() {
        match it {
            ImagePart::Text(text) => tokens.extend(text),
            ImagePart::Piece(size) => {
                let key = key(&cut.hash, part);
                let start = tokens.len();
                tokens.extend(stand_ins(&key, size.n_positions));
                pieces.push(Piece { image: cut.image.clone(), part, size: *size, key, start });
            }
        }
    }
}

fn key(hash: &blake3::Hash, part: usize) -> PieceKey {
    let mut hasher = blake3::Hasher::new();
    hasher.update(hash.as_bytes()).update(&(part as u64).to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// What takes the place of a piece.
fn stand_ins(key: &PieceKey, n: usize) -> Vec<LlamaToken> {
    let mut bytes = vec![0; n * 4];
    blake3::Hasher::new_keyed(key).finalize_xof().fill(&mut bytes);
    let number = |bytes: &[u8]| bytes.try_into().map(i32::from_le_bytes).unwrap_or_default();
    bytes.chunks_exact(4).map(|bytes| LlamaToken(number(bytes) | i32::MIN)).collect()
}

/// Whether it takes the place of a part of an image.
pub(crate) fn is_stand_in(token: LlamaToken) -> bool {
    token.0 < 0
}

#[cfg(test)]
mod tests;

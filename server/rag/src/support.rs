//! Which sentences of an answer have nothing near them in the passages that it was given.
//!
//! A hint for whoever checks an answer, no verdict: what is near can say the opposite, and what is far can be true.

use crate::{Rag, RagError, vectors::dot};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use types::ids::{ModelId, UserId};
use unicode_segmentation::UnicodeSegmentation;

/// What is less near to a sentence of a passage has no support in it. Of 31 sentences that say in other words what passages say,
/// all-MiniLM-L6-v2 has none below that, of 31 that were made up about the same things two thirds.
const LEAST_NEARNESS: f32 = 0.45;
/// Shorter ones say nothing that could be compared.
const LEAST_WORDS: usize = 4;
/// Sentences of an answer that are compared, and pieces of passages that they are compared with.
const MOST_SENTENCES: usize = 60;
const MOST_PIECES: usize = 240;
/// Of more text than that, those passages count that are nearest, of at most so many.
const MOST_PASSAGES: usize = 400;
/// Texts of one request for vectors.
const BATCH: usize = 32;

impl Rag {
    /// The sentences of `answer`, which is Markdown, that nothing in `passages` comes near to, in their order. `None` where
    /// the library has no model that makes vectors. Of a very long answer only the beginning is compared.
    pub async fn unsupported(
        &self,
        user: UserId,
        answer: &str,
        passages: &[String],
    ) -> Result<Option<Vec<String>>, RagError> {
        let Some(model) = self.embedder(user).await? else { return Ok(None) };
        let mut claims = claims(answer);
        claims.truncate(MOST_SENTENCES);
        if claims.is_empty() || passages.is_empty() {
            return Ok(Some(claims));
        }
        let of_claims = self.vectors(user, &model, &claims).await?;
        let pieces = self.nearest_pieces(user, &model, &of_claims, passages).await?;
        let of_pieces = self.vectors(user, &model, &pieces).await?;
        let is_far = far(&of_claims, &of_pieces);
        Ok(Some(
            claims.into_iter().zip(is_far).filter(|(_, is_far)| *is_far).map(|(claim, _)| claim).collect(),
        ))
    }

    /// What claims are compared with: everything, or where that is too much, the passages that come nearest to any of them.
    async fn nearest_pieces(
        &self,
        user: UserId,
        model: &ModelId,
        of_claims: &[Vec<f32>],
        passages: &[String],
    ) -> Result<Vec<String>, RagError> {
        let passages = &passages[..passages.len().min(MOST_PASSAGES)];
        let all: Vec<_> = passages.iter().flat_map(|passage| pieces(passage)).collect();
        if all.len() <= MOST_PIECES {
            return Ok(all);
        }
        let vectors = self.vectors(user, model, passages).await?;
        let order = nearest_first(&vectors, of_claims);
        let ordered = order.into_iter().filter_map(|at| passages.get(at));
        Ok(ordered.flat_map(|passage| pieces(passage)).take(MOST_PIECES).collect())
    }

    async fn vectors(
        &self,
        user: UserId,
        model: &ModelId,
        texts: &[String],
    ) -> Result<Vec<Vec<f32>>, RagError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(BATCH) {
            vectors.extend(self.embed(user, model, batch.to_vec()).await?);
        }
        Ok(vectors)
    }
}

/// The places of `passages`, those first that come nearest to any of `claims`.
fn nearest_first(passages: &[Vec<f32>], claims: &[Vec<f32>]) -> Vec<usize> {
    let nearness = |passage: &Vec<f32>| {
        let same_length = claims.iter().filter(|claim| claim.len() == passage.len());
        same_length.map(|claim| dot(claim, passage)).fold(f32::NEG_INFINITY, f32::max)
    };
    let mut order: Vec<_> = passages.iter().map(nearness).enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    order.into_iter().map(|(at, _)| at).collect()
}

/// For each of `claims`, whether none of `pieces` is near. All vectors are one long.
fn far(claims: &[Vec<f32>], pieces: &[Vec<f32>]) -> Vec<bool> {
    let is_far = |claim: &Vec<f32>| {
        let same_length = pieces.iter().filter(|piece| piece.len() == claim.len());
        same_length.map(|piece| dot(claim, piece)).all(|nearness| nearness < LEAST_NEARNESS)
    };
    claims.iter().map(is_far).collect()
}

/// A passage as a whole, and each sentence of it.
fn pieces(passage: &str) -> Vec<String> {
    let sentences = passage.split_sentence_bounds().map(one_line);
    std::iter::once(one_line(passage)).chain(sentences).filter(|piece| !piece.is_empty()).collect()
}

/// The sentences of an answer that say something: no headings, code or questions.
fn claims(answer: &str) -> Vec<String> {
    let text = without_brackets(&prose(answer));
    let sentences = text.lines().flat_map(|line| line.split_sentence_bounds()).map(one_line);
    let says = |sentence: &String| {
        sentence.split(' ').count() >= LEAST_WORDS && !sentence.ends_with('?') && !sentence.ends_with(':')
    };
    sentences.filter(says).collect()
}

/// A paragraph or an item of a list a line.
fn prose(markdown: &str) -> String {
    let mut text = String::new();
    let mut n_left_out = 0_usize;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. }) => n_left_out += 1,
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_)) => n_left_out = n_left_out.saturating_sub(1),
            Event::Text(part) | Event::Code(part) if n_left_out == 0 => text.push_str(&part),
            Event::SoftBreak => text.push(' '),
            Event::HardBreak | Event::Start(Tag::Item) | Event::End(TagEnd::Paragraph | TagEnd::Item) => {
                text.push('\n');
            }
            _ => {}
        }
    }
    text
}

/// Citations, as in [1] or [2, 3], say where something is from, not what.
fn without_brackets(text: &str) -> String {
    let mut left = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        left.push_str(before);
        let is_number = |c: char| c.is_ascii_digit() || matches!(c, ',' | ' ');
        match after.split_once(']').filter(|(inside, _)| !inside.is_empty() && inside.chars().all(is_number))
        {
            Some((_, behind)) => rest = behind,
            None => {
                left.push('[');
                rest = after;
            }
        }
    }
    left + rest
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" .", ".")
}

#[cfg(test)]
mod tests;

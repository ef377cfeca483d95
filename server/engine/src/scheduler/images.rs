//! What the scheduler does for running prompts that show images.

use super::{Looking, Scheduler, looking::Sight};
use crate::{adapters::SetId, llama::N_BATCH, worker::WorkerError};
use llama_cpp_2::DecodeError;
use std::time::Instant;

impl<'m> Scheduler<'m> {
    /// Has what running prompts show next encoded.
    pub(super) fn send_off_pieces(&mut self) {
        let Some(looking) = &mut self.looking else { return };
        looking.go_on(self.pool.running().map(|(_, sequence)| (sequence.tenant, sequence.pieces_left())));
    }

    /// Whether a running prompt with the adapters of `set` shows an image next that was encoded, or could not be.
    pub(super) fn has_sight(&self, set: SetId) -> bool {
        let Some(looking) = &self.looking else { return false };
        let running = self.pool.running().filter(|(_, sequence)| sequence.set.id == set);
        let mut pieces = running.filter_map(|(_, sequence)| Some((sequence.tenant, sequence.next_piece()?)));
        pieces.any(|(tenant, piece)| looking.is_known(tenant, piece))
    }

    /// Decodes a slice of such an image, of whoever asked first.
    pub(super) fn look_at_image(&mut self, set: SetId) -> Result<(), WorkerError> {
        let Some(mut looking) = self.looking.take() else { return Ok(()) };
        let has_looked = self.look_at_piece(&mut looking, set);
        self.looking = Some(looking);
        has_looked
    }

    fn look_at_piece(&mut self, looking: &mut Looking<'m>, set: SetId) -> Result<(), WorkerError> {
        let running = self.pool.running().filter(|(_, sequence)| sequence.set.id == set);
        let looks = running.filter_map(|(id, sequence)| Some((id, sequence, sequence.next_piece()?)));
        let sights = looks.map(|(id, sequence, piece)| {
            (sequence.id, id, sequence.n_rows, piece.clone(), looking.sight(sequence.tenant, piece))
        });
        let first = sights.filter(|it| !matches!(it.4, Sight::Coming)).min_by_key(|it| it.0);
        let Some((_, id, n_done, piece, sight)) = first else { return Ok(()) };
        let Sight::Here(rows) = sight else {
            return self.break_off(id, "the model could not look at an image");
        };
        let most = self.rows_at_once();
        let end = if piece.size.is_whole { piece.size.n_rows } else { piece.size.n_rows.min(n_done + most) };
        let begun = Instant::now();
        match looking.decode(&mut self.pool.context, &piece, &rows, n_done..end, id) {
            Ok(()) => {}
            Err(DecodeError::NoKvCacheSlot) if self.make_room() => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.pool.context.synchronize();
        self.cost.learn(0, end - n_done, begun.elapsed().as_secs_f64() * 1000.0);
        if let Some(sequence) = self.pool.sequence_mut(id) {
            sequence.look(&piece, end);
        }
        Ok(())
    }

    /// Rows of an image that are decoded in one go.
    fn rows_at_once(&self) -> usize {
        match self.n_decoding() {
            0 => self.cost.budget(0, false, N_BATCH as usize).n_tokens,
            n => self.cost.prompt_tokens_beside(n).clamp(1, N_BATCH as usize),
        }
    }
}

//! Who waits, who starts, and who gives way where there is no room.

use super::{Scheduler, place::Place};
use crate::worker::WorkerError;
use protocol::{Event, SAVED_NEWS};
use std::time::{Duration, Instant};

/// Whoever gave its cells back is passed by others that fit for so long; then what becomes free is left to it.
const PASSED_FOR: Duration = Duration::from_secs(10);

impl Scheduler<'_> {
    /// Lets waiting requests start, as many as may run.
    pub(super) fn admit(&mut self) {
        if self.pool.n_running() == 0 {
            self.full_since = None;
        }
        while self.pool.n_running() < self.n_parallel {
            let next = match self.full_since {
                None => self.next_in_line(),
                Some(since) if since.elapsed() < PASSED_FOR => self.next_that_fits(),
                Some(_) => return,
            };
            let Some((i, place)) = next else {
                if self.full_since.is_none() {
                    self.pool.await_nothing();
                }
                return;
            };
            let Some(sequence) = self.waiting.remove(i) else { return };
            if !sequence.has_begun() {
                self.turns.note(sequence.who());
            }
            if let Some(interrupted) = self.pool.start(sequence, place) {
                self.waiting.insert(i, interrupted);
                self.full_since = Some(Instant::now());
                return;
            }
        }
    }

    /// The first of the line that has not begun and for which there is room beside everybody who runs.
    fn next_that_fits(&mut self) -> Option<(usize, Place)> {
        let n_spare = self.pool.n_spare_cells();
        self.line().into_iter().find_map(|i| {
            let sequence = &self.waiting[i];
            if sequence.has_begun() {
                return None;
            }
            let place = self.pool.place(sequence);
            let fits = self.pool.n_cells_more(sequence, place) <= n_spare;
            (fits && self.pool.is_ready(place)).then_some((i, place))
        })
    }

    /// The first of the line; who waits for a beginning that somebody computes, or that is read from a file, is passed.
    fn next_in_line(&mut self) -> Option<(usize, Place)> {
        self.line().into_iter().find_map(|i| {
            let place = self.pool.place(&self.waiting[i]);
            self.pool.is_ready(place).then_some((i, place))
        })
    }

    /// In which order those who wait start.
    fn line(&self) -> Vec<usize> {
        let waiting = self.waiting.iter().map(|it| (it.who(), it.has_begun()));
        self.turns.line(waiting, self.pool.running().map(|(_, it)| it.who()))
    }

    /// Says who waits for others to end. While there is room, whoever waits is about to start.
    pub(super) fn tell_line(&mut self) -> Result<(), WorkerError> {
        let has_room = self.full_since.is_none() && self.pool.n_running() < self.n_parallel;
        let line = if has_room { Vec::new() } else { self.line() };
        let waiting: Vec<_> = line.into_iter().map(|i| self.waiting[i].id).collect();
        if waiting != self.told {
            self.outbox.send(&Event::Line { waiting: waiting.clone() })?;
            self.told = waiting;
        }
        Ok(())
    }

    /// Says how much of the memory that this process has is nothing that the model needs.
    pub(super) fn tell_saved(&mut self) -> Result<(), WorkerError> {
        let n_bytes = self.pool.saved_bytes();
        if n_bytes.abs_diff(self.told_saved) >= SAVED_NEWS {
            self.outbox.send(&Event::Saved { n_bytes })?;
            self.told_saved = n_bytes;
        }
        Ok(())
    }

    /// Gives back cells of what nobody uses, else of the youngest generation, which waits then. Not of the last
    /// one: it fits.
    pub(super) fn make_room(&mut self) -> bool {
        if self.pool.save_oldest() {
            return true;
        }
        if self.pool.n_running() < 2 {
            return false;
        }
        let youngest = self.pool.running().max_by_key(|(_, sequence)| sequence.id).map(|(id, _)| id);
        let Some(sequence) = youngest.and_then(|id| self.pool.preempt(id)) else { return false };
        self.full_since.get_or_insert_with(Instant::now);
        self.waiting.push_front(sequence);
        true
    }

    /// Lets whoever fills the memory that it is given forget something. Who has no room for that waits, as when the pool is
    /// full.
    pub(super) fn forget_middles(&mut self) {
        let running: Vec<_> = self.pool.running().map(|(id, _)| id).collect();
        for &id in &running {
            while !self.pool.can_forget(id) {
                if !self.make_room() {
                    // Alone it has all cells; it begins anew, with what is saved of it.
                    self.waiting.extend(self.pool.preempt(id));
                }
            }
        }
        // Only once nobody has to be copied any more.
        running.into_iter().for_each(|id| self.pool.forget_middle(id));
    }
}

//! Who waits, who starts, and who gives way where there is no room.

use super::{PLACE_AFTER, Scheduler, Turns, place::Place};
use crate::worker::WorkerError;
use protocol::{Event, SAVED_NEWS};
use std::time::Duration;

/// Whoever waits for cells is passed by others that fit for so long; then what becomes free is left to it.
const PASSED_FOR: Duration = Duration::from_secs(10);

/// Who may start where somebody waits for cells.
#[derive(Clone, Copy, Debug)]
struct Room {
    /// For how long whoever waits longest for cells does; `None` where nobody does.
    longest: Option<Duration>,
    /// Nobody runs: what there is is enough for anybody.
    is_empty: bool,
    /// Somebody ended since one that waits for cells was last found to have too few.
    may_go_on: bool,
    /// Cells that nobody who runs needs.
    n_spare: usize,
}

impl Room {
    /// Whether it is the turn of one that waits for cells since then, or of a newcomer.
    fn is_for(&self, lacks_cells: Option<Duration>) -> bool {
        match lacks_cells {
            None => self.longest.is_none_or(|longest| longest < PASSED_FOR),
            Some(own) => {
                let is_left_to_others = self.longest.is_some_and(|it| it >= PASSED_FOR) && own < PASSED_FOR;
                (self.is_empty || self.may_go_on) && !is_left_to_others
            }
        }
    }

    /// Whether that has so many more cells. While nobody waits for any, whoever comes may try.
    fn has(&self, n_cells: usize) -> bool {
        self.longest.is_none() || self.is_empty || n_cells <= self.n_spare
    }
}

impl Scheduler<'_> {
    /// Lets waiting requests start, as many as may run.
    pub(super) fn admit(&mut self) {
        while self.pool.n_running() < self.n_parallel {
            let Some((i, place)) = self.next_in_line() else {
                if self.longest_without_cells().is_none() {
                    self.pool.await_nothing();
                }
                return;
            };
            if !self.start(i, place) {
                return;
            }
        }
        self.share_places();
    }

    /// Where all places are taken, the youngest of whoever has most of them gives its own to somebody who has none and has waited. It goes
    /// on when it is the turn of whose it is.
    fn share_places(&mut self) {
        let Some(i) = self.next_without_place() else { return };
        let Some(share) = Turns::gives_way(self.pool.running().map(|(_, it)| it.share)) else { return };
        let of_share = self.pool.running().filter(|(_, it)| it.share == share);
        let youngest = of_share.max_by_key(|(_, it)| it.id).map(|(id, it)| (id, it.n_cells_needed()));
        let Some((youngest, n_freed)) = youngest else { return };
        let (newcomer, room) = (&self.waiting[i], self.room());
        let place = self.pool.place(newcomer);
        let n_cells = self.pool.n_cells_more(newcomer, place).saturating_sub(n_freed);
        if !room.is_for(None) || !room.has(n_cells) || !self.pool.is_ready(place) {
            return;
        }
        let Some(sequence) = self.pool.preempt(youngest) else { return };
        self.waiting.push_front(sequence);
        // What it would have started with may have been in those cells.
        let place = self.pool.place(&self.waiting[i + 1]);
        if self.pool.is_ready(place) {
            self.start(i + 1, place);
        }
    }

    /// The first of the line of whose share nothing runs, where it has waited for long enough.
    fn next_without_place(&self) -> Option<usize> {
        let has_none = |share| self.pool.running().all(|(_, it)| it.share != share);
        let mut line = self.line().into_iter();
        line.find(|&i| {
            let waiting = &self.waiting[i];
            waiting.lacks_cells().is_none() && waiting.waited() >= PLACE_AFTER && has_none(waiting.share)
        })
    }

    /// Starts one of those who wait; says whether there was room for where it was.
    fn start(&mut self, i: usize, place: Place) -> bool {
        let Some(sequence) = self.waiting.remove(i) else { return false };
        if !sequence.has_begun() {
            self.turns.note(sequence.who());
        }
        let Some(mut interrupted) = self.pool.start(sequence, place) else { return true };
        interrupted.note_lack_of_cells();
        self.waiting.insert(i, interrupted);
        self.may_go_on = false;
        false
    }

    fn room(&self) -> Room {
        let longest = self.longest_without_cells();
        Room {
            longest,
            is_empty: self.pool.n_running() == 0,
            may_go_on: self.may_go_on,
            n_spare: longest.map_or(0, |_| self.pool.n_spare_cells()),
        }
    }

    fn longest_without_cells(&self) -> Option<Duration> {
        self.waiting.iter().filter_map(|it| it.lacks_cells()).max()
    }

    /// The first of the line that may start; who waits for a beginning that somebody computes, or that is read from a file, is passed.
    fn next_in_line(&mut self) -> Option<(usize, Place)> {
        let room = self.room();
        self.line().into_iter().find_map(|i| {
            let sequence = &self.waiting[i];
            if !room.is_for(sequence.lacks_cells()) {
                return None;
            }
            let place = self.pool.place(sequence);
            let fits = room.has(self.pool.n_cells_more(sequence, place));
            (fits && self.pool.is_ready(place)).then_some((i, place))
        })
    }

    /// In which order those who wait start.
    fn line(&self) -> Vec<usize> {
        let waiting = self.waiting.iter().map(|it| (it.who(), it.lacks_cells().is_some()));
        self.turns.line(waiting, self.pool.running().map(|(_, it)| it.who()))
    }

    /// Says who waits for others to end. While there is room, whoever waits is about to start.
    pub(super) fn tell_line(&mut self) -> Result<(), WorkerError> {
        let has_room = self.longest_without_cells().is_none() && self.pool.n_running() < self.n_parallel;
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
        let Some(mut sequence) = youngest.and_then(|id| self.pool.preempt(id)) else { return false };
        sequence.note_lack_of_cells();
        self.may_go_on = false;
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
                    let mut alone = self.pool.preempt(id);
                    alone.iter_mut().for_each(|it| it.note_lack_of_cells());
                    self.waiting.extend(alone);
                }
            }
        }
        // Only once nobody has to be copied any more.
        running.into_iter().for_each(|id| self.pool.forget_middle(id));
    }
}

#[cfg(test)]
mod tests;

//! Sequences moved out of the cache: into ordinary memory, and from there into files. Each tier has a bound; what is
//! worth least leaves memory first: what could be had again soonest, by the room that it takes and the time that it was
//! unused, as the family of GreedyDual-Size ([Cao and Irani 1997](https://www.usenix.org/conference/usits-97)) does.

use super::{
    Owner,
    files::{Body, Done, Header, PartFacts, StateFiles},
    prefix::SequenceId,
    window::Gaps,
};
use crate::llama::{PartState, SequenceState};
use llama_cpp_2::token::LlamaToken;
use protocol::Tenant;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    path::PathBuf,
    sync::Arc,
};

/// So many tokens are copied from memory, or read from a file, in the time that one is computed.
const TOKENS_COPIED_FOR_ONE: usize = 64;
const TOKENS_READ_FOR_ONE: usize = 8;

/// Of the room that they have in memory, those may take one part in so many that are being written and have left it otherwise; a
/// single one may take more.
const LEAVING_SHARE: u64 = 4;

/// Shorter ones are computed again as fast as they are read.
const WORTH_A_FILE: usize = 128;

/// What was saved of a sequence.
pub(super) struct Saved {
    pub(super) owner: Owner,
    pub(super) tokens: Vec<LlamaToken>,
    /// What of them is forgotten.
    pub(super) gaps: Gaps,
    /// The first token that can still be attended to.
    pub(super) first: usize,
    /// Larger is more recent.
    pub(super) last_use: u64,
    state: Option<Arc<SequenceState>>,
    /// The states at places to go back to that its file has.
    parts: Vec<PartFacts>,
    file: OnDisk,
}

/// States at places to go back to, each with how many tokens.
pub(super) type Parts = Vec<(usize, Arc<PartState>)>;

enum OnDisk {
    No,
    /// It could not be written, for lack of room perhaps. Trying over and over would keep the disk busy for nothing.
    Refused,
    Writing,
    Yes {
        path: PathBuf,
        n_bytes: u64,
    },
    /// On its way into memory.
    Reading {
        path: PathBuf,
        n_bytes: u64,
    },
}

impl Saved {
    /// A state in memory.
    pub(super) fn new(
        owner: Owner,
        tokens: Vec<LlamaToken>,
        gaps: Gaps,
        first: usize,
        last_use: u64,
        state: SequenceState,
    ) -> Self {
        let state = Some(Arc::new(state));
        Self { owner, tokens, gaps, first, last_use, state, parts: Vec::new(), file: OnDisk::No }
    }

    /// What is in a file.
    fn in_file(header: Header, path: PathBuf, n_bytes: u64) -> Self {
        let Header { tenant, set, tokens, gaps, first, parts } = header;
        Self {
            owner: Owner { tenant, set },
            tokens: tokens.into_iter().map(LlamaToken).collect(),
            gaps,
            first: usize::try_from(first).unwrap_or(usize::MAX),
            last_use: 0,
            state: None,
            parts,
            file: OnDisk::Yes { path, n_bytes },
        }
    }

    fn header(&self) -> Header {
        Header {
            tenant: self.owner.tenant,
            set: self.owner.set,
            tokens: self.tokens.iter().map(|token| token.0).collect(),
            gaps: self.gaps.clone(),
            first: self.first as u64,
            parts: self.parts.clone(),
        }
    }

    /// With how many tokens, at most `most`, there will be a state to go back to once its file is read; 0 where with none, where
    /// it is read already, and where all of them take more than `max_bytes`.
    pub(super) fn last_part_within(&self, most: usize, max_bytes: u64) -> usize {
        let n_bytes: u64 = self.parts.iter().map(|part| part.n_bytes).sum();
        if self.state.is_some() || n_bytes > max_bytes {
            return 0;
        }
        let places = self.parts.iter().map(|part| part.n_tokens);
        places.filter(|&n_tokens| n_tokens <= most).max().unwrap_or(0)
    }

    fn is_worth_a_file(&self) -> bool {
        is_worth_a_file(self.owner, &self.tokens, &self.gaps)
    }

    /// A file has all of it.
    pub(super) fn is_in_file(&self) -> bool {
        matches!(self.file, OnDisk::Yes { .. })
    }

    fn n_bytes_in_memory(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.bytes().len() as u64)
    }
}

fn is_worth_a_file(owner: Owner, tokens: &[LlamaToken], gaps: &Gaps) -> bool {
    gaps.n_kept_of(tokens.len()) >= WORTH_A_FILE && !owner.tenant.is_fleeting()
}

/// All of them, by numbers that no sequence of the context has.
pub(super) struct SavedStates {
    by_number: BTreeMap<SequenceId, Saved>,
    next_number: SequenceId,
    /// What they take in memory, with those that only the thread still has that writes files.
    n_bytes: u64,
    /// What those take, by their numbers.
    leaving: BTreeMap<SequenceId, u64>,
    max_bytes: u64,
    /// The one that is being read: together several might take more than there is.
    reading: Option<SequenceId>,
    /// It was read for somebody who has not started with it yet.
    awaited: Option<SequenceId>,
    /// The latest use of any.
    newest: u64,
    files: Option<StateFiles>,
}

/// A sequence that is not there any more.
pub(super) type Dropped = (Owner, SequenceId);

/// What came of files.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) lost: Vec<Dropped>,
    /// States at places to go back to that were read, each with its sequence and how many tokens it has.
    pub(super) parts: Vec<(SequenceId, usize, PartState)>,
}

impl SavedStates {
    /// Those that `files` already holds; numbers begin at `first_number`. In memory they take at most `max_bytes`.
    pub(super) fn new(first_number: SequenceId, files: Option<StateFiles>, max_bytes: u64) -> Self {
        let mut states = Self {
            by_number: BTreeMap::new(),
            next_number: first_number,
            n_bytes: 0,
            leaving: BTreeMap::new(),
            max_bytes,
            reading: None,
            awaited: None,
            newest: 0,
            files,
        };
        let found = states.files.as_mut().map(StateFiles::take_found).unwrap_or_default();
        for (header, path, n_bytes) in found {
            states.by_number.insert(states.next_number, Saved::in_file(header, path, n_bytes));
            states.next_number += 1;
        }
        states
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SequenceId, &Saved)> {
        self.by_number.iter().map(|(&number, saved)| (number, saved))
    }

    /// The number of the next one that is added.
    pub(super) fn next_number(&self) -> SequenceId {
        self.next_number
    }

    /// Adds one under [`SavedStates::next_number`]. There may be too much in memory afterwards.
    pub(super) fn add(&mut self, saved: Saved) {
        self.n_bytes += saved.n_bytes_in_memory();
        self.newest = self.newest.max(saved.last_use);
        self.by_number.insert(self.next_number, saved);
        self.next_number += 1;
    }

    /// In memory they are to take at most `max_bytes` from now on.
    pub(super) fn set_max_bytes(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
    }

    /// Whether they take more memory than they may once those have left that are about to: [`SavedStates::let_go`] until they do not.
    pub(super) fn is_over(&self) -> bool {
        self.n_bytes - self.n_bytes_leaving() > self.max_bytes
    }

    fn n_bytes_leaving(&self) -> u64 {
        self.leaving.values().sum()
    }

    /// How many are in files.
    pub(super) fn n_files(&self) -> usize {
        self.by_number.values().filter(|it| it.is_in_file()).count()
    }

    /// Which of those in files was unused for longest, where there are more than `most`.
    pub(super) fn one_too_many(&self, most: usize) -> Option<SequenceId> {
        let in_files = self.by_number.iter().filter(|(_, it)| it.is_in_file());
        let oldest = in_files.min_by_key(|(number, it)| (it.last_use, **number));
        oldest.filter(|_| self.n_files() > most).map(|(&number, _)| number)
    }

    /// What they take in memory, also on their way into files.
    pub(super) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Which in memory is worth least. `n_alone` says how many tokens of one nothing else has. What somebody waits for comes
    /// last, whatever it is worth: it would be read again at once, and over and over.
    pub(super) fn least_worth(&self, n_alone: impl Fn(SequenceId, &Saved) -> usize) -> Option<SequenceId> {
        let in_memory = self.by_number.iter().filter(|(_, it)| it.state.is_some());
        let worths =
            in_memory.map(|(&number, it)| (self.worth(it, n_alone(number, it)), it.last_use, number));
        let is_awaited = |number: SequenceId| self.awaited == Some(number);
        let least = worths.min_by(|a, b| {
            let by_worth = a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2)));
            is_awaited(a.2).cmp(&is_awaited(b.2)).then(by_worth)
        });
        least.map(|(.., number)| number)
    }

    /// Takes one out of memory, of which there are also `parts`. Gives it if it is not in a file either; then nobody has it any
    /// more. Until its file is written it is still in memory, so that not many leave at once.
    pub(super) fn let_go(&mut self, number: SequenceId, parts: Parts) -> Option<Dropped> {
        let n_bytes = self.by_number.get(&number)?.n_bytes_in_memory();
        let may_leave = self.n_bytes_leaving() + n_bytes <= self.max_bytes / LEAVING_SHARE;
        if may_leave || self.leaving.is_empty() {
            self.write(number, parts);
        }
        let saved = self.by_number.get_mut(&number)?;
        let is_writing = match saved.file {
            OnDisk::No | OnDisk::Refused => return self.remove(number).map(|it| (it.owner, number)),
            OnDisk::Writing => true,
            OnDisk::Yes { .. } | OnDisk::Reading { .. } => false,
        };
        saved.state = None;
        self.note_left(number, n_bytes, is_writing);
        None
    }

    /// Nobody here has the state of one any more. The thread that writes it may have it still.
    fn note_left(&mut self, number: SequenceId, n_bytes: u64, is_writing: bool) {
        match self.leaving.entry(number) {
            Entry::Vacant(entry) if is_writing && n_bytes > 0 => {
                entry.insert(n_bytes);
            }
            // Of what was copied anew meanwhile, the thread has another copy.
            _ => self.n_bytes -= n_bytes,
        }
    }

    /// What it costs to have one again that is not in memory any more, `n_alone` tokens of which nothing else has.
    #[expect(clippy::cast_precision_loss, reason = "they are compared")]
    fn worth(&self, saved: &Saved, n_alone: usize) -> f64 {
        let has_file = match saved.file {
            OnDisk::No => self.files.is_some() && saved.is_worth_a_file(),
            OnDisk::Refused => false,
            OnDisk::Writing | OnDisk::Yes { .. } | OnDisk::Reading { .. } => true,
        };
        let one = if has_file { 1.0 / TOKENS_READ_FOR_ONE as f64 } else { 1.0 };
        let age = self.newest.saturating_sub(saved.last_use) + 1;
        n_alone as f64 * one / (saved.n_bytes_in_memory().max(1) as f64 * age as f64)
    }

    /// Starts to write one into a file, with `parts`, where that is wanted and possible; says whether it is or was done.
    fn write(&mut self, number: SequenceId, parts: Parts) -> bool {
        let (Some(files), Some(saved)) = (&mut self.files, self.by_number.get_mut(&number)) else {
            return true;
        };
        let is_worth_it = saved.is_worth_a_file();
        let Some(state) = saved.state.as_ref().filter(|_| is_worth_it) else {
            return true;
        };
        if !matches!(saved.file, OnDisk::No) {
            return true;
        }
        let state = Arc::clone(state);
        let facts = |(n_tokens, part): &(usize, Arc<PartState>)| PartFacts {
            n_tokens: *n_tokens,
            n_bytes: part.n_bytes(),
        };
        saved.parts = parts.iter().map(facts).collect();
        let parts = parts.into_iter().map(|(_, part)| part).collect();
        if !files.write(number, saved.header(), state, parts) {
            return false;
        }
        saved.file = OnDisk::Writing;
        true
    }

    /// Starts to write what is only in memory, as far as that goes without waiting; says whether nothing is left. `parts_of` gives
    /// what there is of one besides.
    pub(super) fn write_all(&mut self, parts_of: impl Fn(SequenceId) -> Parts) -> bool {
        let numbers: Vec<_> = self.by_number.keys().copied().collect();
        // The newest first: it is what somebody comes back to.
        numbers.into_iter().rev().all(|number| self.write(number, parts_of(number)))
    }

    /// Whether something that is not saved would be written into a file if it were.
    pub(super) fn wants_file(&self, owner: Owner, tokens: &[LlamaToken], gaps: &Gaps) -> bool {
        self.files.is_some() && is_worth_a_file(owner, tokens, gaps)
    }

    /// Whether something is not in a file yet that is worth one.
    pub(super) fn has_unwritten(&self) -> bool {
        let is_unwritten = |it: &Saved| matches!(it.file, OnDisk::No) && it.is_worth_a_file();
        self.is_busy() || self.files.is_some() && self.by_number.values().any(is_unwritten)
    }

    /// Whether the state of one is in memory, or about to be.
    pub(super) fn is_in_memory(&self, number: SequenceId) -> bool {
        let is_here = |it: &Saved| it.state.is_some() || matches!(it.file, OnDisk::Reading { .. });
        self.by_number.get(&number).is_some_and(is_here)
    }

    /// Takes the state of one into memory again that is not there. There may be too much in memory afterwards.
    pub(super) fn take_back(&mut self, number: SequenceId, state: SequenceState, last_use: u64) {
        let Some(saved) = self.by_number.get_mut(&number) else { return };
        (saved.state, saved.last_use) = (Some(Arc::new(state)), last_use);
        self.n_bytes += saved.n_bytes_in_memory();
        self.newest = self.newest.max(last_use);
    }

    /// Whoever could start has: what was read for somebody and is still there is worth what it is worth.
    pub(super) fn await_nothing(&mut self) {
        self.awaited = None;
    }

    /// What is known about one of them.
    pub(super) fn get(&self, number: SequenceId) -> Option<&Saved> {
        self.by_number.get(&number)
    }

    /// Whether it can be used; if it is only in a file, that is read now.
    pub(super) fn is_here(&mut self, number: SequenceId) -> bool {
        let (Some(files), Some(saved)) = (&mut self.files, self.by_number.get_mut(&number)) else {
            return true;
        };
        if saved.state.is_some() {
            return true;
        }
        if let OnDisk::Yes { path, n_bytes } = &saved.file
            && self.reading.is_none()
            && files.read(number, path.clone())
        {
            self.reading = Some(number);
            saved.file = OnDisk::Reading { path: path.clone(), n_bytes: *n_bytes };
        }
        false
    }

    /// Starting from fewer of its tokens costs more than computing them: all of it is copied, or read first. What
    /// memory has no room for is not fetched at all.
    pub(super) fn least_worth_fetching(&self, saved: &Saved) -> usize {
        match saved.file {
            _ if saved.state.is_some() => saved.tokens.len() / TOKENS_COPIED_FOR_ONE,
            OnDisk::Yes { n_bytes, .. } | OnDisk::Reading { n_bytes, .. } if n_bytes <= self.max_bytes => {
                saved.tokens.len() / TOKENS_READ_FOR_ONE
            }
            _ => usize::MAX,
        }
    }

    /// Whatever was there of `tenant` was [removed](SavedStates::remove).
    pub(super) fn note_forgotten(&self, tenant: Tenant) {
        if let Some(files) = &self.files {
            files.note_forgotten(tenant);
        }
    }

    /// Files are being read or written.
    pub(super) fn is_busy(&self) -> bool {
        self.files.as_ref().is_some_and(StateFiles::is_busy)
    }

    /// Takes note of files written and read; waits for the next one if `waits`. There may be too much in memory afterwards.
    pub(super) fn note_done(&mut self, waits: bool, last_use: u64) -> Noted {
        // Before it is heard what the thread has done until then.
        let is_out_of_order = self.files.as_ref().is_some_and(StateFiles::is_out_of_order);
        let done = self.files.as_mut().map(|files| files.done(waits)).unwrap_or_default();
        let mut noted = Noted::default();
        done.into_iter().for_each(|done| self.note(done, last_use, &mut noted));
        if is_out_of_order {
            self.do_without_files(&mut noted);
        }
        noted
    }

    /// What is only in files, or on its way there, cannot be had any more by who goes on, and nobody is to wait for it. The files stay for
    /// the next who looks for them.
    fn do_without_files(&mut self, noted: &mut Noted) {
        self.files = None;
        self.reading = None;
        self.n_bytes -= self.n_bytes_leaving();
        self.leaving.clear();
        for saved in self.by_number.values_mut() {
            (saved.file, saved.parts) = (OnDisk::No, Vec::new());
        }
        let gone =
            self.by_number.iter().filter(|(_, saved)| saved.state.is_none()).map(|(&number, _)| number);
        for number in gone.collect::<Vec<_>>() {
            noted.lost.extend(self.remove(number).map(|saved| (saved.owner, number)));
        }
    }

    fn note(&mut self, done: Done, last_use: u64, noted: &mut Noted) {
        let number = match done {
            Done::Written { number, .. } => {
                self.n_bytes -= self.leaving.remove(&number).unwrap_or(0);
                number
            }
            Done::Read { number, .. } => {
                self.reading = None;
                number
            }
        };
        self.newest = self.newest.max(last_use);
        let Some(saved) = self.by_number.get_mut(&number) else {
            // It was forgotten while it was written.
            if let (Done::Written { file: Some((path, _)), .. }, Some(files)) = (done, &self.files) {
                files.remove_taken_back(number, path);
            }
            return;
        };
        match done {
            Done::Written { file: Some((path, n_bytes)), .. } => saved.file = OnDisk::Yes { path, n_bytes },
            Done::Written { file: None, .. } => saved.file = OnDisk::Refused,
            Done::Read { body: Some(Body { state, parts }), .. } => {
                noted.parts.extend(parts.into_iter().map(|(n_tokens, part)| (number, n_tokens, part)));
                self.n_bytes += state.bytes().len() as u64;
                saved.state = Some(Arc::new(state));
                saved.last_use = last_use;
                // One at a time: together they might take more than there is, and each is read again when its turn comes.
                self.awaited.get_or_insert(number);
                if let OnDisk::Reading { path, n_bytes } = std::mem::replace(&mut saved.file, OnDisk::No) {
                    saved.file = OnDisk::Yes { path, n_bytes };
                }
            }
            Done::Read { body: None, .. } => saved.file = OnDisk::No,
        }
        let is_lost = saved.state.is_none() && matches!(saved.file, OnDisk::No | OnDisk::Refused);
        let lost = is_lost.then(|| self.remove(number)).flatten();
        noted.lost.extend(lost.map(|saved| (saved.owner, number)));
    }

    /// One of them that is in memory, marked as used at `last_use`.
    pub(super) fn touch(
        &mut self,
        number: SequenceId,
        last_use: u64,
    ) -> Option<(Arc<SequenceState>, &[LlamaToken])> {
        self.awaited = self.awaited.filter(|&awaited| awaited != number);
        let saved = self.by_number.get_mut(&number)?;
        saved.last_use = last_use;
        self.newest = self.newest.max(last_use);
        if let (OnDisk::Yes { path, .. }, Some(files)) = (&saved.file, &self.files) {
            files.touch(path.clone());
        }
        Some((saved.state.clone()?, &saved.tokens))
    }

    /// Forgets one of them, file included.
    pub(super) fn remove(&mut self, number: SequenceId) -> Option<Saved> {
        let saved = self.by_number.remove(&number)?;
        self.note_left(number, saved.n_bytes_in_memory(), matches!(saved.file, OnDisk::Writing));
        self.awaited = self.awaited.filter(|&awaited| awaited != number);
        if let Some(files) = &self.files {
            match &saved.file {
                OnDisk::Yes { path, .. } | OnDisk::Reading { path, .. } => files.remove(path.clone()),
                OnDisk::Writing => files.take_back(number),
                OnDisk::No | OnDisk::Refused => {}
            }
        }
        Some(saved)
    }
}

#[cfg(test)]
mod tests;

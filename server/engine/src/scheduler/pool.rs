//! The context's sequences: what runs, what is kept for whoever begins like it, and who starts from what.
//!
//! A number is free (nothing in the cache), running, or kept. The index knows exactly the running and the kept
//! ones: the running ones by their prompt, the kept ones by all that is in the cache.
//!
//! Attention looks at every used cell, if only to skip it, so what is kept stays there only while nothing runs beside
//! it, and not too much of it; the rest is saved in ordinary memory under numbers above the context's own, and copied
//! back for whoever begins like it.

mod memory;
mod saving;
mod server_text;

use super::{
    Owner,
    checkpoints::Checkpoints,
    choosing::Given,
    cost::{COPIES_MS, CopyCost},
    files::{MAX_FILES, StateFiles},
    place::{Held, Memory, Place, place},
    prefix::{PrefixIndex, SequenceId},
    saved::{Dropped, Saved, SavedStates},
    sequence::Sequence,
    window::{Gaps, Window},
};
use crate::llama::{PartState, SequenceState};
use llama_cpp_2::{context::LlamaContext, model::LlamaModel, token::LlamaToken};
use protocol::Tenant;
use std::ops::Range;

/// What a number is used for.
enum Entry {
    Free,
    Running(Box<Sequence>),
    /// Everything that was computed of a text, but for what was forgotten.
    Kept {
        owner: Owner,
        tokens: Vec<LlamaToken>,
        gaps: Gaps,
        last_use: u64,
        /// What a copy of it takes.
        n_bytes: usize,
    },
}

/// The sequences of one context.
pub(crate) struct Pool<'m> {
    pub(super) context: LlamaContext<'m>,
    memory: Memory,
    entries: Vec<Entry>,
    /// By number, whether another number may have the same cells. What is in those must not be moved.
    shares_cells: Vec<bool>,
    saved: SavedStates,
    has_checkpoints: bool,
    checkpoints: Checkpoints<PartState>,
    index: PrefixIndex,
    n_uses: u64,
    copying: CopyCost,
}

/// Of what may be saved in memory, places to go back to may take one part in so many.
const CHECKPOINTS_SHARE: u64 = 4;

/// What states, and states at places to go back to, may take of `saved_bytes`.
fn shares(saved_bytes: u64, has_checkpoints: bool) -> (u64, u64) {
    let checkpoint_bytes = if has_checkpoints { saved_bytes / CHECKPOINTS_SHARE } else { 0 };
    (saved_bytes - checkpoint_bytes, checkpoint_bytes)
}

/// Cells that kept sequences may hold in all while nothing runs; the newest may hold more.
const KEPT_CELLS: usize = 1024;

impl<'m> Pool<'m> {
    /// The first `n_sequences` sequences of `context`, free; it has one more. What is in `files` is there already;
    /// what is saved in memory takes at most `saved_bytes`, states at places to go back to included.
    pub(super) fn new(
        context: LlamaContext<'m>,
        model: &LlamaModel,
        n_sequences: usize,
        files: Option<StateFiles>,
        saved_bytes: u64,
    ) -> Self {
        let has_checkpoints = has_checkpoints(model);
        let (states_bytes, checkpoint_bytes) = shares(saved_bytes, has_checkpoints);
        // The number between is that of the padding.
        let saved = SavedStates::new(n_sequences + 1, files, states_bytes);
        let mut index = PrefixIndex::default();
        for (number, saved) in saved.iter() {
            index.insert(saved.owner, number, &saved.tokens);
        }
        let mut pool = Self {
            context,
            memory: memory_of(model),
            entries: (0..n_sequences).map(|_| Entry::Free).collect(),
            shares_cells: vec![false; n_sequences],
            saved,
            has_checkpoints,
            checkpoints: Checkpoints::new(checkpoint_bytes),
            index,
            n_uses: 0,
            copying: CopyCost::default(),
        };
        pool.forget_outgrown();
        pool
    }

    /// From now on what is saved in memory takes at most `n`, states at places to go back to included.
    pub(super) fn set_saved_bytes(&mut self, n: u64) {
        let (states_bytes, checkpoint_bytes) = shares(n, self.has_checkpoints);
        self.checkpoints.set_max_bytes(checkpoint_bytes);
        self.saved.set_max_bytes(states_bytes);
        self.trim_saved();
    }

    /// What is saved in memory, likewise.
    pub(super) fn saved_bytes(&self) -> u64 {
        self.saved.n_bytes() + self.checkpoints.n_bytes()
    }

    /// Whether something runs or is kept under a number.
    pub(super) fn is_used(&self, id: SequenceId) -> bool {
        !matches!(self.entries[id], Entry::Free)
    }

    /// What runs, by number.
    pub(super) fn running(&self) -> impl Iterator<Item = (SequenceId, &Sequence)> {
        self.entries.iter().enumerate().filter_map(|(id, entry)| match entry {
            Entry::Running(sequence) => Some((id, &**sequence)),
            _ => None,
        })
    }

    pub(super) fn n_running(&self) -> usize {
        self.running().count()
    }

    /// A running sequence.
    pub(super) fn sequence(&self, id: SequenceId) -> Option<&Sequence> {
        match &self.entries[id] {
            Entry::Running(sequence) => Some(sequence),
            _ => None,
        }
    }

    /// A running sequence, to change it.
    pub(super) fn sequence_mut(&mut self, id: SequenceId) -> Option<&mut Sequence> {
        match &mut self.entries[id] {
            Entry::Running(sequence) => Some(sequence),
            _ => None,
        }
    }

    /// The logits of rows of the last batch for the sequences that they belong to, in the order of `wanted`; `None` for one that
    /// does not run.
    pub(super) fn given(&mut self, wanted: &[(SequenceId, Range<usize>)]) -> Vec<Option<Given<'_>>> {
        let context = &self.context;
        let mut given: Vec<_> = wanted.iter().map(|_| None).collect();
        for (id, entry) in self.entries.iter_mut().enumerate() {
            let Entry::Running(sequence) = entry else { continue };
            let Some(i) = wanted.iter().position(|(wanted, _)| *wanted == id) else { continue };
            let logits = wanted[i].1.clone().map(|row| context.get_logits_ith(row as i32)).collect();
            given[i] = Some(Given { sequence, logits });
        }
        given
    }

    /// Drops from the cache what a running sequence guessed wrongly.
    pub(super) fn drop_wrong_guesses(&mut self, id: SequenceId) {
        if let Some(sequence) = self.sequence(id) {
            // Guesses are only made where a sequence can be cut.
            let _ = self.context.kv_cache_seq_rm(id as i32, u32::try_from(sequence.n_past).ok(), None);
        }
    }

    /// A number for each of the first `n` ways in which a running sequence may go on: its own, and `branches`, which now begin
    /// like it. What the context holds is not copied for that.
    pub(super) fn branch(&mut self, id: SequenceId, branches: Range<usize>) -> Vec<i32> {
        let first = self.padding() + 1;
        let branches: Vec<_> = branches.map(|branch| (first + branch) as i32).collect();
        for &branch in &branches {
            // Within one pool of cells a copy is a mark on every cell and cannot fail.
            let _ = self.context.copy_kv_cache_seq(id as i32, branch, None, None);
        }
        [vec![id as i32], branches].concat()
    }

    /// Leaves of the ways in which a running sequence went on the one with the number `kept`, up to its `n_past`. `numbers` are
    /// all of them, the sequence's own first, and `known` of its tokens were known before.
    pub(super) fn keep_branch(&mut self, id: SequenceId, numbers: &[i32], kept: i32, known: usize) {
        let Some(n_past) = self.sequence(id).map(|sequence| sequence.n_past) else { return };
        let (start, end) = (u32::try_from(known).ok(), u32::try_from(n_past).ok());
        // Guesses are only made where a sequence can be cut.
        if kept == id as i32 {
            let _ = self.context.kv_cache_seq_rm(kept, end, None);
        } else {
            let _ = self.context.kv_cache_seq_rm(id as i32, start, None);
            let _ = self.context.copy_kv_cache_seq(kept, id as i32, start, end);
        }
        numbers[1..].iter().for_each(|&number| self.clear(number as usize));
    }

    /// Takes branches back that were not computed.
    pub(super) fn drop_branches(&mut self, n_branches: usize) {
        let first = self.padding() + 1;
        (first..first + n_branches).for_each(|branch| self.clear(branch));
    }

    /// The number of the rows that belong to nobody.
    pub(super) fn padding(&self) -> SequenceId {
        self.entries.len()
    }

    /// Takes these rows out of the cache again.
    pub(super) fn drop_padding(&mut self) {
        self.clear(self.padding());
    }

    /// Whether a sequence can be cut, so that wrong guesses can be taken back.
    pub(super) fn can_cut(&self) -> bool {
        self.memory.can_cut
    }

    /// Drops the keys and values behind the first `n_tokens` of a sequence whose recurrent state is that of those; says whether that
    /// worked.
    pub(super) fn cut_keys(&mut self, id: SequenceId, n_tokens: usize) -> bool {
        self.context.kv_cache_seq_rm(id as i32, u32::try_from(n_tokens).ok(), None).is_ok()
    }

    /// Drops all that the context holds of a running sequence.
    pub(super) fn empty(&mut self, id: SequenceId) {
        self.clear(id);
    }

    /// Where a waiting sequence would start.
    pub(super) fn place(&self, sequence: &Sequence) -> Place {
        let text = sequence.text();
        let mut matches = self.index.matches(sequence.owner(), text);
        matches.extend(self.server_matches(sequence, &matches));
        matches.iter_mut().for_each(|it| it.n_common = sequence.whole(it.n_common));
        let held = |id| self.held_for(sequence.window(), id);
        let checkpoint = |id, most| self.last_state(id, most);
        let coming_state = |id, most| self.coming_state(id, most);
        place(text.len(), &matches, self.memory, held, checkpoint, coming_state)
    }

    fn held(&self, id: SequenceId) -> Held {
        let gaps = self.gaps_of(id);
        let hole = gaps.hull();
        // What is cut behind what is forgotten has lost as many tokens before that.
        let in_text = |first: usize| if first == 0 { 0 } else { first + gaps.n_tokens() };
        if let Some(saved) = self.saved.get(id) {
            let n_past = saved.tokens.len();
            let least = self.saved.least_worth_fetching(saved);
            return Held { n_past, first: in_text(saved.first), hole, running: false, least };
        }
        let first = in_text(self.first_of(id));
        match &self.entries[id] {
            Entry::Free => Held::default(),
            Entry::Running(sequence) => {
                Held { n_past: sequence.n_computed(), first, hole, running: true, least: 0 }
            }
            Entry::Kept { tokens, .. } => {
                Held { n_past: tokens.len(), first, hole, running: false, least: 0 }
            }
        }
    }

    fn first_of(&self, id: SequenceId) -> usize {
        match self.memory.window {
            Some(_) => usize::try_from(self.context.kv_cache_seq_pos_min(id as i32)).unwrap_or(0),
            None => 0,
        }
    }

    /// Whether a sequence can start at `place` now. What is in a file for it is read first.
    pub(super) fn is_ready(&mut self, place: Place) -> bool {
        match place {
            Place::Wait => false,
            Place::Fresh => true,
            Place::Resume { sequence: from, .. } | Place::Fork { from, .. } => self.saved.is_here(from),
        }
    }

    /// Nobody else can start now with what was read from files.
    pub(super) fn await_nothing(&mut self) {
        self.saved.await_nothing();
    }

    /// Files are being read or written.
    pub(super) fn is_busy_with_files(&self) -> bool {
        self.saved.is_busy()
    }

    /// Takes note of what became of files; waits for the next if `waits`.
    pub(super) fn note_files(&mut self, waits: bool) {
        let n_files = self.saved.n_files();
        let noted = self.saved.note_done(waits, self.n_uses);
        noted.lost.into_iter().for_each(|dropped| self.forget_saved(dropped));
        for (number, n_tokens, part) in noted.parts {
            let n_bytes = part.n_bytes();
            self.checkpoints.add(number, n_tokens, part, n_bytes);
        }
        if self.saved.n_files() > n_files {
            self.forget_outgrown();
            while let Some(number) = self.saved.one_too_many(MAX_FILES) {
                self.forget(number);
            }
        }
        self.trim_saved();
    }

    fn forget_saved(&mut self, (owner, number): Dropped) {
        self.checkpoints.remove(number);
        self.index.remove(owner, number);
    }

    /// Deletes files of which a later one has everything: what a conversation was before it went on.
    fn forget_outgrown(&mut self) {
        let in_file = self.saved.iter().filter(|(_, saved)| saved.is_in_file());
        let outgrown = in_file.filter(|&(number, saved)| {
            let has_more = |other: &Saved| {
                let lengths = (other.tokens.len(), saved.tokens.len());
                other.is_in_file() && lengths.0 > lengths.1
            };
            let counts = |other| self.saved.get(other).is_some_and(has_more);
            self.n_alone(saved.owner, number, &saved.tokens, counts) == 0
        });
        for number in outgrown.map(|(number, _)| number).collect::<Vec<_>>() {
            self.forget(number);
        }
    }

    /// How many of the last of `tokens`, which are those of a number, could not be had from anything else that is there and
    /// `counts`.
    fn n_alone(
        &self,
        owner: Owner,
        number: SequenceId,
        tokens: &[LlamaToken],
        counts: impl Fn(SequenceId) -> bool,
    ) -> usize {
        // Where a longer one cannot be cut, it does not serve for a shorter one.
        if !self.memory.can_cut || self.memory.window.is_some() {
            return tokens.len();
        }
        // Who runs goes on with something of its own.
        let stays = |other| owner.tenant != Tenant::SERVER || self.saved.get(other).is_some();
        let serves = |other| counts(other) && stays(other) && self.gaps_of(other) == Gaps::default();
        self.index.n_alone(owner, number, tokens, serves)
    }

    /// Writes what is kept and saved into files, as far as that goes without waiting; says whether all of it is on its
    /// way. What is kept stays in the cache, where whoever goes on with it soon finds it.
    pub(super) fn write_files(&mut self) -> bool {
        self.copy_kept();
        self.note_files(false);
        self.saved.write_all(|number| self.checkpoints.for_file(number))
    }

    /// Starts a sequence at `place`, as [`Pool::place`] said right before. There must be fewer running than numbers. Gives it
    /// back where it was interrupted and the cache has no room yet for where it was.
    pub(super) fn start(&mut self, mut sequence: Box<Sequence>, place: Place) -> Option<Box<Sequence>> {
        let gaps = self.gaps_at(place).unwrap_or_else(|| sequence.gaps());
        let (id, n_tokens) = match place {
            Place::Fresh | Place::Wait => (self.free_number(None), 0),
            Place::Resume { sequence: from, n_tokens } | Place::Fork { from, n_tokens }
                if self.saved.get(from).is_some() =>
            {
                let restored = self.restore(from, n_tokens);
                if restored.1 == 0 && sequence.has_begun() && self.n_running() > 0 {
                    return Some(sequence);
                }
                restored
            }
            Place::Resume { sequence, n_tokens } => (sequence, self.cut(sequence, n_tokens)),
            Place::Fork { from, n_tokens } => self.fork(from, n_tokens),
        };
        if let Place::Resume { sequence: from, .. } | Place::Fork { from, .. } = place {
            self.checkpoints.inherit(from, id, n_tokens);
        }
        self.index.remove(sequence.owner(), id);
        sequence.begin(n_tokens, if n_tokens == 0 { sequence.gaps() } else { gaps });
        self.index.insert(sequence.owner(), id, sequence.text());
        self.index.insert(sequence.owner().of_server(), id, sequence.server_text());
        self.entries[id] = Entry::Running(sequence);
        None
    }

    /// Cells that nobody who runs has or is about to need.
    pub(super) fn n_spare_cells(&self) -> usize {
        let own = |(id, sequence): (SequenceId, &Sequence)| {
            sequence.n_cells_needed().saturating_sub(self.n_counted_before(id, sequence))
        };
        let needed: usize = self.running().map(own).sum();
        (self.context.n_ctx() as usize).saturating_sub(needed)
    }

    /// Cells of a running sequence that one with a smaller number has as well.
    fn n_counted_before(&self, id: SequenceId, sequence: &Sequence) -> usize {
        if !self.shares_cells[id] {
            return 0;
        }
        let own = self.index.matches(sequence.owner(), sequence.text());
        let of_server = self.index.matches(sequence.owner().of_server(), sequence.server_text());
        let is_counted = |other| other < id && self.shares_cells[other] && self.sequence(other).is_some();
        let counted = own.into_iter().chain(of_server).filter(|it| is_counted(it.sequence));
        counted.map(|it| it.n_common).max().unwrap_or(0)
    }

    /// Cells that a waiting sequence would take beside those of whom it shares some with, where it starts at `place`.
    pub(super) fn n_cells_more(&self, sequence: &Sequence, place: Place) -> usize {
        let n_shared = match place {
            Place::Fork { from, n_tokens } if from < self.entries.len() => n_tokens,
            _ => 0,
        };
        sequence.n_cells_needed().saturating_sub(n_shared)
    }

    /// Clears the way for a step: whatever runs does not look at what is only kept. While somebody waits for a token, no more is copied
    /// than they hardly notice; the rest stays until nobody does, or cells are needed.
    pub(super) fn save_kept(&mut self) {
        let mut ms = if self.is_decoding() { COPIES_MS } else { f64::INFINITY };
        for id in self.kept() {
            let copy_ms = self.copy_ms(id);
            if copy_ms <= ms {
                self.save(id);
                ms -= copy_ms;
            }
        }
    }

    fn is_decoding(&self) -> bool {
        self.running().any(|(_, sequence)| sequence.is_decoding())
    }

    /// What is kept, the longest unused first.
    fn kept(&self) -> Vec<SequenceId> {
        let ages = self.entries.iter().enumerate().filter_map(|(id, entry)| match entry {
            Entry::Kept { last_use, .. } => Some((*last_use, id)),
            _ => None,
        });
        let mut ages: Vec<_> = ages.collect();
        ages.sort_unstable();
        ages.into_iter().map(|(_, id)| id).collect()
    }

    /// A number with the first `n_tokens` of `from`, and how many it really has.
    fn fork(&mut self, from: SequenceId, n_tokens: usize) -> (SequenceId, usize) {
        let id = self.free_number(Some(from));
        if id == from {
            return (id, self.cut(id, n_tokens));
        }
        let part = self.part_for(from, n_tokens);
        let end = u32::try_from(self.gaps_of(from).n_kept_of(n_tokens)).ok();
        match self.context.copy_kv_cache_seq(from as i32, id as i32, None, end) {
            Ok(()) => {
                [self.shares_cells[from], self.shares_cells[id]] = [true; 2];
                self.touch(from);
                if !part.apply(&mut self.context, id) {
                    self.clear(id);
                    return (id, 0);
                }
                (id, n_tokens)
            }
            Err(_) => (id, 0),
        }
    }

    /// Drops everything behind the first `n_tokens` of a sequence. A model that cannot do that loses all of it; says
    /// how much is left.
    fn cut(&mut self, id: SequenceId, n_tokens: usize) -> usize {
        if n_tokens == self.held(id).n_past {
            return n_tokens;
        }
        let part = self.part_for(id, n_tokens);
        let start = u32::try_from(self.gaps_of(id).n_kept_of(n_tokens)).ok();
        let is_set_back = part.apply(&mut self.context, id);
        if n_tokens > 0 && is_set_back && self.context.kv_cache_seq_rm(id as i32, start, None).is_ok() {
            return n_tokens;
        }
        self.clear(id);
        0
    }

    /// A number nobody uses: a free one, else the kept one that was unused for longest. `spare` is taken last.
    fn free_number(&mut self, spare: Option<SequenceId>) -> SequenceId {
        if let Some(id) = self.entries.iter().position(|entry| matches!(entry, Entry::Free)) {
            return id;
        }
        match self.oldest_kept(spare).or(spare) {
            Some(id) if Some(id) != spare => {
                self.save(id);
                id
            }
            // Kept numbers outnumber what may run besides, so there is always another one; were it not so, the
            // sequence that is forked from would be used up instead.
            spare => spare.unwrap_or(0),
        }
    }

    fn oldest_kept(&self, except: Option<SequenceId>) -> Option<SequenceId> {
        self.kept().into_iter().find(|id| Some(*id) != except)
    }

    /// Gives back the cells of the kept sequence that was unused for longest; says whether there was one.
    pub(super) fn save_oldest(&mut self) -> bool {
        let oldest = self.oldest_kept(None);
        if let Some(id) = oldest {
            self.save(id);
        }
        oldest.is_some()
    }

    /// Forgets what is kept and saved of a tenant; of what still runs, nothing will be kept.
    pub(super) fn forget_all_of(&mut self, tenant: Tenant) {
        let is_kept = |entry: &Entry| matches!(entry, Entry::Kept { owner, .. } if owner.tenant == tenant);
        let kept = self.entries.iter().enumerate().filter(|(_, entry)| is_kept(entry)).map(|(id, _)| id);
        let saved =
            self.saved.iter().filter(|(_, saved)| saved.owner.tenant == tenant).map(|(number, _)| number);
        for id in kept.chain(saved).collect::<Vec<_>>() {
            self.forget(id);
        }
        self.saved.note_forgotten(tenant);
        for entry in &mut self.entries {
            if let Entry::Running(sequence) = entry
                && sequence.tenant == tenant
            {
                sequence.is_forgotten = true;
            }
        }
    }

    fn forget(&mut self, id: SequenceId) {
        if let Some(saved) = self.saved.remove(id) {
            self.checkpoints.remove(id);
            self.index.remove(saved.owner, id);
            return;
        }
        if let Entry::Kept { owner, .. } = self.entries[id] {
            self.index.remove(owner, id);
        }
        self.entries[id] = Entry::Free;
        self.clear(id);
    }

    fn clear(&mut self, id: SequenceId) {
        // Removing a whole sequence never fails.
        let _ = self.context.kv_cache_seq_rm(id as i32, None, None);
        // Branches and padding have numbers that something saved may have, too.
        if let Some(shares) = self.shares_cells.get_mut(id) {
            *shares = false;
            self.checkpoints.remove(id);
        }
    }

    /// Ends a running sequence and keeps what is in the cache.
    pub(super) fn release(&mut self, id: SequenceId) {
        let Entry::Running(sequence) = std::mem::replace(&mut self.entries[id], Entry::Free) else { return };
        let (owner, gaps, is_forgotten) = (sequence.owner(), sequence.gaps(), sequence.is_forgotten);
        let hole = sequence.window().map(Window::hole).unwrap_or_default();
        let tokens = sequence.text()[..sequence.n_computed()].to_vec();
        // Of a piece that was not looked at to the end, nothing can be kept.
        let end = u32::try_from(sequence.n_past).ok();
        let is_lost = sequence.n_rows > 0 && self.context.kv_cache_seq_rm(id as i32, end, None).is_err();
        self.index.remove(owner, id);
        self.index.remove(owner.of_server(), id);
        if is_forgotten || is_lost {
            self.clear(id);
        }
        if tokens.is_empty() || is_forgotten || is_lost {
            return;
        }
        self.forget_beginnings_of(owner, id, &tokens, &hole);
        self.index.insert(owner, id, &tokens);
        self.n_uses += 1;
        let n_bytes = SequenceState::size(&self.context, id as i32);
        self.entries[id] = Entry::Kept { owner, tokens, gaps, last_use: self.n_uses, n_bytes };
        // While somebody waits for a token, what is copied is seen to before every step.
        while !self.is_decoding() && self.keeps_too_much() && self.save_oldest() {}
    }

    fn keeps_too_much(&self) -> bool {
        let kept = self.entries.iter().filter_map(|entry| match entry {
            Entry::Kept { tokens, gaps, .. } => Some(gaps.n_kept_of(tokens.len())),
            _ => None,
        });
        let (n, n_cells) = kept.fold((0, 0), |(n, n_cells), len| (n + 1, n_cells + len));
        n > 1 && n_cells > KEPT_CELLS
    }

    /// What is kept and only the beginning of `tokens`, which are those of `id`, serves nobody any more, unless it is gone on
    /// with where `id` has a hole.
    fn forget_beginnings_of(
        &mut self,
        owner: Owner,
        id: SequenceId,
        tokens: &[LlamaToken],
        hole: &Range<usize>,
    ) {
        for found in self.index.matches(owner, tokens) {
            let held = self.held(found.sequence);
            let is_here_too = held.n_past <= hole.start || held.n_past >= hole.end;
            if !held.running && held.n_past == found.n_common && is_here_too {
                self.checkpoints.inherit(found.sequence, id, found.n_common);
                self.forget(found.sequence);
            }
        }
    }

    fn touch(&mut self, id: SequenceId) {
        self.n_uses += 1;
        if let Entry::Kept { last_use, .. } = &mut self.entries[id] {
            *last_use = self.n_uses;
        }
    }
}

/// Whether a model cannot be cut back to where it was, so that states are kept where conversations often go on from.
pub(crate) fn has_checkpoints(model: &LlamaModel) -> bool {
    let memory = memory_of(model);
    !memory.can_cut || memory.window.is_some()
}

/// What the model's memory allows, by what its file says.
fn memory_of(model: &LlamaModel) -> Memory {
    let architecture = model.meta_val_str("general.architecture").unwrap_or_default();
    let window = model.meta_val_str(&format!("{architecture}.attention.sliding_window")).ok();
    Memory {
        can_cut: !model.is_recurrent() && !model.is_hybrid(),
        window: window.and_then(|window| window.parse().ok()).filter(|&window| window > 0),
    }
}

#[cfg(test)]
mod tests;

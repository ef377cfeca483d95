//! What the scheduler does about guesses of a step: branches of a sequence, what was right, and what drafters learn of it.

use super::{Chunk, Scheduler, Sequence, SequenceId, blocks::Rows, guess::by_heads, heads::Computed, tree};

impl Scheduler<'_> {
    /// The numbers of the ways in which a chunk's sequence may go on: its own, and others where its guess branches.
    pub(super) fn branch(&mut self, chunk: &Chunk) -> Vec<i32> {
        let parents = |sequence: &Sequence| sequence.guess().parents[..chunk.n_drafted].to_vec();
        let parents = self.pool.sequence(chunk.sequence).map(parents).unwrap_or_default();
        let n_more = tree::leaves(&parents)[0].len() - 1;
        if n_more == 0 {
            return vec![chunk.sequence as i32];
        }
        let n_used = self.n_branches();
        let numbers = self.pool.branch(chunk.sequence, n_used..n_used + n_more);
        self.branches.insert(chunk.sequence, numbers.clone());
        numbers
    }

    pub(super) fn n_branches(&self) -> usize {
        self.branches.values().map(|numbers| numbers.len() - 1).sum()
    }

    pub(super) fn drop_branches(&mut self) {
        self.pool.drop_branches(self.n_branches());
        self.branches.clear();
    }

    /// Drops from the cache what a running sequence guessed wrongly in its chunk; says whether all of that has to be computed again.
    pub(super) fn take_back(&mut self, chunk: &Chunk) -> bool {
        if let Some(undo) = &mut self.undo {
            return undo.take_back(&mut self.pool, chunk);
        }
        self.pool.drop_wrong_guesses(chunk.sequence);
        false
    }

    /// Has the model show in this step what heads look at, where they guess for somebody.
    pub(super) fn look(&mut self, chunks: &[Chunk]) {
        let Some(heads) = &mut self.heads else { return };
        let by = by_heads(heads.guesser());
        let mut sequences = chunks.iter().filter_map(|chunk| self.pool.sequence(chunk.sequence));
        heads.look(&self.pool.context, sequences.any(|sequence| sequence.may_be_guessed(&by)));
    }

    /// Lets heads take over what the model knew in these rows of the batch, which are a chunk's right ones.
    pub(super) fn follow(&mut self, chunk: &Chunk, rows: Vec<usize>) {
        let Some(heads) = &mut self.heads else { return };
        let Some(sequence) = self.pool.sequence(chunk.sequence) else { return };
        let computed = Computed {
            number: chunk.sequence,
            owner: sequence.owner(),
            tokens: &sequence.tokens[..sequence.n_past],
            rows,
            is_wanted: sequence.may_be_guessed(&by_heads(heads.guesser())),
        };
        heads.follow(&self.pool.context, &computed, self.batch.n_tokens() as usize);
    }

    /// Lets the block drafter take over what the layers said about this batch.
    pub(super) fn show_layers(&mut self, chunks: &[Chunk]) {
        let Some(blocks) = &mut self.blocks else { return };
        let rows = |chunk: &Chunk| {
            let sequence = self.pool.sequence(chunk.sequence)?;
            let guessed = sequence.guess().tokens[..chunk.n_drafted].iter();
            let end = chunk.start + chunk.n_tokens - chunk.n_drafted;
            Some(Rows {
                number: chunk.sequence,
                owner: sequence.owner(),
                tokens: &sequence.tokens,
                start: chunk.start,
                rows: sequence.tokens[chunk.start..end].iter().chain(guessed).copied().collect(),
                // Of a tree only the path that is kept is taken over, once that is known.
                is_wanted: sequence.wants_blocks() && !self.branches.contains_key(&chunk.sequence),
            })
        };
        let rows: Vec<_> = chunks.iter().filter_map(rows).collect();
        blocks.follow(&self.pool.context, &rows);
    }

    /// Lets the block drafter take over what the layers said in these rows of the batch, which are the right ones of a chunk with a
    /// tree.
    pub(super) fn show_path(&mut self, chunk: &Chunk, rows: &[usize]) {
        let Some(blocks) = &mut self.blocks else { return };
        let Some(sequence) = self.pool.sequence(chunk.sequence) else { return };
        let positions = (chunk.start..).map(|position| position as i32);
        let rows: Vec<_> = rows.iter().copied().zip(positions).collect();
        let path = Rows {
            number: chunk.sequence,
            owner: sequence.owner(),
            tokens: &sequence.tokens,
            start: chunk.start,
            rows: Vec::new(),
            is_wanted: sequence.wants_blocks(),
        };
        blocks.follow_path(&self.pool.context, &path, &rows, self.batch.n_tokens() as usize);
    }

    /// Tells the block drafter what of a running sequence is true.
    pub(super) fn settle(&mut self, id: SequenceId) {
        let Some(blocks) = &mut self.blocks else { return };
        if let Some(sequence) = self.pool.sequence(id) {
            blocks.settle(id, sequence.owner(), &sequence.tokens[..sequence.n_past]);
        }
    }
}

/// The rows of a chunk that are right, where its first is the row `first` of the batch and of its guesses, each of which follows one of
/// `parents`, the last right one is `last`.
pub(super) fn kept_rows(
    chunk: &Chunk,
    first: usize,
    parents: &[Option<usize>],
    last: Option<usize>,
) -> Vec<usize> {
    let n_known = chunk.n_tokens - chunk.n_drafted;
    let mut nodes: Vec<_> = std::iter::successors(last, |&node| parents[node]).collect();
    nodes.reverse();
    let rows = (0..n_known).chain(nodes.into_iter().map(|node| n_known + node));
    rows.map(|row| first + row).collect()
}

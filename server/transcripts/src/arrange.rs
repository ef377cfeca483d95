//! Turns that name their parents by strangers' ids become a forest in which parents come first.

use crate::{MAX_TURNS, Turn, within_limit};
use std::collections::{HashMap, HashSet, VecDeque};
use types::chat::MAX_MESSAGE_BYTES;

/// A turn as a file tells it.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    /// `None` of what says nothing itself, but is a step on the way to what continues it.
    pub(crate) turn: Option<Turn>,
}

/// What became of the turns.
#[derive(Debug, Default)]
pub(crate) struct Arranged {
    pub(crate) turns: Vec<Turn>,
    pub(crate) shown: Option<usize>,
    /// Turns that continue themselves, or are too many.
    pub(crate) n_left_out: usize,
}

/// Turns whose parent is unknown begin a branch. Those that nothing leads to, since they continue each other in a circle,
/// are left out. What one speaker says in several steps without anybody in between becomes one turn.
pub(crate) fn arrange(told: Vec<Told>, shown: Option<&str>) -> Arranged {
    let known: HashSet<String> = told.iter().map(|it| it.id.clone()).collect();
    let n_told = told.iter().filter(|it| it.turn.is_some()).count();
    let mut children: HashMap<Option<String>, Vec<Told>> = HashMap::new();
    for it in told {
        let parent = it.parent.clone().filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(it);
    }
    let mut arranged = Arranged::default();
    let mut n_taken = 0;
    let mut waiting: VecDeque<(Option<usize>, Vec<Told>)> = VecDeque::new();
    waiting.extend(children.remove(&None).map(|first| (None, first)));
    while let Some((parent, siblings)) = waiting.pop_front() {
        let alone = siblings.len() == 1;
        for it in siblings {
            let mut place = parent;
            if let Some(turn) = it.turn.filter(|_| arranged.turns.len() < MAX_TURNS) {
                n_taken += 1;
                place = Some(arranged.take(parent, turn, alone));
            }
            if shown == Some(it.id.as_str()) {
                arranged.shown = place;
            }
            waiting.extend(children.remove(&Some(it.id)).map(|next| (place, next)));
        }
    }
    arranged.n_left_out = n_told - n_taken;
    arranged.shown = arranged.shown.or_else(|| arranged.turns.len().checked_sub(1));
    arranged
}

impl Arranged {
    /// Where the turn is now: a place of its own, or that of the turn which it goes on with.
    fn take(&mut self, parent: Option<usize>, turn: Turn, alone: bool) -> usize {
        if let Some(at) = parent.filter(|_| alone)
            && let Some(before) = self.turns.get_mut(at)
            && before.role == turn.role
        {
            join(before, turn);
            return at;
        }
        self.turns.push(Turn { parent, text: within_limit(turn.text), ..turn });
        self.turns.len() - 1
    }
}

fn join(before: &mut Turn, turn: Turn) {
    append(&mut before.text, &turn.text);
    if let Some(thought) = turn.reasoning {
        append(before.reasoning.get_or_insert_default(), &thought);
    }
    before.model = turn.model.or_else(|| before.model.take());
    before.images.extend(turn.images);
}

/// As far as there is room: what is full already costs nothing, however much a file has.
fn append(text: &mut String, more: &str) {
    const BETWEEN: &str = "\n\n";
    let between = if text.is_empty() || more.is_empty() { "" } else { BETWEEN };
    let room = MAX_MESSAGE_BYTES.saturating_sub(text.len() + between.len());
    if room > 0 {
        text.push_str(between);
        text.push_str(&more[..more.floor_char_boundary(room)]);
    }
}

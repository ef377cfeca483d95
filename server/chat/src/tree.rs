//! The branches of a session, as a page shows them: a line for every stretch of turns between two forks.

use crate::{Chat, ChatError};
use std::collections::{HashMap, HashSet};
use store::MessageRow;
use types::{
    chat::{MAX_BRANCHES, Stretch, Tree},
    ids::{MessageId, SessionId, UserId},
};

/// What a line shows of the first turn.
const START_CHARS: usize = 120;

impl Chat {
    /// All branches of a session. At most [`MAX_BRANCHES`] lines; the others are counted.
    pub async fn tree(&self, user: UserId, session: SessionId) -> Result<Tree, ChatError> {
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let messages = self.store.all_messages(user, session).await?;
        let mut stretches = stretches(&messages, row.leaf);
        let n_left_out = stretches.len().saturating_sub(MAX_BRANCHES) as u32;
        stretches.truncate(MAX_BRANCHES);
        Ok(Tree { title: row.title, stretches, n_left_out })
    }
}

/// Stretches in the order of a walk through the tree, older branches first. Parents come before what continues them.
fn stretches(messages: &[MessageRow], leaf: Option<MessageId>) -> Vec<Stretch> {
    let mut children: HashMap<Option<MessageId>, Vec<&MessageRow>> = HashMap::new();
    for message in messages {
        children.entry(message.parent).or_default().push(message);
    }
    let shown = branch(messages, leaf);
    let below = |id: Option<MessageId>| children.get(&id).map_or(&[][..], Vec::as_slice);
    let mut stretches = Vec::new();
    // A stack, since a session can be deeper than the thread's own.
    let mut waiting: Vec<(&MessageRow, u32)> = below(None).iter().rev().map(|it| (*it, 0)).collect();
    while let Some((first, depth)) = waiting.pop() {
        let (mut last, mut n_turns) = (first, 1);
        while let [next] = below(Some(last.id)) {
            (last, n_turns) = (next, n_turns + 1);
        }
        stretches.push(Stretch {
            first: first.id,
            last: last.id,
            depth,
            role: first.role,
            start: start(&first.body),
            model: first.model.clone(),
            n_turns,
            ended_ms: last.created_ms,
            is_shown: shown.contains(&first.id),
        });
        waiting.extend(below(Some(last.id)).iter().rev().map(|it| (*it, depth + 1)));
    }
    stretches
}

fn branch(messages: &[MessageRow], leaf: Option<MessageId>) -> HashSet<MessageId> {
    let parents: HashMap<_, _> = messages.iter().map(|it| (it.id, it.parent)).collect();
    let mut branch = HashSet::new();
    let mut next = leaf;
    while let Some(id) = next.filter(|id| branch.insert(*id)) {
        next = parents.get(&id).copied().flatten();
    }
    branch
}

/// The first words, in one line.
fn start(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut start: String = line.chars().take(START_CHARS).collect();
    if start.len() < line.len() {
        start.push('…');
    }
    start
}

//! Runs as pages show them.

use crate::{asked, live::LiveRun};
use std::sync::Arc;
use store::{RunRow, SlotRow};
use types::{
    chat::MessageState,
    compare::{Contestant, Phase, RunLine, RunView, SlotView},
    guard::Guard,
    sampling::Sampling,
};

/// An error may name the model.
const NOT_YET: &str = "it could not be written; after the vote you are told why";

/// Markdown takes time: off the runtime. `usual` are the person's settings of now.
pub(crate) async fn render(row: RunRow, live: Option<Arc<LiveRun>>, usual: Sampling) -> RunView {
    let is_hidden = row.is_blind && row.vote.is_none();
    let RunRow { id, prompt, system_prompt, is_blind, in_turn, vote, created_ms, slots } = row;
    let work = move || {
        let view = |(position, slot): (usize, SlotRow)| {
            let contestant = (!is_hidden).then(|| asked::shown(slot.contestant.clone(), &usual));
            match &live {
                Some(live) if slot.state == MessageState::Running => growing(live, position, contestant),
                _ => ended(slot, contestant),
            }
        };
        slots.into_iter().enumerate().map(view).collect()
    };
    let slots = tokio::task::spawn_blocking(work).await.unwrap_or_else(|err| {
        tracing::error!(error = %err, "rendering a comparison failed");
        Vec::new()
    });
    RunView { id, prompt, system_prompt, is_blind, in_turn, vote, slots, created_at_ms: created_ms }
}

fn growing(live: &LiveRun, position: usize, contestant: Option<Contestant>) -> SlotView {
    let shown = live.slots[position].lock();
    // It ended after its row was read: whoever follows is told all of it again, and fetches the row.
    let is_late = shown.phase == Phase::Ended;
    SlotView {
        contestant,
        phase: if is_late { Phase::Writing } else { shown.phase },
        state: MessageState::Running,
        error: None,
        guard: None,
        had_no_room: shown.had_no_room,
        text: String::new(),
        blocks: shown.text.all(),
        thought: shown.thought.all(),
        usage: None,
        kv: None,
        seq: if is_late { 0 } else { shown.seq },
    }
}

fn ended(slot: SlotRow, contestant: Option<Contestant>) -> SlotView {
    let is_hidden = contestant.is_none();
    // What a guard ended is stored as stopped, with the guard's word in the place of an error.
    let guard = slot.error.as_deref().filter(|_| slot.state == MessageState::Stopped).and_then(Guard::parse);
    SlotView {
        contestant,
        phase: Phase::Ended,
        state: slot.state,
        error: slot
            .error
            .filter(|_| guard.is_none())
            .map(|error| if is_hidden { NOT_YET.to_owned() } else { error }),
        guard,
        had_no_room: slot.had_no_room,
        blocks: markup::render(&slot.body),
        thought: markup::render(&slot.reasoning),
        text: slot.body,
        usage: slot.usage.filter(|_| !is_hidden),
        kv: slot.kv.filter(|_| !is_hidden),
        seq: u64::MAX,
    }
}

/// A run in the list.
pub(crate) fn line(run: RunRow) -> RunLine {
    let is_hidden = run.is_blind && run.vote.is_none();
    RunLine {
        id: run.id,
        is_running: run.slots.iter().any(|slot| slot.state == MessageState::Running),
        models: run.slots.into_iter().filter(|_| !is_hidden).map(|slot| slot.contestant.model).collect(),
        prompt: run.prompt,
        vote: run.vote,
        created_at_ms: run.created_ms,
    }
}

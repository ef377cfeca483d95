//! The run that is shown: each answer with its own signals, so that what grows repaints its last block only.

use super::{
    api,
    bench::{Bench, Open},
};
use crate::{platform, replies::Replies};
use leptos::{prelude::*, task::spawn_local};
use std::hash::{DefaultHasher, Hash, Hasher};
use types::{
    chat::{MessageState, Queued},
    compare::{Followed, Phase, RunView, SlotGrowth, SlotView},
    ids::CompareRunId,
};

/// Faster than that nobody sees it.
const PAUSE_MS: u32 = 50;
/// After a failure the server is asked again so much later.
const AGAIN_MS: u32 = 1500;

/// A rendered block. Equal blocks at the same place keep their element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) key: (usize, u64),
    pub(super) html: String,
}

/// What an answer is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    pub(super) phase: Phase,
    pub(super) queued: Option<Queued>,
    pub(super) n_tokens: u32,
    pub(super) tokens_per_second: Option<f32>,
}

/// One answer on the page. Copy; lives as long as the run is shown.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) position: usize,
    /// Everything but the blocks, which change far more often.
    pub(super) view: RwSignal<SlotView>,
    pub(super) blocks: RwSignal<Vec<Block>>,
    pub(super) thought: RwSignal<Vec<Block>>,
    pub(super) pace: RwSignal<Pace>,
    seq: StoredValue<u64>,
}

impl Slot {
    fn new(position: usize, view: SlotView) -> Self {
        let pace = Pace { phase: view.phase, queued: None, n_tokens: 0, tokens_per_second: None };
        Self {
            position,
            blocks: RwSignal::new(number(0, &view.blocks)),
            thought: RwSignal::new(number(0, &view.thought)),
            pace: RwSignal::new(pace),
            seq: StoredValue::new(view.seq),
            view: RwSignal::new(view),
        }
    }

    pub(super) fn is_running(self) -> bool {
        self.view.read().state == MessageState::Running
    }

    fn replace(self, view: SlotView) {
        self.blocks.maybe_update(|blocks| update(blocks, 0, &view.blocks));
        self.thought.maybe_update(|blocks| update(blocks, 0, &view.thought));
        self.pace.update(|pace| pace.phase = view.phase);
        self.seq.set_value(view.seq);
        self.view.set(view);
    }

    /// `false` if it has to be fetched: it has ended, or what it grows from is not there.
    fn grow(self, growth: SlotGrowth) -> bool {
        let SlotGrowth {
            seq,
            phase,
            first,
            blocks,
            first_thought,
            thought,
            queued,
            n_tokens,
            tokens_per_second,
        } = growth;
        let mut fits = true;
        self.blocks.maybe_update(|old| {
            fits &= first as usize <= old.len();
            fits && update(old, first as usize, &blocks)
        });
        self.thought.maybe_update(|old| {
            fits &= first_thought as usize <= old.len();
            fits && update(old, first_thought as usize, &thought)
        });
        self.pace.set(Pace { phase, queued, n_tokens, tokens_per_second });
        self.seq.set_value(seq);
        fits && phase != Phase::Ended
    }
}

/// The run. Copy; lives as long as it is shown.
#[derive(Clone, Copy)]
pub(super) struct RunStore {
    pub(super) bench: Bench,
    pub(super) id: CompareRunId,
    /// As it was fetched last.
    pub(super) view: RwSignal<RunView>,
    pub(super) slots: StoredValue<Vec<Slot>>,
    replies: Replies,
}

impl RunStore {
    pub(super) fn new(bench: Bench, view: RunView) -> Self {
        let slots = view.slots.iter().cloned().enumerate().map(|(position, slot)| Slot::new(position, slot));
        let store = Self {
            bench,
            id: view.id,
            slots: StoredValue::new(slots.collect()),
            view: RwSignal::new(view),
            replies: Replies::new(),
        };
        Effect::new(move |_| {
            if store.view.with_untracked(RunView::is_running) {
                spawn_local(store.follow());
            }
        });
        store
    }

    pub(super) fn is_running(self) -> bool {
        self.view.with(RunView::is_running)
    }

    /// Fetches the run again.
    pub(super) fn refresh(self) {
        spawn_local(async move { _ = self.fetch().await });
    }

    /// `false` where it could not be fetched, or is not shown any more.
    async fn fetch(self) -> bool {
        let question = self.replies.ask();
        let Ok(view) = api::load_run(self.id).await else { return false };
        if !self.is_shown() {
            return false;
        }
        if !self.replies.is_news(question) {
            return true;
        }
        let slots = self.slots.get_value();
        slots.into_iter().zip(view.slots.iter().cloned()).for_each(|(slot, view)| slot.replace(view));
        self.view.set(view);
        true
    }

    /// Asks for what is new until the run is over or another page is shown. A lost connection is tried again.
    async fn follow(self) {
        while self.is_shown() {
            let seen = self.slots.get_value().iter().map(|slot| slot.seq.get_value()).collect();
            let pause = match api::follow_run(self.id, seen).await {
                _ if !self.is_shown() => return,
                Ok(Followed::Grew(growths)) => {
                    self.take(growths).await;
                    PAUSE_MS
                }
                Ok(Followed::Over) => {
                    if self.fetch().await {
                        self.bench.changed();
                        return;
                    }
                    AGAIN_MS
                }
                Err(_) => AGAIN_MS,
            };
            platform::sleep(pause).await;
        }
    }

    async fn take(self, growths: Vec<Option<SlotGrowth>>) {
        let mut is_whole = true;
        for (slot, growth) in self.slots.get_value().into_iter().zip(growths) {
            is_whole &= growth.is_none_or(|growth| slot.grow(growth));
        }
        if !is_whole {
            self.fetch().await;
        }
    }

    /// The page may have been left, or shows another run.
    fn is_shown(self) -> bool {
        self.view.try_with_untracked(|view| view.id) == Some(self.id)
            && self.bench.open.try_get_untracked() == Some(Open::Run(self.id))
    }
}

/// Replaces the blocks from `first` on. `false` if nothing changed.
fn update(blocks: &mut Vec<Block>, first: usize, html: &[String]) -> bool {
    let new = number(first, html);
    if blocks.get(first..) == Some(&new[..]) {
        return false;
    }
    blocks.truncate(first);
    blocks.extend(new);
    true
}

fn number(first: usize, html: &[String]) -> Vec<Block> {
    let hash = |text: &String| {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        hasher.finish()
    };
    let block = |(idx, html): (usize, &String)| Block { key: (first + idx, hash(html)), html: html.clone() };
    html.iter().enumerate().map(block).collect()
}

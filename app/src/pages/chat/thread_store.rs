//! The page's one store: the rows of the open thread, each with its own signals, so that a growing
//! answer repaints only its last block.

use super::api;
use crate::{error::AppError, live::use_live, platform};
use leptos::{prelude::*, task::spawn_local};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use types::{
    called::is_call,
    chat::{
        AnsweringModel, ChatEvent, Chip, MESSAGES_MORE, MESSAGES_SHOWN, MessageState, MessageView, Queued,
        Role, ThoughtGrowth, ThoughtView, Thread,
    },
    guard::Warning,
    ids::{GenerationId, MessageId, ModelId, SessionId},
    reasoning::Effort,
};

/// A rendered block, or a call. Equal blocks at the same place keep their element, and calls do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    pub(super) key: (usize, u64),
    /// Shared: with every piece of an answer the list of its blocks is gone through.
    pub(super) html: Arc<str>,
}

/// Speed and size of an answer that is being written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub(super) n_tokens: u32,
    pub(super) tokens_per_second: Option<f32>,
    /// Others come first.
    pub(super) queued: Option<Queued>,
    /// What a person should know about the machine.
    pub(super) warning: Option<Warning>,
}

/// What the model thinks before it answers.
#[derive(Clone, Default)]
pub(super) struct Thought {
    /// None where it does not.
    pub(super) blocks: ArcRwSignal<Vec<Block>>,
    /// How long it took, or has taken so far, where that is known, and whether it goes on.
    pub(super) took: ArcRwSignal<(Option<u32>, bool)>,
}

impl Thought {
    fn of(message: &MessageView) -> Self {
        let thought = Self::default();
        thought.replace(message.thought.as_ref());
        thought
    }

    fn replace(&self, view: Option<&ThoughtView>) {
        let blocks = view.map_or(&[][..], |view| &view.blocks);
        self.blocks.maybe_update(|old| update_blocks(old, 0, blocks));
        self.tell(view.map(|view| (view.ms, view.goes_on)).unwrap_or_default());
    }

    /// `false` if what it grows from is not there.
    fn grow(&self, growth: &ThoughtGrowth) -> bool {
        let mut fits = true;
        self.blocks.maybe_update(|old| {
            fits = growth.first as usize <= old.len();
            fits && update_blocks(old, growth.first as usize, &growth.blocks)
        });
        self.tell((growth.ms, growth.goes_on));
        fits
    }

    fn tell(&self, took: (Option<u32>, bool)) {
        if *self.took.read_untracked() != took {
            self.took.set(took);
        }
    }
}

/// One message on the page.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) id: MessageId,
    pub(super) role: Role,
    /// Everything but the blocks, which change far more often.
    pub(super) view: ArcRwSignal<MessageView>,
    pub(super) blocks: ArcRwSignal<Vec<Block>>,
    pub(super) thought: Thought,
    pub(super) pace: ArcRwSignal<Pace>,
    /// The last run that was seen writing it.
    last_run: ArcStoredValue<Option<GenerationId>>,
}

impl Row {
    fn new(message: MessageView) -> Self {
        let blocks = number(0, &message.blocks);
        let thought = Thought::of(&message);
        Self {
            id: message.id,
            role: message.role,
            last_run: ArcStoredValue::new(message.generation),
            view: ArcRwSignal::new(message),
            blocks: ArcRwSignal::new(blocks),
            thought,
            pace: ArcRwSignal::new(Pace::default()),
        }
    }

    /// An answer that runs, where this one has ended, was fetched before it did and came late, unless it goes on in
    /// another run.
    fn replace(&self, message: MessageView) {
        let has_ended = self.view.read_untracked().state != MessageState::Running;
        let is_known = message.generation <= self.last_run.get_value();
        if has_ended && message.state == MessageState::Running && is_known {
            return;
        }
        self.saw(message.generation);
        self.blocks.maybe_update(|blocks| update_blocks(blocks, 0, &message.blocks));
        self.thought.replace(message.thought.as_ref());
        // Thousands of others may be fetched along with one that changed.
        if *self.view.read_untracked() != message {
            self.view.set(message);
        }
    }

    /// Numbers that change with every piece can be read by nobody, and each of them is painted.
    fn tell_pace(&self, seq: u64, pace: Pace) {
        const EVERY: u64 = 8;
        let before = *self.pace.read_untracked();
        let is_new = before.n_tokens == 0 || (before.queued, before.warning) != (pace.queued, pace.warning);
        if is_new || seq.is_multiple_of(EVERY) {
            self.pace.set(pace);
        }
    }

    fn saw(&self, run: Option<GenerationId>) {
        self.last_run.update_value(|last| *last = run.max(*last));
    }

    pub(super) fn is_running(&self) -> bool {
        self.view.read().state == MessageState::Running
    }
}

/// The open thread. Copy; lives as long as the page.
#[derive(Clone, Copy)]
pub(super) struct ThreadStore {
    /// From the address.
    pub(super) session: Memo<Option<SessionId>>,
    pub(super) rows: RwSignal<Vec<Row>>,
    /// How much the model thinks before it answers here; none leaves it to the model.
    pub(super) effort: RwSignal<Option<Effort>>,
    /// What this thread sets apart from what is set for all.
    pub(super) chips: RwSignal<Vec<Chip>>,
    /// The model that answered here last.
    pub(super) model: RwSignal<Option<AnsweringModel>>,
    /// How many collections of documents its answers look into.
    pub(super) n_collections: RwSignal<u64>,
    /// How many documents go with the message that is being written, those on their way included.
    pub(super) n_attached: RwSignal<u64>,
    /// Files that were given to it and are not on their way yet.
    pub(super) files: StoredValue<Vec<platform::File>, LocalStorage>,
    /// How many files are on their way to it, those included.
    pub(super) n_arriving: RwSignal<usize>,
    /// Who answers the next message alone; none is the chosen model.
    pub(super) answers_next: RwSignal<Option<ModelId>>,
    /// A long text that was pasted into it, and could be a file instead.
    pub(super) pasted: RwSignal<String>,
    /// How many tools its answers may call.
    pub(super) n_tools: RwSignal<u64>,
    /// The list of tools is open.
    pub(super) tools_open: RwSignal<bool>,
    /// The word at the end of what is being written may stand for something.
    pub(super) has_word: RwSignal<bool>,
    /// Grows with every change of the message that is being written.
    pub(super) typed: RwSignal<u64>,
    /// Which earlier question was put into the message: 1 is the last one, 0 is none.
    pub(super) recalled: StoredValue<usize>,
    /// Grows whenever there is more to see.
    pub(super) growth: RwSignal<u64>,
    /// How many messages come before the first row.
    pub(super) n_earlier: RwSignal<u64>,
    /// How often the thread was fetched; only the last fetch counts, whichever comes back last.
    n_fetches: StoredValue<u64>,
    /// The session that was fetched last because something happened in it.
    fetched: StoredValue<Option<SessionId>>,
}

impl ThreadStore {
    /// An empty store that follows `session`.
    pub(super) fn new(session: Memo<Option<SessionId>>) -> Self {
        let store = Self {
            session,
            rows: RwSignal::new(Vec::new()),
            effort: RwSignal::new(None),
            chips: RwSignal::new(Vec::new()),
            model: RwSignal::new(None),
            n_collections: RwSignal::new(0),
            n_attached: RwSignal::new(0),
            files: StoredValue::new_local(Vec::new()),
            n_arriving: RwSignal::new(0),
            answers_next: RwSignal::new(None),
            pasted: RwSignal::new(String::new()),
            n_tools: RwSignal::new(0),
            tools_open: RwSignal::new(false),
            has_word: RwSignal::new(false),
            typed: RwSignal::new(0),
            recalled: StoredValue::new(0),
            growth: RwSignal::new(0),
            n_earlier: RwSignal::new(0),
            n_fetches: StoredValue::new(0),
            fetched: StoredValue::new(None),
        };
        let live = use_live();
        let on_event = Callback::new(move |(_, event)| store.apply(event));
        Effect::new(move |_| live.watch(session.get(), on_event));
        // What happened while nobody listened is fetched.
        Effect::watch(
            move || live.epoch.get(),
            move |epoch, _, _| {
                if *epoch > 1 {
                    store.refetch()
                }
            },
            false,
        );
        store
    }

    /// Shows nothing.
    pub(super) fn clear(self) {
        self.model.set(None);
        self.chips.set(Vec::new());
        self.n_collections.set(0);
        let waiting = self.files.try_update_value(std::mem::take).unwrap_or_default();
        self.n_arriving.update(|n| *n = n.saturating_sub(waiting.len()));
        self.n_attached.set(0);
        self.pasted.set(String::new());
        self.answers_next.set(None);
        self.n_tools.set(0);
        self.n_earlier.set(0);
        self.rows.set(Vec::new());
    }

    /// Shows what its page was opened with. Where something happened while that was on its way, it may be older than what is
    /// shown, and an answer that has ended would run for ever.
    pub(super) fn open(self, thread: Thread) {
        let may_be_old = self.fetched.get_value() == Some(thread.session.id);
        self.replace(thread);
        if may_be_old {
            self.refetch();
        }
    }

    /// Shows `thread`; rows that stay keep their elements.
    pub(super) fn replace(self, thread: Thread) {
        self.model.set(thread.model);
        self.chips.set(thread.chips);
        self.n_collections.set(thread.n_collections.into());
        // Files that wait for the code that sends them are not known to the server yet.
        self.n_attached.set(u64::from(thread.n_attached) + self.files.with_value(Vec::len) as u64);
        self.n_tools.set(thread.n_tools.into());
        self.n_earlier.set(thread.n_earlier.into());
        let old = self.rows.get_untracked();
        // Both are in the same order: what stays is found where the last one was.
        let mut rest = &old[..];
        let rows = thread
            .messages
            .into_iter()
            .map(|message| match rest.iter().position(|row| row.id == message.id) {
                Some(at) => {
                    let row = rest[at].clone();
                    rest = &rest[at + 1..];
                    row.replace(message);
                    row
                }
                None => Row::new(message),
            })
            .collect();
        self.rows.set(rows);
        self.growth.update(|growth| *growth += 1);
    }

    /// Fetches the thread again.
    pub(super) fn refetch(self) {
        // The page may have been left meanwhile.
        let Some(session) = self.session.try_get_untracked().flatten() else { return };
        let n_shown = self.rows.with_untracked(Vec::len) as u32;
        let fetch = self.n_fetches.get_value() + 1;
        self.n_fetches.set_value(fetch);
        self.fetched.set_value(Some(session));
        spawn_local(async move {
            let fetched = api::load_thread(Some(session), n_shown.max(MESSAGES_SHOWN), None).await;
            let is_open = self.session.try_get_untracked() == Some(Some(session));
            if !is_open || self.n_fetches.try_get_value() != Some(fetch) {
                return;
            }
            match fetched {
                Ok(thread) => self.replace(thread),
                // Deleted elsewhere: its page says so, and what is being written is kept. A page of no chat says so already.
                Err(AppError::NotFound) if n_shown > 0 => platform::load(&format!("/chat/{session}")),
                // The connection tells of what else went wrong, and when it is back this is asked again.
                Err(_) => {}
            }
        });
    }

    /// Takes files that go with the message that is being written.
    pub(super) fn take_files(self, files: Vec<platform::File>) {
        let n = files.len();
        self.files.update_value(|waiting| waiting.extend(files));
        self.n_arriving.update(|arriving| *arriving += n);
        self.n_attached.update(|attached| *attached += n as u64);
    }

    /// Shows more of what comes before the first row. Nothing of what is shown is fetched for it. `on_failure` is told why there is
    /// no more.
    pub(super) fn fetch_earlier(self, on_failure: impl FnOnce(AppError) + 'static) {
        let first = move || self.rows.try_with_untracked(|rows| rows.first().map(|row| row.id)).flatten();
        let (Some(session), Some(before)) = (self.session.get_untracked(), first()) else { return };
        spawn_local(async move {
            match api::load_thread(Some(session), MESSAGES_MORE, Some(before)).await {
                Ok(thread) if first() == Some(before) => {
                    self.n_earlier.set(thread.n_earlier.into());
                    self.rows.update(|rows| _ = rows.splice(..0, thread.messages.into_iter().map(Row::new)));
                }
                // The page shows something else by now.
                Ok(_) => {}
                Err(err) => on_failure(err),
            }
        });
    }

    /// Whether an answer is being written.
    pub(super) fn is_running(self) -> bool {
        self.rows.read().last().is_some_and(Row::is_running)
    }

    /// Whether somebody showed an image in it.
    pub(super) fn has_images(self) -> bool {
        self.rows.read().iter().any(|row| !row.view.read().images.is_empty())
    }

    /// What the person wrote last, or `n` questions before that.
    pub(super) fn question_before(self, n: usize) -> Option<String> {
        question_before(&self.rows.read_untracked(), n)
    }

    /// Whether the thread begins with this message.
    pub(super) fn is_first(self, id: MessageId) -> bool {
        let is_first_row = self.rows.with_untracked(|rows| rows.first().is_some_and(|row| row.id == id));
        is_first_row && self.n_earlier.get_untracked() == 0
    }

    /// The message right before this one, where it is shown.
    pub(super) fn shown_before(self, id: MessageId) -> Option<MessageId> {
        self.rows.with_untracked(|rows| {
            let at = rows.iter().position(|row| row.id == id)?;
            Some(rows.get(at.checked_sub(1)?)?.id)
        })
    }

    fn apply(self, event: ChatEvent) {
        match event {
            ChatEvent::ThreadChanged => self.refetch(),
            ChatEvent::Finished { message } => match self.find(message.id) {
                Some(row) => {
                    row.replace(*message);
                    self.growth.update(|growth| *growth += 1);
                }
                None => self.refetch(),
            },
            ChatEvent::Grew {
                message,
                first,
                blocks,
                thought,
                n_tokens,
                tokens_per_second,
                queued,
                warning,
                seq,
                ..
            } => {
                let grown = self.find(message).is_some_and(|row| {
                    row.tell_pace(seq, Pace { n_tokens, tokens_per_second, queued, warning });
                    let mut fits = row.thought.grow(&thought);
                    row.blocks.maybe_update(|old| {
                        fits &= first as usize <= old.len();
                        fits && update_blocks(old, first as usize, &blocks)
                    });
                    fits
                });
                if grown {
                    self.growth.update(|growth| *growth += 1);
                } else {
                    self.refetch();
                }
            }
        }
    }

    fn find(self, id: MessageId) -> Option<Row> {
        self.rows.with_untracked(|rows| rows.iter().find(|row| row.id == id).cloned())
    }
}

/// Images that were shown without a word are nothing to ask again.
fn question_before(rows: &[Row], n: usize) -> Option<String> {
    let questions = rows.iter().rev().filter(|row| row.role == Role::User);
    questions.map(|row| row.view.read_untracked().text.clone()).filter(|text| !text.trim().is_empty()).nth(n)
}

/// Replaces the blocks from `first` on. `false` if nothing changed.
pub(super) fn update_blocks(blocks: &mut Vec<Block>, first: usize, html: &[String]) -> bool {
    let new = number(first, html);
    if blocks.get(first..) == Some(&new[..]) {
        return false;
    }
    blocks.truncate(first);
    blocks.extend(new);
    true
}

fn number(first: usize, html: &[String]) -> Vec<Block> {
    let block =
        |(idx, html): (usize, &String)| Block { key: (first + idx, hash(html)), html: html.as_str().into() };
    html.iter().enumerate().map(block).collect()
}

fn hash(text: &str) -> u64 {
    if is_call(text) {
        return 0;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;

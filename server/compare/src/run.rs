//! One run from its beginning to its end: who answers together, and who waits.

use crate::{Compare, LoadError, asked::Asked, live::LiveRun, slot};
use futures::future::join_all;
use inference::{GenerateRequest, Hold, Prompt, Target, Tenant};
use std::sync::Arc;
use types::{
    chat::{ChatTurn, Role},
    compare::Phase,
    reasoning::Reasoning,
    settings::UserSettings,
};

/// A run that was committed.
pub(crate) struct Run {
    pub(crate) compare: Compare,
    pub(crate) live: Arc<LiveRun>,
    pub(crate) prompt: String,
    pub(crate) settings: UserSettings,
}

/// What became of bringing a model into memory.
enum Loaded {
    Held(Hold),
    /// Beside those that are held.
    NoRoom(String),
    Failed(String),
    /// Somebody stopped it first.
    Stopped,
}

impl Run {
    /// Writes all answers. Models are loaded before anybody writes, so that loading slows nobody down; those that do not
    /// fit beside the others have their turn when the others have ended and gone.
    pub(crate) async fn go(&self) {
        let mut waiting: Vec<usize> = (0..self.live.slots.len()).collect();
        while !waiting.is_empty() {
            let (round, later) = self.gather(waiting).await;
            join_all(round.into_iter().map(|(slot, hold)| self.write(slot, hold))).await;
            waiting = later;
        }
    }

    /// Those who answer now, with their models in memory, and those who wait.
    async fn gather(&self, waiting: Vec<usize>) -> (Vec<(usize, Hold)>, Vec<usize>) {
        let (mut round, mut later) = (Vec::new(), Vec::new());
        for slot in waiting {
            let is_first = round.is_empty();
            if self.live.in_turn && !is_first {
                self.wait(slot, Phase::InTurn);
                later.push(slot);
                continue;
            }
            match self.load(slot).await {
                Loaded::Held(hold) => round.push((slot, hold)),
                Loaded::NoRoom(_) if !is_first => {
                    self.wait(slot, Phase::NoRoom);
                    later.push(slot);
                }
                Loaded::NoRoom(reason) | Loaded::Failed(reason) => slot::fail(self, slot, reason).await,
                Loaded::Stopped => slot::stop(self, slot).await,
            }
        }
        (round, later)
    }

    fn wait(&self, slot: usize, phase: Phase) {
        self.live.show(slot, |shown| {
            shown.phase = phase;
            shown.had_no_room |= phase == Phase::NoRoom;
        });
    }

    async fn load(&self, slot: usize) -> Loaded {
        self.live.show(slot, |shown| shown.phase = Phase::Loading);
        let it = &self.live.slots[slot];
        let load = (self.compare.load)(self.live.user, it.asked.row.model.clone());
        tokio::select! {
            biased;
            () = it.stop.cancelled() => Loaded::Stopped,
            () = self.compare.running.hurry.cancelled() => Loaded::Failed(crate::SERVER_STOPPED.to_owned()),
            loaded = load => match loaded {
                Ok(hold) => Loaded::Held(hold),
                Err(LoadError::DoesNotFit(reason)) => Loaded::NoRoom(reason),
                Err(LoadError::Failed(reason)) => Loaded::Failed(reason),
            },
        }
    }

    /// Writes one answer, and lets go of its model.
    async fn write(&self, slot: usize, hold: Hold) {
        self.live.show(slot, |shown| shown.phase = Phase::Writing);
        slot::write(self, slot).await;
        drop(hold);
    }

    /// What an answer is asked for.
    pub(crate) fn request(&self, slot: usize) -> (Target, GenerateRequest) {
        let Asked { row, sampling } = &self.live.slots[slot].asked;
        let system_prompt = row.system_prompt.as_ref().unwrap_or(&self.settings.system_prompt);
        let mut turns = Vec::with_capacity(2);
        if !system_prompt.trim().is_empty() {
            turns.push(ChatTurn::new(Role::System, system_prompt));
        }
        turns.push(ChatTurn::new(Role::User, &self.prompt));
        let request = GenerateRequest {
            sampling: sampling.clone(),
            reasoning: Reasoning { effort: row.effort, max_tokens: None },
            guards: self.settings.guards,
            ..GenerateRequest::new(Prompt::Chat(turns), Tenant(self.live.user.0))
        };
        (Target { model: Some(row.model.clone()), keep_alive: None }, request)
    }
}

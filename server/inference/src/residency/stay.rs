//! A model in memory, and what is known of it.

use super::failures::Failures;
use crate::{
    KeepAlive, ModelSpec,
    llama::{Report, SupervisedModel},
};
use tokio::{sync::watch, time::Instant};
use types::{
    launch::LoadedAs,
    model::{ModelState, Purpose, Resident},
};

/// One model in memory, on its way there, or failed.
pub(super) struct Stay {
    pub(super) spec: ModelSpec,
    /// How it is loaded after it has slept, where that is not how it was loaded.
    pub(super) next_spec: Option<ModelSpec>,
    pub(super) model: SupervisedModel,
    pub(super) report: Report,
    /// What the supervisor said last, which may not have come here yet.
    pub(super) newest: watch::Receiver<Report>,
    pub(super) failures: Failures,
    pub(super) predicted_bytes: u64,
    /// What its computed conversations may take in ordinary memory.
    pub(super) saved_bytes: u64,
    pub(super) is_pinned: bool,
    /// It was ready once.
    pub(super) is_proven: bool,
    pub(super) n_loading: usize,
    pub(super) n_uses: usize,
    pub(super) last_use: u64,
    pub(super) idle_since: Instant,
    /// What the last request said about it that said anything. It holds for those that say nothing, whoever they are, until the
    /// model has gone: programs that were made for Ollama count on that.
    pub(super) keep_alive: Option<KeepAlive>,
}

impl Stay {
    /// Takes over what can change while the model stays loaded.
    pub(super) fn adjust(&mut self, spec: ModelSpec) {
        self.model.adjust(spec.clone());
        (self.spec, self.next_spec) = (spec, None);
    }

    pub(super) fn has_failed(&self) -> bool {
        matches!(self.report.status.state, ModelState::Failed { .. })
    }

    /// It keeps computed conversations.
    pub(super) fn saves(&self) -> bool {
        self.spec.purpose == Purpose::Writing && !self.has_failed()
    }

    pub(super) fn is_used(&self) -> bool {
        self.n_loading + self.n_uses > 0
    }

    pub(super) fn bytes(&self) -> u64 {
        if self.has_failed() { 0 } else { self.counted().0 }
    }

    /// Bytes, and whether they were measured.
    pub(super) fn counted(&self) -> (u64, bool) {
        self.spec.footprint.counted(self.predicted_bytes, self.report.memory_bytes)
    }

    pub(super) fn view(&self) -> Resident {
        Resident {
            status: self.report.status.clone(),
            memory_bytes: self.bytes(),
            is_measured: self.counted().1,
            is_pinned: self.is_pinned,
            loaded: Some(LoadedAs { profile: self.spec.profile.clone(), kv: self.report.kv }),
        }
    }
}

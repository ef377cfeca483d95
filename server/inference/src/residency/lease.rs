//! Who uses which model, and how its owner hears that they do no longer.

use super::plan::Key;
use crate::{EngineError, llama::SupervisedModel};
use tokio::sync::mpsc;

/// Who uses a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Waits for its load.
    Load,
    /// Heard that the load failed, perhaps before the owner did.
    FailedLoad,
    Request,
}

/// What becomes of a use.
pub(super) enum Change {
    /// The load ended well; whoever waited for it uses the model now.
    Loaded,
    Ended(Use),
}

/// A change of one use of a model.
pub(super) struct Release {
    pub(super) key: Key,
    pub(super) change: Change,
}

/// The use of a model. Dropping it lets go.
pub(super) struct Lease {
    pub(super) model: SupervisedModel,
    pub(super) key: Key,
    pub(super) by: Use,
    /// Unbounded by its type, but each use sends twice at most.
    pub(super) releases: mpsc::UnboundedSender<Release>,
}

impl Lease {
    /// The load has ended: letting go of it no longer cancels it.
    pub(super) fn load_ended(&mut self, result: &Result<(), EngineError>) {
        if result.is_err() {
            self.by = Use::FailedLoad;
            return;
        }
        self.by = Use::Request;
        _ = self.releases.send(Release { key: self.key, change: Change::Loaded });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        _ = self.releases.send(Release { key: self.key, change: Change::Ended(self.by) });
    }
}

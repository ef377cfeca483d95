//! The doors of comparisons.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::{
    compare::{CompareAct, CompareDone, ComparePage, Followed, RunView},
    ids::CompareRunId,
};

/// What there is to compare, and what was.
#[server(output = Postcard)]
pub async fn load_compare() -> Result<ComparePage, AppError> {
    let user = crate::ssr::require_user().await?;
    super::door::page(&crate::ssr::state()?, user).await
}

/// One run with its answers.
#[server(output = Postcard)]
pub async fn load_run(id: CompareRunId) -> Result<RunView, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(told(crate::ssr::state()?.compare.run(user, id).await?))
}

/// Waits until an answer of the run has more than `seen` says, or a while has passed.
#[server(input = Postcard, output = Postcard)]
pub async fn follow_run(id: CompareRunId, seen: Vec<u64>) -> Result<Followed, AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.compare.follow(user, id, &seen).await?)
}

/// Does what a person wants with comparisons.
#[server(input = Postcard, output = Postcard)]
pub async fn act_on_runs(act: CompareAct) -> Result<CompareDone, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    let compare = &state.compare;
    let mut done = CompareDone::default();
    match act {
        CompareAct::Start { draft } => done.run = Some(compare.start(user, draft).await?),
        CompareAct::Stop { run, slot } => compare.stop(user, run, slot),
        CompareAct::Vote { run, vote } => compare.vote(user, run, vote).await?,
        CompareAct::GoOn { run, slot } => {
            done.session = Some(super::door::go_on(&state, user, run, slot).await?);
        }
        CompareAct::Delete { run } => compare.delete(user, run).await?,
        CompareAct::Restore { run } => compare.restore(user, run).await?,
        CompareAct::Older { than } => done.runs = compare.list(user, Some(than)).await?,
    }
    Ok(done)
}

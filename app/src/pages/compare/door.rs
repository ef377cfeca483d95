//! What the doors put together from more than one layer.

use crate::error::AppError;
use chat::Author;
use compare::Exchange;
use state::AppState;
use store::{ContestantRow, Outcome, ThoughtRow};
use types::{
    compare::{Candidate, ComparePage},
    ids::{CompareRunId, SessionId, UserId},
    model::Purpose,
    overrides::Overrides,
};

/// What the page is set up with.
pub(super) async fn page(state: &AppState, user: UserId) -> Result<ComparePage, AppError> {
    let models = state.models.usable().await.into_iter().filter(|entry| entry.purpose == Purpose::Writing);
    let candidates = models
        .map(|entry| Candidate {
            name: entry.id.short_name(),
            id: entry.id,
            memory_bytes: entry.memory_bytes,
            host: entry.host,
        })
        .collect();
    let (chosen, budget_bytes) = {
        let status = state.engine.status();
        let residents = status.borrow();
        (residents.chosen.id.clone(), residents.budget_bytes)
    };
    let settings = state.chat.settings(user).await?;
    let knobs = Overrides::default().views(&settings.sampling);
    let system_prompt = settings.system_prompt;
    let (runs, tally) = (state.compare.list(user, None).await?, state.compare.tally(user).await?);
    Ok(ComparePage { candidates, chosen, budget_bytes, knobs, system_prompt, runs, tally })
}

/// Starts a chat with the prompt of a run and one of its answers.
pub(super) async fn go_on(
    state: &AppState,
    user: UserId,
    run: CompareRunId,
    slot: u8,
) -> Result<SessionId, AppError> {
    let Exchange { prompt, answer } = state.compare.exchange(user, run, slot).await?;
    let thought =
        (!answer.reasoning.is_empty()).then(|| ThoughtRow { text: answer.reasoning.clone(), ms: None });
    let outcome = Outcome {
        body: &answer.body,
        thought: thought.as_ref(),
        state: answer.state,
        error: answer.error.as_deref(),
        usage: answer.usage,
        kv: answer.kv.as_deref(),
        probabilities: &[],
    };
    let ContestantRow { model, system_prompt, effort, sampling } = answer.contestant.clone();
    let by = Author { model, system_prompt, effort, sampling };
    Ok(state.chat.adopt(user, &prompt, outcome, by).await?)
}

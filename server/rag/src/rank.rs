//! The last word on the order of what was found: a model that reads each passage together with the question.

use crate::{Rag, RagError, retrieve::Ranked};
use inference::{RankRequest, Target, Tenant, Who};
use std::{collections::HashSet, time::Duration};
use store::PassageRow;
use tokio::time::{Instant, timeout_at};
use types::ids::{ModelId, PassageId, UserId};

/// The best of what was found that are ranked.
pub(crate) const RANKED: usize = 24;
/// Passages of one request: where time runs out, those that were ranked before count.
const BATCH: usize = 3;
/// How long a person waits for a better order, loading the model included.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a model made of the best passages.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ranking {
    /// The best first; empty where nothing was ranked.
    pub(crate) scores: Ranked,
    /// Why not all were ranked that should be: one sentence.
    pub(crate) note: Option<String>,
}

impl Rag {
    /// Ranks `passages`, which are in the order that words and meanings gave. Nothing where the library has no model for it.
    pub(crate) async fn rank(&self, user: UserId, query: &str, passages: &[PassageRow]) -> Ranking {
        let passages = &passages[..passages.len().min(RANKED)];
        let model = self.ranker(user).await.unwrap_or_else(|err| {
            tracing::warn!(error = %err, "what ranks passages could not be read");
            None
        });
        let Some(model) = model.filter(|_| !passages.is_empty()) else { return Ranking::default() };
        let deadline = Instant::now() + PATIENCE;
        let mut scores = Ranked::new();
        let ended = timeout_at(deadline, self.rank_all(user, &model, query, passages, &mut scores)).await;
        let n = scores.len();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        let note = match ended {
            Ok(Ok(())) => None,
            Ok(Err(err)) => {
                tracing::warn!(error = %err, "passages could not be ranked");
                Some(format!("The order is that of words and meanings: {err}."))
            }
            Err(_) if n > 0 => {
                Some(format!("Only the first {n} passages were ranked: the model took too long."))
            }
            Err(_) => {
                let wait = "The order is that of words and meanings: the model that ranks took too long. Search again when it is loaded.";
                Some(wait.to_owned())
            }
        };
        Ranking { scores, note }
    }

    /// All of the best of `passages` in the order of `model`, however long that takes.
    pub(crate) async fn ranked(
        &self,
        user: UserId,
        model: &ModelId,
        query: &str,
        passages: &[PassageRow],
    ) -> Result<Ranked, RagError> {
        let mut scores = Ranked::new();
        self.rank_all(user, model, query, &passages[..passages.len().min(RANKED)], &mut scores).await?;
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(scores)
    }

    async fn rank_all(
        &self,
        user: UserId,
        model: &ModelId,
        query: &str,
        passages: &[PassageRow],
        scores: &mut Ranked,
    ) -> Result<(), RagError> {
        let _hold = self.models().ensure_loaded(user, model).await?;
        for batch in passages.chunks(BATCH) {
            let documents = batch.iter().map(text_to_rank).collect();
            let who = Who::alone(Tenant(user.0));
            let request = RankRequest { query: query.to_owned(), documents, truncate: true, who };
            let target = Target { model: Some(model.clone()), keep_alive: None };
            let ranking = self.engine().rank(target, request).await?;
            scores.extend(batch.iter().map(|it| it.id).zip(ranking.scores));
        }
        Ok(())
    }
}

/// What a passage is about stands above it.
fn text_to_rank(passage: &PassageRow) -> String {
    let parts = [&passage.heading, &passage.header, &passage.body];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// What was ranked in the order that gave, then the rest in its own.
pub(crate) fn reordered(fused: &[(PassageId, f32)], ranked: &[(PassageId, f32)]) -> Ranked {
    let known: HashSet<_> = ranked.iter().map(|(id, _)| *id).collect();
    let fused_of = |id: PassageId| fused.iter().find(|(it, _)| *it == id).copied();
    let first = ranked.iter().filter_map(|(id, _)| fused_of(*id));
    first.chain(fused.iter().filter(|(id, _)| !known.contains(id)).copied()).collect()
}

#[cfg(test)]
mod tests;

//! Which model answers in a session and how it was loaded, and how likely the tokens of its answers were.

use crate::{Chat, ChatError};
use inference::{Engine, Target, TokenLogprob};
use store::ProbabilityRow;
use types::{
    chat::AnsweringModel,
    ids::{MessageId, ModelId, SessionId, UserId},
    launch::LaunchProfile,
    model::ModelStatus,
    seen::{LikelyToken, Probabilities},
};

/// What else was likely in the place of a token: more is told than is kept, as the token itself may be among it.
pub(crate) const N_LIKELY: u32 = 5;
/// What is kept of one answer.
pub(crate) const MOST_KEPT: usize = 20_000;
/// What a page shows of one answer.
const MOST_SHOWN: u32 = 4_000;

impl Chat {
    /// Keeps that the chosen model answers in a session, and how it is loaded.
    pub(crate) async fn note_model(&self, session: SessionId) -> Result<(), ChatError> {
        let Some(id) = self.engine.status().borrow().chosen.id.clone() else { return Ok(()) };
        let profile = self.profile_of(&id).await?;
        Ok(self.store.set_session_model(session, &id, &profile).await?)
    }

    /// The model that answered last in a session, and how it was loaded.
    pub async fn model_of(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<(ModelId, LaunchProfile), ChatError> {
        self.store.session_model(user, session).await?.ok_or(ChatError::NotFound)
    }

    /// Likewise, as a page shows it.
    pub(crate) async fn answering_model(
        &self,
        user: UserId,
        session: SessionId,
    ) -> Result<Option<AnsweringModel>, ChatError> {
        let Some((id, profile)) = self.store.session_model(user, session).await? else { return Ok(None) };
        let is_other = self.profile_of(&id).await? != profile;
        let loaded_as = is_other.then(|| profile.words().join(" · "));
        Ok(Some(AnsweringModel { id, loaded_as }))
    }

    /// How a model is loaded, or would be.
    pub(crate) async fn profile_of(&self, id: &ModelId) -> Result<LaunchProfile, ChatError> {
        let loaded = self.engine.status().borrow().find(id).and_then(|it| it.loaded.clone());
        match loaded {
            Some(loaded) => Ok(loaded.profile),
            None => Ok(self.settings.launch_profile(id).await?),
        }
    }

    /// How likely the tokens of an answer were; nothing where that was not kept.
    pub async fn probabilities(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Probabilities, ChatError> {
        let (rows, n_all) = self.store.probabilities(user, session, message, MOST_SHOWN).await?;
        let n_left_out = n_all.saturating_sub(rows.len() as u32);
        Ok(Probabilities { tokens: rows.into_iter().map(likely).collect(), n_left_out })
    }
}

/// How the model is that a request is for, as far as that is known before it is loaded.
pub(crate) fn status_of(engine: &dyn Engine, target: &Target) -> ModelStatus {
    let residents = engine.status();
    let residents = residents.borrow();
    match &target.model {
        Some(id) => residents.find(id).map_or(ModelStatus::UNLOADED, |it| it.status.clone()),
        None => residents.chosen.clone(),
    }
}

/// How the model that a request is for keeps keys and values, in words.
pub(crate) fn kv_of(engine: &dyn Engine, target: &Target) -> Option<String> {
    let residents = engine.status();
    let residents = residents.borrow();
    let id = target.model.as_ref().or(residents.chosen.id.as_ref())?;
    Some(residents.find(id)?.loaded.as_ref()?.kv?.to_string())
}

/// A token as it is kept.
pub(crate) fn kept(token: TokenLogprob) -> ProbabilityRow {
    let others = token.top.into_iter().filter(|(bytes, _)| *bytes != token.bytes);
    let others = others.map(|(bytes, logprob)| (String::from_utf8_lossy(&bytes).into_owned(), logprob));
    let others = others.take(N_LIKELY as usize - 1).collect();
    ProbabilityRow { token: token.bytes, logprob: token.logprob, others }
}

fn likely(row: ProbabilityRow) -> LikelyToken {
    let others = row.others.into_iter().map(|(text, logprob)| (text, logprob.exp()));
    LikelyToken {
        text: String::from_utf8_lossy(&row.token).into_owned(),
        probability: row.logprob.exp(),
        others: others.collect(),
    }
}

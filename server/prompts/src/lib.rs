//! The library of prompts: who may change what, the ones to begin with, and files of prompts.
//!
//! What a prompt must look like, and how its variables are filled in, is in `types::prompt`, where the browser has it
//! too. A name belongs to one prompt of a person at a time.

mod error;
mod file;
mod starters;

pub use error::PromptsError;

use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::{Store, StoreError};
use types::{
    ids::{PromptId, PromptVersionId, UserId},
    prompt::{Imported, MAX_PROMPTS, NamedPrompt, PromptDraft, PromptSummary, PromptVersion, PromptView},
};

/// How long deleting can be undone.
const UNDO: Duration = Duration::from_secs(24 * 60 * 60);
const MOST: u32 = MAX_PROMPTS as u32;

/// The layer. Cheap to clone.
#[derive(Clone)]
pub struct Prompts {
    store: Store,
}

impl Prompts {
    /// Takes over the tables: what was deleted long ago goes.
    pub async fn open(store: Store) -> Result<Self, PromptsError> {
        let prompts = Self { store };
        prompts.purge().await?;
        Ok(prompts)
    }

    /// Removes for good what was deleted more than a day ago. To be called now and then.
    pub async fn purge(&self) -> Result<(), PromptsError> {
        self.store.purge_prompts(now_ms() - UNDO.as_millis() as i64).await?;
        Ok(())
    }

    /// The person's prompts by name; with a query, those that all its words occur in. Who never had any is given some to
    /// begin with, in `language`.
    pub async fn list(
        &self,
        user: UserId,
        query: &str,
        language: &str,
    ) -> Result<Vec<PromptSummary>, PromptsError> {
        self.store.give_prompts(user, &starters::in_language(language)?, now_ms()).await?;
        let list = match query.trim() {
            "" => self.store.list_prompts(user, MOST).await?,
            query => self.store.search_prompts(user, query, MOST).await?,
        };
        Ok(list)
    }

    /// Every prompt with its text, by name: what `/` and a name stand for.
    pub async fn named(&self, user: UserId, language: &str) -> Result<Vec<NamedPrompt>, PromptsError> {
        let mut named = Vec::new();
        for PromptSummary { id, name, about, .. } in self.list(user, "", language).await? {
            if let Some(PromptVersion { body, variables, .. }) =
                self.store.find_prompt_version(user, id, None).await?
            {
                named.push(NamedPrompt { name, about, body, variables });
            }
        }
        Ok(named)
    }

    /// One prompt with its text and when it got which text.
    pub async fn find(&self, user: UserId, id: PromptId) -> Result<PromptView, PromptsError> {
        let summary = self.store.find_prompt(user, id).await?.ok_or(PromptsError::NotFound)?;
        let current = self.look(user, id, None).await?;
        Ok(PromptView { summary, current, versions: self.store.list_prompt_versions(id).await? })
    }

    /// A text that a prompt has or had; the current one where none is named.
    pub async fn look(
        &self,
        user: UserId,
        id: PromptId,
        version: Option<PromptVersionId>,
    ) -> Result<PromptVersion, PromptsError> {
        self.store.find_prompt_version(user, id, version).await?.ok_or(PromptsError::NotFound)
    }

    /// Checks and keeps a prompt: a new one, or the one that is named.
    pub async fn save(
        &self,
        user: UserId,
        id: Option<PromptId>,
        draft: PromptDraft,
    ) -> Result<PromptId, PromptsError> {
        let draft = draft.checked()?;
        let saved = match id {
            Some(id) => self.store.update_prompt(user, id, &draft, now_ms()).await.map(|()| id),
            None => {
                self.check_room(user, 1).await?;
                let created = self.store.create_prompts(user, std::slice::from_ref(&draft), now_ms()).await;
                created.and_then(|ids| ids.into_iter().next().ok_or(StoreError::NotFound))
            }
        };
        saved.map_err(|err| taken(err, &draft.name))
    }

    /// Makes a text that it had the current one again. What was current stays as a version.
    pub async fn return_to(
        &self,
        user: UserId,
        id: PromptId,
        version: PromptVersionId,
    ) -> Result<(), PromptsError> {
        let PromptVersion { body, variables, .. } = self.look(user, id, Some(version)).await?;
        let draft = PromptDraft { body, variables, ..self.find(user, id).await?.draft() };
        self.save(user, Some(id), draft).await.map(drop)
    }

    /// Adds the same prompt under the next free name.
    pub async fn duplicate(&self, user: UserId, id: PromptId) -> Result<PromptId, PromptsError> {
        let draft = self.find(user, id).await?.draft();
        let taken = self.store.list_prompts(user, MOST).await?.into_iter().map(|it| it.name).collect();
        let name = file::free_name(&draft.name, &taken);
        self.save(user, None, PromptDraft { name, ..draft }).await
    }

    /// Hides a prompt, until it is restored or a day has passed.
    pub async fn delete(&self, user: UserId, id: PromptId) -> Result<(), PromptsError> {
        Ok(self.store.delete_prompt(user, id, now_ms()).await?)
    }

    /// Undoes [`Prompts::delete`].
    pub async fn restore(&self, user: UserId, id: PromptId) -> Result<(), PromptsError> {
        self.check_room(user, 1).await?;
        self.store.restore_prompt(user, id).await.map_err(|err| match err {
            StoreError::Conflict => PromptsError::NameTakenMeanwhile,
            err => err.into(),
        })
    }

    /// All prompts of the person as a file that [`Prompts::import`] reads.
    pub async fn export(&self, user: UserId) -> Result<String, PromptsError> {
        let mut drafts = Vec::new();
        for summary in self.store.list_prompts(user, MOST).await? {
            drafts.push(self.find(user, summary.id).await?.draft());
        }
        file::write(drafts)
    }

    /// Adds the prompts of a file; all or none. One that is there word for word is left out, and one whose name is taken
    /// by another gets a number behind its name.
    pub async fn import(&self, user: UserId, text: String) -> Result<Imported, PromptsError> {
        let mut taken = Vec::new();
        for summary in self.store.list_prompts(user, MOST).await? {
            taken.push(self.find(user, summary.id).await?.draft());
        }
        // A full library takes seconds.
        let read = tokio::task::spawn_blocking(move || file::read(&text).map(|new| file::merge(taken, new)));
        let (added, imported) = read.await.map_err(|_| PromptsError::BrokeOff)??;
        self.check_room(user, added.len()).await?;
        self.store.create_prompts(user, &added, now_ms()).await.map_err(|err| match err {
            StoreError::Conflict => PromptsError::NameTakenMeanwhile,
            err => err.into(),
        })?;
        Ok(imported)
    }

    async fn check_room(&self, user: UserId, n_more: usize) -> Result<(), PromptsError> {
        let n = self.store.count_prompts(user).await? as usize;
        if n + n_more > MAX_PROMPTS { Err(PromptsError::TooMany { wanted: n + n_more }) } else { Ok(()) }
    }
}

fn taken(err: StoreError, name: &str) -> PromptsError {
    match err {
        StoreError::Conflict => PromptsError::NameTaken(name.to_owned()),
        err => err.into(),
    }
}

/// Milliseconds since 1970, UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

//! The library of prompts.

use crate::{
    Store, StoreError,
    sessions::{found, full_text_query},
    unspaced::Unspaced,
};
use sqlx::{Sqlite, Transaction};
use std::collections::HashMap;
use types::{
    ids::{PromptId, PromptVersionId, UserId},
    prompt::{MAX_VERSIONS, PromptDraft, PromptSummary, PromptVersion, Variable, VariableKind, VersionLine},
};

struct RawPrompt {
    id: i64,
    name: String,
    about: String,
    folder: String,
}

impl RawPrompt {
    fn with_tags(self, tags: Vec<String>) -> PromptSummary {
        PromptSummary { id: PromptId(self.id), name: self.name, about: self.about, folder: self.folder, tags }
    }
}

struct RawVersion {
    id: i64,
    body: String,
    created_ms: i64,
}

impl Store {
    /// The person's prompts by name.
    pub async fn list_prompts(&self, user: UserId, limit: u32) -> Result<Vec<PromptSummary>, StoreError> {
        let rows = sqlx::query_as!(
            RawPrompt,
            "select id, name, about, folder from prompt where user_id = ? and deleted_ms is null
             order by name limit ?",
            user.0,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        self.with_tags(user, rows).await
    }

    /// Like [`Store::list_prompts`], those that all words of `query` occur in.
    pub async fn search_prompts(
        &self,
        user: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<PromptSummary>, StoreError> {
        let words = full_text_query(query);
        // There are so few prompts that texts are looked through for words without spaces.
        let unspaced = Unspaced::of(query).map(|it| it.all_words());
        let rows = sqlx::query_as!(
            RawPrompt,
            "select id, name, about, folder from prompt where user_id = ?1 and deleted_ms is null
               and (id in (select rowid from prompt_text where prompt_text match ?2)
                    or (?3 is not null and id in (
                        select rowid from prompt_text where not exists (
                            select 1 from json_each(?3) where instr(
                                lower(name || char(10) || about || char(10) || folder || char(10) || tags || char(10) || body), value) = 0))))
             order by name limit ?4",
            user.0,
            words,
            unspaced,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        self.with_tags(user, rows).await
    }

    /// How many prompts the person has.
    pub async fn count_prompts(&self, user: UserId) -> Result<u64, StoreError> {
        let n = sqlx::query_scalar!(
            "select count(*) as \"n!: i64\" from prompt where user_id = ? and deleted_ms is null",
            user.0
        )
        .fetch_one(&self.read)
        .await?;
        Ok(u64::try_from(n).unwrap_or_default())
    }

    /// The prompt, if `user` owns it and it is not deleted.
    pub async fn find_prompt(&self, user: UserId, id: PromptId) -> Result<Option<PromptSummary>, StoreError> {
        let row = sqlx::query_as!(
            RawPrompt,
            "select id, name, about, folder from prompt where id = ? and user_id = ? and deleted_ms is null",
            id.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(self.with_tags(user, row.into_iter().collect()).await?.pop())
    }

    /// Its texts, newest first. The caller has made sure that the person owns it.
    pub async fn list_prompt_versions(&self, id: PromptId) -> Result<Vec<VersionLine>, StoreError> {
        let rows = sqlx::query!(
            "select id, created_ms from prompt_version where prompt_id = ? order by id desc",
            id.0
        )
        .fetch_all(&self.read)
        .await?;
        let line = |row: (i64, i64)| VersionLine { id: PromptVersionId(row.0), created_at_ms: row.1 };
        Ok(rows.into_iter().map(|row| line((row.id, row.created_ms))).collect())
    }

    /// One of its texts; the current one where none is named.
    pub async fn find_prompt_version(
        &self,
        user: UserId,
        id: PromptId,
        version: Option<PromptVersionId>,
    ) -> Result<Option<PromptVersion>, StoreError> {
        let version = version.map(|version| version.0);
        let row = sqlx::query_as!(
            RawVersion,
            "select version.id, version.body, version.created_ms from prompt_version version
             join prompt on prompt.id = version.prompt_id
             where prompt.id = ?1 and prompt.user_id = ?2 and prompt.deleted_ms is null
               and (?3 is null or version.id = ?3)
             order by version.id desc limit 1",
            id.0,
            user.0,
            version
        )
        .fetch_optional(&self.read)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let variables = self.variables(row.id).await?;
        Ok(Some(PromptVersion {
            id: PromptVersionId(row.id),
            body: row.body,
            variables,
            created_at_ms: row.created_ms,
        }))
    }

    /// Adds prompts; all or none. `Err(Conflict)` if a name is taken.
    pub async fn create_prompts(
        &self,
        user: UserId,
        drafts: &[PromptDraft],
        now_ms: i64,
    ) -> Result<Vec<PromptId>, StoreError> {
        let mut tx = self.write.begin().await?;
        let mut ids = Vec::with_capacity(drafts.len());
        for draft in drafts {
            ids.push(insert_prompt(&mut tx, user, draft, now_ms).await?);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Adds the prompts to begin with, if the person was never given any; those whose names are taken are left out.
    pub async fn give_prompts(
        &self,
        user: UserId,
        drafts: &[PromptDraft],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let given = sqlx::query_scalar!("select user_id from prompt_starter where user_id = ?", user.0)
            .fetch_optional(&self.read)
            .await?;
        if given.is_some() {
            return Ok(());
        }
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "insert into prompt_starter (user_id, given_ms) values (?, ?) on conflict do nothing",
            user.0,
            now_ms
        )
        .execute(&mut *tx)
        .await?;
        for draft in drafts.iter().filter(|_| done.rows_affected() > 0) {
            if !is_taken(&mut tx, user, &draft.name).await? {
                insert_prompt(&mut tx, user, draft, now_ms).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Changes a prompt. A text or variables that differ from the current ones become its newest version, and the oldest
    /// ones beyond [`MAX_VERSIONS`] go. `Err(Conflict)` if the name is taken.
    pub async fn update_prompt(
        &self,
        user: UserId,
        id: PromptId,
        draft: &PromptDraft,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let current = self.find_prompt_version(user, id, None).await?.ok_or(StoreError::NotFound)?;
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "update prompt set name = ?, about = ?, folder = ?, updated_ms = ?
             where id = ? and user_id = ? and deleted_ms is null",
            draft.name,
            draft.about,
            draft.folder,
            now_ms,
            id.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
        sqlx::query!("delete from prompt_tag where prompt_id = ?", id.0).execute(&mut *tx).await?;
        insert_tags(&mut tx, id, &draft.tags).await?;
        if (&current.body, &current.variables) != (&draft.body, &draft.variables) {
            insert_version(&mut tx, id, draft, now_ms).await?;
        }
        index(&mut tx, id, draft).await?;
        Ok(tx.commit().await?)
    }

    /// Hides a prompt until it is restored or purged.
    pub async fn delete_prompt(&self, user: UserId, id: PromptId, now_ms: i64) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update prompt set deleted_ms = ? where id = ? and user_id = ? and deleted_ms is null",
            now_ms,
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Undoes [`Store::delete_prompt`]. `Err(Conflict)` if its name is taken by now.
    pub async fn restore_prompt(&self, user: UserId, id: PromptId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update prompt set deleted_ms = null where id = ? and user_id = ? and deleted_ms is not null",
            id.0,
            user.0
        )
        .execute(&self.write)
        .await?;
        found(done.rows_affected())
    }

    /// Removes what was deleted before `before_ms`.
    pub async fn purge_prompts(&self, before_ms: i64) -> Result<u64, StoreError> {
        let done =
            sqlx::query!("delete from prompt where deleted_ms < ?", before_ms).execute(&self.write).await?;
        Ok(done.rows_affected())
    }

    async fn with_tags(
        &self,
        user: UserId,
        prompts: Vec<RawPrompt>,
    ) -> Result<Vec<PromptSummary>, StoreError> {
        let only = match prompts.as_slice() {
            [one] => Some(one.id),
            _ => None,
        };
        let rows = sqlx::query!(
            "select tag.prompt_id, tag.tag from prompt_tag tag join prompt on prompt.id = tag.prompt_id
             where prompt.user_id = ?1 and (?2 is null or prompt.id = ?2) order by tag.prompt_id, tag.position",
            user.0,
            only
        )
        .fetch_all(&self.read)
        .await?;
        let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
        for row in rows {
            tags.entry(row.prompt_id).or_default().push(row.tag);
        }
        let complete = |prompt: RawPrompt| {
            let tags = tags.remove(&prompt.id).unwrap_or_default();
            prompt.with_tags(tags)
        };
        Ok(prompts.into_iter().map(complete).collect())
    }

    async fn variables(&self, version: i64) -> Result<Vec<Variable>, StoreError> {
        let rows = sqlx::query!(
            "select position, name, kind, default_value from prompt_variable where version_id = ? order by position",
            version
        )
        .fetch_all(&self.read)
        .await?;
        let choices = sqlx::query!(
            "select variable, choice from prompt_choice where version_id = ? order by variable, position",
            version
        )
        .fetch_all(&self.read)
        .await?;
        let of = |position: i64| {
            choices.iter().filter(|row| row.variable == position).map(|row| row.choice.clone()).collect()
        };
        let variable = |position, name, kind: String, default| Variable {
            name,
            kind: VariableKind::named(&kind).unwrap_or_default(),
            default,
            choices: of(position),
        };
        Ok(rows
            .into_iter()
            .map(|row| variable(row.position, row.name, row.kind, row.default_value))
            .collect())
    }
}

type Tx<'a> = Transaction<'a, Sqlite>;

async fn is_taken(tx: &mut Tx<'_>, user: UserId, name: &str) -> Result<bool, StoreError> {
    let taken = sqlx::query_scalar!(
        "select id from prompt where user_id = ? and name = ? and deleted_ms is null",
        user.0,
        name
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(taken.is_some())
}

async fn insert_prompt(
    tx: &mut Tx<'_>,
    user: UserId,
    draft: &PromptDraft,
    now_ms: i64,
) -> Result<PromptId, StoreError> {
    let done = sqlx::query!(
        "insert into prompt (user_id, name, about, folder, created_ms, updated_ms) values (?, ?, ?, ?, ?, ?)",
        user.0,
        draft.name,
        draft.about,
        draft.folder,
        now_ms,
        now_ms
    )
    .execute(&mut **tx)
    .await?;
    let id = PromptId(done.last_insert_rowid());
    insert_tags(tx, id, &draft.tags).await?;
    insert_version(tx, id, draft, now_ms).await?;
    index(tx, id, draft).await?;
    Ok(id)
}

async fn insert_tags(tx: &mut Tx<'_>, id: PromptId, tags: &[String]) -> Result<(), StoreError> {
    for (position, tag) in (0_i64..).zip(tags) {
        sqlx::query!(
            "insert into prompt_tag (prompt_id, position, tag) values (?, ?, ?)",
            id.0,
            position,
            tag
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn insert_version(
    tx: &mut Tx<'_>,
    id: PromptId,
    draft: &PromptDraft,
    now_ms: i64,
) -> Result<(), StoreError> {
    let done = sqlx::query!(
        "insert into prompt_version (prompt_id, body, created_ms) values (?, ?, ?)",
        id.0,
        draft.body,
        now_ms
    )
    .execute(&mut **tx)
    .await?;
    let version = done.last_insert_rowid();
    for (position, variable) in (0_i64..).zip(&draft.variables) {
        insert_variable(tx, version, position, variable).await?;
    }
    let kept = MAX_VERSIONS as i64;
    sqlx::query!(
        "delete from prompt_version where prompt_id = ?1 and id not in
         (select id from prompt_version where prompt_id = ?1 order by id desc limit ?2)",
        id.0,
        kept
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

async fn insert_variable(
    tx: &mut Tx<'_>,
    version: i64,
    position: i64,
    variable: &Variable,
) -> Result<(), StoreError> {
    let kind = variable.kind.as_str();
    sqlx::query!(
        "insert into prompt_variable (version_id, position, name, kind, default_value) values (?, ?, ?, ?, ?)",
        version,
        position,
        variable.name,
        kind,
        variable.default
    )
    .execute(&mut **tx)
    .await?;
    for (number, choice) in (0_i64..).zip(&variable.choices) {
        sqlx::query!(
            "insert into prompt_choice (version_id, variable, position, choice) values (?, ?, ?, ?)",
            version,
            position,
            number,
            choice
        )
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

/// Lets search find it by what it says now.
async fn index(tx: &mut Tx<'_>, id: PromptId, draft: &PromptDraft) -> Result<(), StoreError> {
    let tags = draft.tags.join(" ");
    sqlx::query!("delete from prompt_text where rowid = ?", id.0).execute(&mut **tx).await?;
    sqlx::query!(
        "insert into prompt_text (rowid, name, about, folder, tags, body) values (?, ?, ?, ?, ?, ?)",
        id.0,
        draft.name,
        draft.about,
        draft.folder,
        tags,
        draft.body
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests;

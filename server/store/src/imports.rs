//! Files with sessions that are being taken over: how far each is, kept together with what became of it.

use crate::{
    MessageRow, NewSession, Sources, Store, StoreError, calls::use_tools, collections::use_collections,
    copies::insert_session, launch_profiles::answer_with,
};
use types::{
    filing::{ImportState, ImportView},
    ids::{CollectionId, ImportId, MessageId, ModelId, SessionId, UserId},
    launch::LaunchProfile,
};

/// The newest that are remembered of a person.
const KEPT: u32 = 50;

/// A file that waits to be taken over, or goes on where a crash broke it off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportWork {
    pub id: ImportId,
    pub user: UserId,
    pub name: String,
    /// Its name in the folder.
    pub file: String,
    pub counts: ImportCounts,
    /// Which tools stay off that its sessions so far name.
    pub tools_off: Vec<String>,
}

/// What became of the entries of a file so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCounts {
    /// All of them.
    pub n_entries: u32,
    pub n_taken: u32,
    /// Those whose session was here already.
    pub n_known: u32,
    /// Those that are no session.
    pub n_skipped: u32,
    /// Turns and images that were left out.
    pub n_left_out: u32,
}

/// A session from a file. The ids of its turns are those of another place: a parent is named by them, and comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedSession {
    pub head: NewSession,
    pub messages: Vec<MessageRow>,
    /// The last turn of the branch that is shown.
    pub shown: Option<MessageId>,
    /// What its turns were given to read.
    pub sources: Sources,
    pub choices: Choices,
}

/// What the answers of a session from a file go on with, as far as that is here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// What they look into.
    pub collections: Vec<CollectionId>,
    /// What they may call; `None` where that was never chosen.
    pub tools: Option<Vec<String>>,
    /// Which model answers, and how it is loaded.
    pub model: Option<(ModelId, LaunchProfile)>,
}

impl Store {
    /// Notes a file that is to be taken over; its ends that are long past are forgotten.
    pub async fn add_import(
        &self,
        user: UserId,
        name: &str,
        file: &str,
        now_ms: i64,
    ) -> Result<ImportId, StoreError> {
        let mut tx = self.write.begin().await?;
        sqlx::query!(
            "delete from import where user_id = ?1 and state <> 'waiting'
               and id not in (select id from import where user_id = ?1 order by id desc limit ?2)",
            user.0,
            KEPT
        )
        .execute(&mut *tx)
        .await?;
        let done = sqlx::query!(
            "insert into import (user_id, name, file, created_ms) values (?, ?, ?, ?)",
            user.0,
            name,
            file,
            now_ms
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(ImportId(done.last_insert_rowid()))
    }

    /// The file that waits longest.
    pub async fn waiting_import(&self) -> Result<Option<ImportWork>, StoreError> {
        let row = sqlx::query!(
            "select id, user_id, name, file, n_entries, n_taken, n_known, n_skipped, n_left_out, tools_off from import
             where state = 'waiting' order by id limit 1"
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(|row| ImportWork {
            id: ImportId(row.id),
            user: UserId(row.user_id),
            name: row.name,
            file: row.file,
            counts: ImportCounts {
                n_entries: count(row.n_entries),
                n_taken: count(row.n_taken),
                n_known: count(row.n_known),
                n_skipped: count(row.n_skipped),
                n_left_out: count(row.n_left_out),
            },
            tools_off: names(&row.tools_off),
        }))
    }

    /// The files that are still needed.
    pub async fn import_files(&self) -> Result<Vec<String>, StoreError> {
        let files = sqlx::query_scalar!("select file from import where state = 'waiting'");
        Ok(files.fetch_all(&self.read).await?)
    }

    /// How far the person's file is.
    pub async fn find_import(&self, user: UserId, id: ImportId) -> Result<Option<ImportView>, StoreError> {
        let row = sqlx::query!(
            "select name, state, problem, n_taken, n_known, n_skipped, n_left_out, tools_off from import where id = ? and user_id = ?",
            id.0,
            user.0
        )
        .fetch_optional(&self.read)
        .await?;
        Ok(row.map(|row| ImportView {
            name: row.name,
            state: ImportState::named(&row.state),
            problem: row.problem.unwrap_or_default(),
            n_taken: count(row.n_taken),
            n_known: count(row.n_known),
            n_skipped: count(row.n_skipped),
            n_left_out: count(row.n_left_out),
            tools_off: names(&row.tools_off),
        }))
    }

    /// Writes a session of a file and what was chosen for it together with how far that is, all or nothing: what a crash breaks off is
    /// neither lost nor there twice. The tools that stay off are those of all sessions so far; none of their names has a line break.
    /// `NotFound` once the import has ended.
    pub async fn import_session(
        &self,
        work: &ImportWork,
        counts: ImportCounts,
        tools_off: &[String],
        session: &ImportedSession,
    ) -> Result<SessionId, StoreError> {
        let tools_off = tools_off.join("\n");
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "update import set n_entries = ?, n_taken = ?, n_known = ?, n_skipped = ?, n_left_out = ?, tools_off = ?
             where id = ? and user_id = ? and state = 'waiting'",
            counts.n_entries,
            counts.n_taken,
            counts.n_known,
            counts.n_skipped,
            counts.n_left_out,
            tools_off,
            work.id.0,
            work.user.0
        )
        .execute(&mut *tx)
        .await?;
        crate::sessions::found(done.rows_affected())?;
        let ImportedSession { head, messages, shown, sources, choices } = session;
        let (id, _) = insert_session(&mut tx, work.user, head, messages, *shown, sources).await?;
        use_collections(&mut tx, work.user, id, &choices.collections).await?;
        if let Some(tools) = &choices.tools {
            use_tools(&mut tx, work.user, id, tools).await?;
        }
        if let Some((model, profile)) = &choices.model {
            answer_with(&mut tx, id, model, profile).await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// Whether a session of the person's is from a file that said the same, and not deleted.
    pub async fn has_imported(&self, user: UserId, digest: [u8; 32]) -> Result<bool, StoreError> {
        let digest = digest.as_slice();
        let n = sqlx::query_scalar!(
            "select count(*) from session where user_id = ? and imported_as = ? and deleted_ms is null",
            user.0,
            digest
        );
        Ok(n.fetch_one(&self.read).await? > 0)
    }

    /// Notes how an import ended, once, and which tools stay off that its sessions name. None of those names has a line break.
    pub async fn end_import(
        &self,
        work: &ImportWork,
        counts: ImportCounts,
        state: ImportState,
        problem: Option<&str>,
        tools_off: &[String],
    ) -> Result<(), StoreError> {
        let state = state.name();
        let tools_off = tools_off.join("\n");
        sqlx::query!(
            "update import set state = ?, problem = ?, n_entries = ?, n_taken = ?, n_known = ?, n_skipped = ?, n_left_out = ?, tools_off = ?
             where id = ? and user_id = ? and state = 'waiting'",
            state,
            problem,
            counts.n_entries,
            counts.n_taken,
            counts.n_known,
            counts.n_skipped,
            counts.n_left_out,
            tools_off,
            work.id.0,
            work.user.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

/// The names of a column with one in each line.
fn names(lines: &str) -> Vec<String> {
    lines.lines().map(str::to_owned).collect()
}

fn count(n: i64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

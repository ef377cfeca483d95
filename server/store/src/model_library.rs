//! The library of models: folders, what files said, notes and tags, and what was deleted.

use crate::{Store, StoreError};
use types::ids::ModelId;

/// A folder of models beside our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolderRow {
    pub id: i64,
    pub label: String,
    pub path: String,
    pub is_on: bool,
}

/// By what a file is known to be the one that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileStamp {
    pub size_bytes: i64,
    pub modified_ns: i64,
    /// 0 where the system has none.
    pub inode: i64,
}

/// Something that was read from a file, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFact {
    pub path: String,
    pub stamp: FileStamp,
    pub content: String,
}

/// As it is kept.
struct FactRow {
    path: String,
    size_bytes: i64,
    modified_ns: i64,
    inode: i64,
    content: String,
}

impl From<FactRow> for FileFact {
    fn from(row: FactRow) -> Self {
        let FactRow { path, size_bytes, modified_ns, inode, content } = row;
        Self { path, stamp: FileStamp { size_bytes, modified_ns, inode }, content }
    }
}

/// A model that was deleted and can be put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashRow {
    pub id: i64,
    pub name: String,
    pub size_bytes: i64,
    pub deleted_ms: i64,
}

/// A model that is about to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrash {
    pub name: String,
    pub size_bytes: i64,
    pub deleted_ms: i64,
    pub files: Vec<TrashedFile>,
}

/// A file or folder that moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashedFile {
    /// Where it lay.
    pub place: String,
    /// Where it lies.
    pub trash: String,
}

impl Store {
    /// Every folder that was added or decided about, by label.
    pub async fn model_folders(&self) -> Result<Vec<ModelFolderRow>, StoreError> {
        let rows = sqlx::query_as!(
            ModelFolderRow,
            r#"select id, label, path, is_on as "is_on: bool" from model_folder order by label"#
        );
        Ok(rows.fetch_all(&self.read).await?)
    }

    /// Adds a folder. `Conflict` where its path or label is there already.
    pub async fn add_model_folder(&self, label: &str, path: &str, is_on: bool) -> Result<i64, StoreError> {
        let done = sqlx::query!(
            "insert into model_folder (label, path, is_on) values (?, ?, ?)",
            label,
            path,
            is_on
        )
        .execute(&self.write)
        .await?;
        Ok(done.last_insert_rowid())
    }

    /// Switches a folder on or off.
    pub async fn set_model_folder_on(&self, id: i64, is_on: bool) -> Result<(), StoreError> {
        let done = sqlx::query!("update model_folder set is_on = ? where id = ?", is_on, id)
            .execute(&self.write)
            .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Forgets a folder.
    pub async fn remove_model_folder(&self, id: i64) -> Result<(), StoreError> {
        let done = sqlx::query!("delete from model_folder where id = ?", id).execute(&self.write).await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// What headers said when they were read last.
    pub async fn model_headers(&self) -> Result<Vec<FileFact>, StoreError> {
        let rows = sqlx::query_as!(
            FactRow,
            "select path, size_bytes, modified_ns, inode, content from model_header"
        );
        Ok(rows.fetch_all(&self.read).await?.into_iter().map(FileFact::from).collect())
    }

    /// Keeps what headers say now, and forgets those of files that are gone.
    pub async fn save_model_headers(&self, facts: &[FileFact], gone: &[String]) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for FileFact { path, stamp, content } in facts {
            sqlx::query!(
                "insert or replace into model_header (path, size_bytes, modified_ns, inode, content) values (?, ?, ?, ?, ?)",
                path,
                stamp.size_bytes,
                stamp.modified_ns,
                stamp.inode,
                content
            )
            .execute(&mut *tx)
            .await?;
        }
        for path in gone {
            sqlx::query!("delete from model_header where path = ?", path).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// What dry runs of models told.
    pub async fn model_dry_runs(&self) -> Result<Vec<FileFact>, StoreError> {
        let rows = sqlx::query_as!(
            FactRow,
            "select path, size_bytes, modified_ns, inode, content from model_dry_run"
        );
        Ok(rows.fetch_all(&self.read).await?.into_iter().map(FileFact::from).collect())
    }

    /// Keeps what a dry run told.
    pub async fn save_model_dry_run(&self, fact: &FileFact) -> Result<(), StoreError> {
        let FileFact { path, stamp, content } = fact;
        sqlx::query!(
            "insert or replace into model_dry_run (path, size_bytes, modified_ns, inode, content) values (?, ?, ?, ?, ?)",
            path,
            stamp.size_bytes,
            stamp.modified_ns,
            stamp.inode,
            content
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// Forgets dry runs of files that are gone or have changed.
    pub async fn remove_model_dry_runs(&self, paths: &[String]) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        for path in paths {
            sqlx::query!("delete from model_dry_run where path = ?", path).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Digests of files that were compared.
    pub async fn model_digests(&self) -> Result<Vec<FileFact>, StoreError> {
        let rows = sqlx::query_as!(
            FactRow,
            "select path, size_bytes, modified_ns, inode, sha256 as content from model_digest"
        );
        Ok(rows.fetch_all(&self.read).await?.into_iter().map(FileFact::from).collect())
    }

    /// Keeps a file's digest.
    pub async fn save_model_digest(&self, fact: &FileFact) -> Result<(), StoreError> {
        let FileFact { path, stamp, content } = fact;
        sqlx::query!(
            "insert or replace into model_digest (path, size_bytes, modified_ns, inode, sha256) values (?, ?, ?, ?, ?)",
            path,
            stamp.size_bytes,
            stamp.modified_ns,
            stamp.inode,
            content
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// What people wrote about a model; empty where nobody did.
    pub async fn model_note(&self, model: &ModelId) -> Result<String, StoreError> {
        let note = sqlx::query_scalar!("select note from model_note where model = ?", model.0)
            .fetch_optional(&self.read)
            .await?;
        Ok(note.unwrap_or_default())
    }

    /// Every tag of every model, by model and tag.
    pub async fn model_tags(&self) -> Result<Vec<(ModelId, String)>, StoreError> {
        let rows = sqlx::query!("select model, tag from model_tag order by model, tag")
            .fetch_all(&self.read)
            .await?;
        Ok(rows.into_iter().map(|row| (ModelId(row.model), row.tag)).collect())
    }

    /// Replaces what is written about a model, and its tags.
    pub async fn save_model_note(
        &self,
        model: &ModelId,
        note: &str,
        tags: &[String],
    ) -> Result<(), StoreError> {
        let mut tx = self.write.begin().await?;
        sqlx::query!("insert or replace into model_note (model, note) values (?, ?)", model.0, note)
            .execute(&mut *tx)
            .await?;
        sqlx::query!("delete from model_tag where model = ?", model.0).execute(&mut *tx).await?;
        for tag in tags {
            sqlx::query!("insert or ignore into model_tag (model, tag) values (?, ?)", model.0, tag)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// In how many chats a model answered last.
    pub async fn count_chats_of_model(&self, model: &ModelId) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            "select count(*) from session_model sm join session s on s.id = sm.session_id
             where sm.model = ? and s.deleted_ms is null",
            model.0
        )
        .fetch_one(&self.read)
        .await?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// How many documents have vectors that a model made.
    pub async fn count_documents_of_model(&self, model: &ModelId) -> Result<u32, StoreError> {
        let n = sqlx::query_scalar!(
            "select count(*) from document d join collection c on c.id = d.collection_id
             where d.embedder = ? and d.n_vectors > 0 and d.deleted_ms is null and c.deleted_ms is null",
            model.0
        )
        .fetch_one(&self.read)
        .await?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    }

    /// Models whose launch profile names this one as the model that guesses.
    pub async fn models_drafted_by(&self, draft: &ModelId) -> Result<Vec<ModelId>, StoreError> {
        let rows =
            sqlx::query_scalar!("select model from launch_profile where draft = ? order by model", draft.0)
                .fetch_all(&self.read)
                .await?;
        Ok(rows.into_iter().map(ModelId).collect())
    }

    /// Notes that a model is about to be put away, before its files move: a crash in between loses none.
    pub async fn add_model_trash(&self, new: &NewTrash) -> Result<i64, StoreError> {
        let mut tx = self.write.begin().await?;
        let done = sqlx::query!(
            "insert into model_trash (name, size_bytes, deleted_ms) values (?, ?, ?)",
            new.name,
            new.size_bytes,
            new.deleted_ms
        )
        .execute(&mut *tx)
        .await?;
        let id = done.last_insert_rowid();
        for TrashedFile { place, trash } in &new.files {
            sqlx::query!(
                "insert into model_trash_file (trash_id, place, trash) values (?, ?, ?)",
                id,
                place,
                trash
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(id)
    }

    /// What was deleted, the newest first.
    pub async fn model_trash(&self) -> Result<Vec<TrashRow>, StoreError> {
        let rows = sqlx::query_as!(
            TrashRow,
            "select id, name, size_bytes, deleted_ms from model_trash order by id desc"
        );
        Ok(rows.fetch_all(&self.read).await?)
    }

    /// The files of something that was deleted.
    pub async fn model_trash_files(&self, id: i64) -> Result<Vec<TrashedFile>, StoreError> {
        let rows = sqlx::query_as!(
            TrashedFile,
            "select place, trash from model_trash_file where trash_id = ? order by rowid",
            id
        );
        Ok(rows.fetch_all(&self.read).await?)
    }

    /// Forgets something that was deleted: it was put back, or is gone for good.
    pub async fn forget_model_trash(&self, id: i64) -> Result<(), StoreError> {
        sqlx::query!("delete from model_trash where id = ?", id).execute(&self.write).await?;
        Ok(())
    }
}

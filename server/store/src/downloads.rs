//! Downloads of models, as they were asked for.

use crate::{Store, StoreError};
use types::{
    discover::{DownloadId, DownloadState},
    ids::{ModelId, UserId},
};

/// A download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadRow {
    pub id: DownloadId,
    pub user: UserId,
    pub repo: String,
    pub revision: String,
    /// What was chosen of the repository.
    pub name: String,
    pub model: ModelId,
    /// Never `Running`: that is known to whoever runs it.
    pub state: DownloadState,
    pub error: Option<String>,
}

/// A file of a download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadFile {
    /// In the repository.
    pub path: String,
    /// Below the folder of models.
    pub target: String,
    pub size_bytes: u64,
    pub sha256: Option<String>,
    /// Git's name for its content, where there is no digest.
    pub git_id: Option<String>,
}

/// A download that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDownload<'a> {
    pub repo: &'a str,
    pub revision: &'a str,
    pub name: &'a str,
    pub model: &'a ModelId,
    pub files: &'a [DownloadFile],
}

impl Store {
    /// Notes a download behind all others. One of the same thing that has ended is replaced; `Conflict` where one has not.
    pub async fn add_download(
        &self,
        user: UserId,
        new: &NewDownload<'_>,
        now_ms: i64,
    ) -> Result<DownloadId, StoreError> {
        let NewDownload { repo, revision, name, model, files } = *new;
        let mut tx = self.write.begin().await?;
        sqlx::query!(
            "delete from model_download where repo = ? and name = ? and state in ('done', 'failed')",
            repo,
            name
        )
        .execute(&mut *tx)
        .await?;
        let done = sqlx::query!(
            "insert into model_download (user_id, repo, revision, name, model, position, created_ms)
             values (?, ?, ?, ?, ?, coalesce((select max(position) from model_download), 0) + 1, ?)",
            user.0,
            repo,
            revision,
            name,
            model.0,
            now_ms
        )
        .execute(&mut *tx)
        .await?;
        let id = done.last_insert_rowid();
        for DownloadFile { path, target, size_bytes, sha256, git_id } in files {
            let size_bytes = i64::try_from(*size_bytes).unwrap_or(i64::MAX);
            sqlx::query!(
                "insert into model_download_file (download_id, path, target, size_bytes, sha256, git_id) values (?, ?, ?, ?, ?, ?)",
                id,
                path,
                target,
                size_bytes,
                sha256,
                git_id
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(DownloadId(id))
    }

    /// All downloads in their order; those that are done last, the newest of them first, and of those no more than 20.
    pub async fn downloads(&self) -> Result<Vec<DownloadRow>, StoreError> {
        let rows = sqlx::query!(
            "select id, user_id, repo, revision, name, model, state, error from model_download
             where state <> 'done' or id in (select id from model_download where state = 'done' order by id desc limit 20)
             order by state = 'done', case when state = 'done' then -id else position end"
        )
        .fetch_all(&self.read)
        .await?;
        let row = |id, user, repo, revision, name, model, state: &str, error| DownloadRow {
            id: DownloadId(id),
            user: UserId(user),
            repo,
            revision,
            name,
            model: ModelId(model),
            state: state_of(state),
            error,
        };
        Ok(rows
            .into_iter()
            .map(|it| row(it.id, it.user_id, it.repo, it.revision, it.name, it.model, &it.state, it.error))
            .collect())
    }

    /// The files of a download, by path.
    pub async fn download_files(&self, id: DownloadId) -> Result<Vec<DownloadFile>, StoreError> {
        let rows = sqlx::query!(
            "select path, target, size_bytes, sha256, git_id from model_download_file where download_id = ? order by path",
            id.0
        )
        .fetch_all(&self.read)
        .await?;
        let files = rows.into_iter().map(|row| DownloadFile {
            path: row.path,
            target: row.target,
            size_bytes: row.size_bytes.unsigned_abs(),
            sha256: row.sha256,
            git_id: row.git_id,
        });
        Ok(files.collect())
    }

    /// Keeps where a download stands, and why.
    pub async fn set_download(
        &self,
        id: DownloadId,
        state: DownloadState,
        error: Option<&str>,
    ) -> Result<(), StoreError> {
        let state = state_name(state);
        let done =
            sqlx::query!("update model_download set state = ?, error = ? where id = ?", state, error, id.0)
                .execute(&self.write)
                .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Makes a download the first one.
    pub async fn put_download_first(&self, id: DownloadId) -> Result<(), StoreError> {
        let done = sqlx::query!(
            "update model_download set position = (select min(position) from model_download) - 1 where id = ?",
            id.0
        )
        .execute(&self.write)
        .await?;
        if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
    }

    /// Forgets a download.
    pub async fn remove_download(&self, id: DownloadId) -> Result<(), StoreError> {
        sqlx::query!("delete from model_download where id = ?", id.0).execute(&self.write).await?;
        Ok(())
    }

    /// The bytes per second of all downloads together, and how many are made at once; `None` where nobody chose.
    pub async fn download_limits(&self) -> Result<Option<(Option<u64>, u32)>, StoreError> {
        let row = sqlx::query!("select bytes_per_second, n_parallel from download_limits")
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(|row| {
            let rate = row.bytes_per_second.and_then(|n| u64::try_from(n).ok());
            (rate, u32::try_from(row.n_parallel).unwrap_or(1))
        }))
    }

    /// Keeps them.
    pub async fn save_download_limits(
        &self,
        bytes_per_second: Option<u64>,
        n_parallel: u32,
    ) -> Result<(), StoreError> {
        let rate = bytes_per_second.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        sqlx::query!(
            "insert or replace into download_limits (id, bytes_per_second, n_parallel) values (1, ?, ?)",
            rate,
            n_parallel
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

fn state_name(state: DownloadState) -> &'static str {
    match state {
        DownloadState::Waiting | DownloadState::Running => "waiting",
        DownloadState::Paused => "paused",
        DownloadState::Failed => "failed",
        DownloadState::Done => "done",
    }
}

fn state_of(name: &str) -> DownloadState {
    match name {
        "paused" => DownloadState::Paused,
        "failed" => DownloadState::Failed,
        "done" => DownloadState::Done,
        _ => DownloadState::Waiting,
    }
}

//! Background work.

use crate::{Store, StoreError};
use types::{
    ids::{JobId, UserId},
    job::{JobKind, JobState},
};

/// Jobs that are kept; of all earlier ones only those that run.
const MOST_KEPT: i64 = if cfg!(test) { 30 } else { 1000 };

/// One job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRow {
    pub id: JobId,
    pub kind: JobKind,
    pub subject: String,
    pub state: JobState,
    pub error: Option<String>,
    pub started_ms: i64,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobEnd<'a> {
    pub state: JobState,
    pub error: Option<&'a str>,
    pub now_ms: i64,
}

struct Raw {
    id: i64,
    kind: String,
    subject: String,
    state: String,
    error: Option<String>,
    started_ms: i64,
}

impl From<Raw> for JobRow {
    fn from(raw: Raw) -> Self {
        Self {
            id: JobId(raw.id),
            kind: parse_kind(&raw.kind),
            subject: raw.subject,
            state: parse_state(&raw.state),
            error: raw.error,
            started_ms: raw.started_ms,
        }
    }
}

impl Store {
    /// Notes that a job started.
    pub async fn start_job(
        &self,
        user: UserId,
        kind: JobKind,
        subject: &str,
        now_ms: i64,
    ) -> Result<JobId, StoreError> {
        let kind = kind_name(kind);
        // Not `returning`: its row comes before the commit, whose failure would go unseen.
        let done = sqlx::query!(
            "insert into job (user_id, kind, subject, state, started_ms) values (?, ?, ?, 'running', ?)",
            user.0,
            kind,
            subject,
            now_ms
        )
        .execute(&self.write)
        .await?;
        let id = done.last_insert_rowid();
        sqlx::query!("delete from job where state <> 'running' and id <= ? - ?", id, MOST_KEPT)
            .execute(&self.write)
            .await?;
        Ok(JobId(id))
    }

    /// Notes how a job ended.
    pub async fn end_job(&self, id: JobId, end: JobEnd<'_>) -> Result<(), StoreError> {
        let state = state_name(end.state);
        sqlx::query!(
            "update job set state = ?, error = ?, ended_ms = ? where id = ? and state = 'running'",
            state,
            end.error,
            end.now_ms,
            id.0
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }

    /// The person's jobs that run and the newest others, newest first.
    pub async fn list_jobs(&self, user: UserId, limit: u32) -> Result<Vec<JobRow>, StoreError> {
        let rows = sqlx::query_as!(
            Raw,
            "select id, kind, subject, state, error, started_ms from job
             where user_id = ?1 and (state = 'running'
                or id in (select id from job where user_id = ?1 order by id desc limit ?2))
             order by id desc",
            user.0,
            limit
        )
        .fetch_all(&self.read)
        .await?;
        Ok(rows.into_iter().map(Into::into).collect())
    }

    /// Marks the jobs that a crash left running. Called once, at start.
    pub async fn end_interrupted_jobs(&self, now_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "update job set state = 'interrupted', ended_ms = ? where state = 'running'",
            now_ms
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }
}

fn kind_name(kind: JobKind) -> &'static str {
    match kind {
        JobKind::LoadModel => "load_model",
        JobKind::DownloadModel => "download_model",
        JobKind::QuantizeModel => "quantize_model",
        JobKind::BringModel => "bring_model",
        JobKind::MeasureModel => "measure_model",
        JobKind::MeasureQuants => "measure_quants",
        JobKind::CompareWithSource => "compare_with_source",
        JobKind::IndexDocuments => "index_documents",
        JobKind::ImportChats => "import_chats",
        JobKind::CompareModels => "compare_models",
    }
}

fn parse_kind(text: &str) -> JobKind {
    match text {
        "download_model" => JobKind::DownloadModel,
        "quantize_model" => JobKind::QuantizeModel,
        "bring_model" => JobKind::BringModel,
        "measure_model" => JobKind::MeasureModel,
        "measure_quants" => JobKind::MeasureQuants,
        "compare_with_source" => JobKind::CompareWithSource,
        "index_documents" => JobKind::IndexDocuments,
        "import_chats" => JobKind::ImportChats,
        "compare_models" => JobKind::CompareModels,
        _ => JobKind::LoadModel,
    }
}

fn state_name(state: JobState) -> &'static str {
    match state {
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Interrupted => "interrupted",
    }
}

fn parse_state(text: &str) -> JobState {
    match text {
        "running" => JobState::Running,
        "done" => JobState::Done,
        "failed" => JobState::Failed,
        "cancelled" => JobState::Cancelled,
        _ => JobState::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::open;

    const ME: UserId = UserId::LOCAL;

    #[tokio::test]
    async fn a_job_that_runs_stays_in_the_list_however_many_come_after_it() {
        let (_folder, store) = open().await;
        let long = store.start_job(ME, JobKind::QuantizeModel, "large", 1).await.unwrap();
        for _ in 0..40 {
            let id = store.start_job(ME, JobKind::LoadModel, "small", 2).await.unwrap();
            let end = JobEnd { state: JobState::Done, error: None, now_ms: 3 };
            store.end_job(id, end).await.unwrap();
        }
        let listed = store.list_jobs(ME, 20).await.unwrap();
        assert_eq!((listed.len(), listed.last().unwrap().id), (21, long));
        assert_eq!(store.list_jobs(ME, 1000).await.unwrap().len(), 31, "old ones are forgotten");
    }
}

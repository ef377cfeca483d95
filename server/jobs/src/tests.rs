use super::{Jobs, Progress};
use store::Store;
use types::{
    ids::UserId,
    job::{JobKind, JobState, JobView},
};

const ME: UserId = UserId::LOCAL;

async fn open(folder: &tempfile::TempDir) -> Jobs {
    Jobs::open(Store::open(&folder.path().join("app.sqlite")).await.unwrap()).await.unwrap()
}

async fn only(jobs: &Jobs) -> JobView {
    let mut list = jobs.list(ME).await.unwrap();
    assert_eq!(list.len(), 1);
    list.remove(0)
}

/// Waits for the job's end, which a dropped handle only sets in motion.
async fn ended(jobs: &Jobs) -> JobView {
    let mut changes = jobs.watch();
    loop {
        let job = only(jobs).await;
        if job.state != JobState::Running && !job.can_cancel {
            return job;
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test]
async fn a_job_is_listed_with_its_progress_and_then_as_done() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = open(&folder).await;
    let handle = jobs.start(ME, JobKind::LoadModel, "tiny").await.unwrap();
    handle.progress(Progress { fraction: Some(0.5), ..Progress::default() });
    let job = only(&jobs).await;
    assert_eq!((job.state, job.progress, job.can_cancel), (JobState::Running, Some(0.5), true));
    handle.done().await;
    let job = only(&jobs).await;
    assert_eq!((job.state, job.progress, job.can_cancel), (JobState::Done, None, false));
}

#[tokio::test]
async fn a_failure_keeps_its_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = open(&folder).await;
    jobs.start(ME, JobKind::DownloadModel, "tiny").await.unwrap().failed("the disk is full".into()).await;
    assert_eq!(only(&jobs).await.error.as_deref(), Some("the disk is full"));
}

#[tokio::test]
async fn cancelling_reaches_the_worker_and_only_the_owner_may() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = open(&folder).await;
    let handle = jobs.start(ME, JobKind::LoadModel, "tiny").await.unwrap();
    let id = only(&jobs).await.id;
    assert!(jobs.cancel(UserId(2), id).await.is_err());
    assert!(!handle.cancellation().is_cancelled());
    jobs.cancel(ME, id).await.unwrap();
    handle.cancellation().cancelled().await;
    drop(handle);
    assert_eq!(ended(&jobs).await.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_job_that_a_crash_left_running_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let jobs = open(&folder).await;
    std::mem::forget(jobs.start(ME, JobKind::LoadModel, "tiny").await.unwrap());
    let again = open(&folder).await;
    assert_eq!(only(&again).await.state, JobState::Interrupted);
}

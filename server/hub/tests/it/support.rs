//! What all tests use.

use hub::{
    Hub, RepoId, Revision,
    testing::{Fault, PretendRepository, TestHub},
    transfer::{FreeBytes, Limits, Progress, Request},
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use types::secret::Secret;

pub(crate) const REPO: &str = "owner/model-GGUF";
pub(crate) const FILE: &str = "model-Q4_K_M.gguf";

#[expect(clippy::disallowed_methods, reason = "the caller's part is played by the tests")]
pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap()
}

pub(crate) fn hub_at(endpoint: &str, token: Option<&str>) -> Hub {
    Hub::new(client(), endpoint, token.map(Secret::new)).unwrap()
}

pub(crate) fn repo(text: &str) -> RepoId {
    RepoId::parse(text).unwrap()
}

/// Bytes that repeat nowhere within a segment.
pub(crate) fn some_bytes(n: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n as u64);
    let mut bytes = vec![0; n];
    random.fill(&mut bytes);
    bytes
}

/// A hub with one big file, a folder to fetch it into, and what was told while that went on.
pub(crate) struct Bench {
    pub(crate) hub: TestHub,
    pub(crate) bytes: Vec<u8>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) limits: Limits,
    pub(crate) told: Mutex<Vec<Progress>>,
    pub(crate) token: Option<String>,
}

impl Bench {
    pub(crate) async fn new(n: usize) -> Self {
        Self::with(PretendRepository::new(REPO), n).await
    }

    pub(crate) async fn with(repository: PretendRepository, n: usize) -> Self {
        let bytes = some_bytes(n);
        let hub = TestHub::start().await.unwrap().with_repository(repository.with_file(FILE, bytes.clone()));
        let limits = Limits {
            segment_bytes: 256 << 10,
            parallel_from_bytes: 1 << 20,
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_secs(2),
            reserve_bytes: 0,
            ..Limits::new(FreeBytes::new(|_| None))
        };
        let folder = tempfile::tempdir().unwrap();
        Self { hub, bytes, folder, limits, told: Mutex::default(), token: None }
    }

    pub(crate) fn faults(&self, faults: Vec<Fault>) {
        self.hub.set_faults(REPO, FILE, faults);
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.folder.path().join("fetched.gguf")
    }

    /// As the hub describes the file.
    pub(crate) async fn request(&self) -> Request {
        let hub = hub_at(&self.hub.endpoint(), self.token.as_deref());
        let repository = hub.repository(&repo(REPO), &Revision::default()).await.unwrap();
        hub.download(&repository, &repository.files[0], self.target()).unwrap()
    }

    pub(crate) async fn fetch(&self) -> Result<hub::transfer::Finished, hub::transfer::TransferError> {
        self.fetch_as(&self.request().await).await
    }

    pub(crate) async fn fetch_as(
        &self,
        request: &Request,
    ) -> Result<hub::transfer::Finished, hub::transfer::TransferError> {
        let tell = |progress| self.told.lock().unwrap().push(progress);
        hub::transfer::download(&client(), request, &self.limits, &tell).await
    }

    /// Begins, and pauses when so many bytes are there.
    pub(crate) async fn pause_at(&self, n: u64) {
        let enough = tokio::sync::Notify::new();
        let tell = |progress: Progress| {
            if progress.done_bytes >= n {
                enough.notify_one();
            }
        };
        let request = self.request().await;
        let client = client();
        tokio::select! {
            result = hub::transfer::download(&client, &request, &self.limits, &tell) => panic!("{result:?}"),
            () = enough.notified() => {}
        }
    }

    /// The file is whole, and nothing else is left.
    #[track_caller]
    pub(crate) fn check_whole(&self) {
        assert!(std::fs::read(self.target()).unwrap() == self.bytes, "the file has other bytes");
        assert_eq!(names_in(self.folder.path()), ["fetched.gguf"]);
    }

    /// There is no target.
    #[track_caller]
    pub(crate) fn check_absent(&self) {
        assert!(!self.target().exists());
    }
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

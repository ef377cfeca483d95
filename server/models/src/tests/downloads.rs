//! Downloads from a hub of our own.

use super::{Bench, ME, gguf, llama};
use crate::{HubAccess, ModelsError, Referred};
use hub::testing::{Fault, PretendRepository, TestHub};
use std::{fs, path::PathBuf, time::Duration};
use types::{
    discover::{
        Chosen, DownloadId, DownloadState, DownloadView, HubCapability, HubQuery, HubSize, HubSort,
        RepositoryView,
    },
    secret::Secret,
    shelf::Kind,
};

const REPO: &str = "maker/Tiny-GGUF";

impl Bench {
    pub(super) async fn with_hub(hub: &TestHub) -> Self {
        Self::open().await.connected(hub)
    }

    pub(super) fn connected(mut self, hub: &TestHub) -> Self {
        let token_file = Some(self.home.path().join("hub-token"));
        let access = HubAccess { endpoint: hub.endpoint(), token_file, ..HubAccess::default() };
        self.models = self.models.with_hub(access);
        self.models.start_downloads();
        self
    }

    async fn download(&self, repo: &str, name: &str) -> Result<DownloadId, ModelsError> {
        self.models.download(ME, &chosen(repo, None, name)).await
    }

    pub(super) async fn look(&self, repo: &str) -> Result<RepositoryView, ModelsError> {
        let referred = Referred { repo: repo.to_owned(), revision: None, wanted: None };
        self.models.look_at_repository(referred).await
    }

    pub(super) async fn only_download(&self) -> DownloadView {
        let mut list = self.models.downloads().await.unwrap().list;
        assert_eq!(list.len(), 1, "{list:?}");
        list.remove(0)
    }

    /// All downloads, when none is on its way any more.
    async fn all_ended(&self) -> Vec<DownloadView> {
        let is_going =
            |it: &DownloadView| matches!(it.state, DownloadState::Waiting | DownloadState::Running);
        loop {
            let list = self.models.downloads().await.unwrap().list;
            if !list.iter().any(is_going) {
                return list;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(super) async fn until(&self, wanted: DownloadState) -> DownloadView {
        for _ in 0..2_000 {
            let download = self.only_download().await;
            if download.state == wanted {
                return download;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it is not {wanted:?}: {:?}", self.only_download().await);
    }
}

pub(super) fn chosen(repo: &str, revision: Option<&str>, name: &str) -> Chosen {
    Chosen { repo: repo.to_owned(), revision: revision.map(str::to_owned), name: name.to_owned() }
}

async fn tiny() -> TestHub {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new(REPO)
        .with_tags(&["gguf", "license:mit"])
        .with_file("Tiny-Q8_0.gguf", llama(300_000))
        .with_file("Tiny-Q4_K_M.gguf", llama(200_000))
        .with_file("README.md", "---\nlicense: mit\n---\n# Tiny <script>alert(1)</script>");
    hub.with_repository(repository)
}

#[tokio::test]
async fn a_model_is_found_looked_at_and_fetched() {
    let hub = tiny().await;
    let bench = Bench::with_hub(&hub).await;
    let found =
        bench.models.search_hub(&HubQuery { text: "tiny".into(), ..HubQuery::default() }).await.unwrap();
    assert_eq!((found.found.len(), found.found[0].repo.as_str()), (1, REPO));
    let view = bench.look(REPO).await.unwrap();
    let names: Vec<_> =
        view.choices.iter().map(|it| (it.name.as_str(), it.quantisation.as_deref())).collect();
    assert_eq!(names, [("Tiny-Q4_K_M", Some("Q4_K_M")), ("Tiny-Q8_0", Some("Q8_0"))]);
    assert!(view.card.is_some_and(|it| it.contains("<h1") && !it.contains("<script")));

    bench.download(REPO, "Tiny-Q8_0").await.unwrap();
    let done = bench.until(DownloadState::Done).await;
    assert_eq!(done.model.unwrap().0, "maker/Tiny-GGUF/Tiny-Q8_0");
    assert_eq!(bench.all().await, ["maker/Tiny-GGUF/Tiny-Q8_0"]);
    let path = bench.path("own/maker/Tiny-GGUF/Tiny-Q8_0.gguf");
    assert_eq!(fs::read(path).unwrap(), llama(300_000));
    let view = bench.look(REPO).await.unwrap();
    assert!(view.choices[1].here.is_some() && view.choices[0].here.is_none());
}

#[tokio::test]
async fn a_folder_of_safetensors_appears_when_it_is_whole() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new("maker/encoder")
        .with_file("config.json", r#"{"model_type":"bert"}"#)
        .with_file("tokenizer.json", "{}")
        .with_file("model.safetensors", vec![1; 100_000])
        .with_file("onnx/model.onnx", vec![1; 100]);
    let hub = hub.with_repository(repository);
    let bench = Bench::with_hub(&hub).await;
    hub.set_faults(
        "maker/encoder",
        "tokenizer.json",
        vec![Fault::Status { status: 404, retry_after: None, times: 1_000 }],
    );
    bench.download("maker/encoder", "model").await.unwrap();
    let failed = bench.until(DownloadState::Failed).await;
    assert!(failed.error.is_some());
    assert!(bench.all().await.is_empty(), "half a folder is no model");
    hub.set_faults("maker/encoder", "tokenizer.json", vec![]);
    bench.download("maker/encoder", "model").await.unwrap();
    bench.until(DownloadState::Done).await;
    assert_eq!(bench.all().await, ["maker/encoder"]);
    assert!(!bench.path("own/maker/encoder/onnx").exists());
}

#[tokio::test]
async fn what_passes_is_waited_for_as_long_as_the_hub_says() {
    let hub = tiny().await;
    let file = "Tiny-Q8_0.gguf";
    hub.set_faults(REPO, file, vec![Fault::Status { status: 429, retry_after: Some(3_000), times: 1 }]);
    let bench = Bench::with_hub(&hub).await;
    let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
    let reason = bench.until(DownloadState::Paused).await.error.unwrap();
    assert!(reason.starts_with("it is tried again by itself: "), "{reason}");
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(bench.only_download().await.state, DownloadState::Paused, "the time has not come");
    bench.models.resume_download(id).await.unwrap();
    bench.until(DownloadState::Done).await;
}

/// Does something as a process of its own would: whatever it began ends with it.
fn in_a_process<T>(work: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Runtime::new().unwrap().block_on(work))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_is_paused_and_resumed_and_goes_on_in_another_process() {
    let hub = tiny().await;
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![Fault::Slow { bytes_per_second: 1_000 }]);
    let (home, id) = in_a_process(async {
        let bench = Bench::with_hub(&hub).await;
        let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
        bench.until(DownloadState::Running).await;
        bench.models.pause_download(id).await.unwrap();
        bench.until(DownloadState::Paused).await;
        bench.models.resume_download(id).await.unwrap();
        bench.until(DownloadState::Running).await;
        assert!(bench.all().await.is_empty(), "a file is there when it is whole");
        (bench.home, id)
    });
    // Another process finds what was asked for.
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![]);
    let bench = Bench::open_in(home).await.connected(&hub);
    bench.until(DownloadState::Done).await;
    bench.models.remove_download(id).await.unwrap();
    assert_eq!(bench.all().await, ["maker/Tiny-GGUF/Tiny-Q8_0"], "what is done stays");
}

#[tokio::test]
async fn a_paused_download_shows_the_bytes_that_are_there() {
    let hub = TestHub::start().await.unwrap();
    // It comes by several connections, each of which begins elsewhere in it.
    let hub = hub.with_repository(PretendRepository::new(REPO).with_file("Tiny-Q8_0.gguf", llama(65 << 20)));
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![Fault::Slow { bytes_per_second: 500_000 }]);
    let bench = Bench::with_hub(&hub).await;
    let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
    while bench.only_download().await.done_bytes < 400_000 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.models.pause_download(id).await.unwrap();
    let (paused, sent) = (bench.until(DownloadState::Paused).await, hub.seen().bytes);
    let is_there = 400_000..=sent;
    assert!(is_there.contains(&paused.done_bytes), "{} of {sent}", paused.done_bytes);
}

#[tokio::test]
async fn what_arrived_goes_with_its_download() {
    let hub = tiny().await;
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![Fault::Slow { bytes_per_second: 1_000 }]);
    let bench = Bench::with_hub(&hub).await;
    // Wherever it is by then, down to the first folder that it makes.
    for ms in [0, 0, 0, 1, 2, 4, 8, 16, 32, 64] {
        let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
        bench.until(DownloadState::Running).await;
        tokio::time::sleep(Duration::from_millis(ms)).await;
        bench.models.remove_download(id).await.unwrap();
        assert!(bench.models.downloads().await.unwrap().list.is_empty());
        let folder = bench.home.path().join("own").join("maker").join("Tiny-GGUF");
        assert!(!folder.exists(), "it was there after {ms} ms");
    }
}

#[tokio::test]
async fn what_a_hub_refuses_is_said_and_a_token_opens_it() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new("maker/secret").gated("hf_right").with_file("a.gguf", llama(10));
    let hub = hub.with_repository(repository);
    let bench = Bench::with_hub(&hub).await;
    assert!(bench.look("maker/secret").await.unwrap().is_gated);
    let id = bench.download("maker/secret", "a").await.unwrap();
    let refused = bench.until(DownloadState::Failed).await.error.unwrap();
    assert!(refused.contains("access"), "{refused}");
    assert!(bench.models.set_hub_token(Secret::new("two words")).await.is_err());
    bench.models.set_hub_token(Secret::new("hf_right")).await.unwrap();
    bench.models.resume_download(id).await.unwrap();
    bench.until(DownloadState::Done).await;
    bench.models.set_hub_token(Secret::new("")).await.unwrap();
    assert!(!bench.models.hub_state().await.1, "it is forgotten");
    let offline = HubAccess { endpoint: hub.endpoint(), is_offline: true, ..HubAccess::default() };
    let bench = Bench { models: bench.models.clone().with_hub(offline), ..bench };
    let n_asked = hub.seen().questions;
    let err = bench.models.search_hub(&HubQuery::default()).await.unwrap_err().to_string();
    assert!(err.contains("offline"), "{err}");
    assert_eq!(hub.seen().questions, n_asked, "nothing was asked");
    let err = bench.models.fetch_starter(ME).await.unwrap_err().to_string();
    assert!(err.contains("offline"), "{err}");
}

#[tokio::test]
async fn a_folder_that_was_whole_when_the_process_ended_is_done() {
    let hub = TestHub::start().await.unwrap();
    let encoder = |weights: u8| {
        PretendRepository::new("maker/encoder")
            .with_file("config.json", r#"{"model_type":"bert"}"#)
            .with_file("model.safetensors", vec![weights; 100_000])
    };
    let hub = hub.with_repository(encoder(1));
    let bench = Bench::with_hub(&hub).await;
    let id = bench.download("maker/encoder", "model").await.unwrap();
    bench.until(DownloadState::Done).await;
    let n_fetches = hub.seen().fetches;
    // It had its name, and nobody had noted that.
    bench.models.resume_download(id).await.unwrap();
    bench.until(DownloadState::Done).await;
    assert_eq!(hub.seen().fetches, n_fetches, "nothing is fetched again");
    // Another one of that name is neither taken for it nor replaced.
    let weights = bench.path("own/maker/encoder/model.safetensors");
    fs::write(&weights, vec![2; 100_000]).unwrap();
    bench.models.resume_download(id).await.unwrap();
    let refused = bench.until(DownloadState::Failed).await.error.unwrap();
    assert!(refused.contains("delete that first"), "{refused}");
    assert_eq!((hub.seen().fetches, fs::read(&weights).unwrap()), (n_fetches, vec![2; 100_000]));
}

#[tokio::test]
async fn a_folder_and_gguf_files_of_a_repository_are_fetched_apart() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new("maker/both")
        .with_file("config.json", r#"{"model_type":"bert"}"#)
        .with_file("tokenizer.json", "{}")
        .with_file("model.safetensors", vec![1; 100_000])
        .with_file("Both-Q8_0.gguf", llama(30_000));
    let hub = hub.with_repository(repository);
    let bench = Bench::with_hub(&hub).await;
    let choices = bench.look("maker/both").await.unwrap().choices;
    let names: Vec<_> = choices.iter().map(|it| (it.name.as_str(), it.n_files)).collect();
    assert_eq!(names, [("Both-Q8_0", 1), ("safetensors", 3)]);
    assert!(choices[1].size_bytes > 100_000 && choices[1].recommended.is_none());

    // While the folder gathers, a file comes, goes and comes again.
    let slow = Fault::Slow { bytes_per_second: 100_000 };
    hub.set_faults("maker/both", "model.safetensors", vec![slow]);
    bench.download("maker/both", "safetensors").await.unwrap();
    let file = bench.download("maker/both", "Both-Q8_0").await.unwrap();
    bench.models.pause_download(file).await.unwrap();
    bench.models.remove_download(file).await.unwrap();
    bench.download("maker/both", "Both-Q8_0").await.unwrap();
    let ended = bench.all_ended().await;
    assert!(ended.iter().all(|it| it.state == DownloadState::Done) && ended.len() == 2, "{ended:?}");
    let mut all = bench.all().await;
    all.sort_unstable();
    assert_eq!(all, ["maker/both/Both-Q8_0", "maker/both/safetensors"]);
    assert!(bench.path("own/maker/both/safetensors/tokenizer.json").is_file());
    let choices = bench.look("maker/both").await.unwrap().choices;
    assert!(choices.iter().all(|it| it.here.is_some()));
}

#[tokio::test]
async fn two_models_of_a_repository_share_what_lets_them_see() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new(REPO)
        .with_file("Tiny-Q8_0.gguf", llama(30_000))
        .with_file("Tiny-Q4_K_M.gguf", llama(20_000))
        .with_file("A-mmproj-f16.gguf", gguf(&[("general.architecture", "clip")], &[], 60_000));
    let hub = hub.with_repository(repository);
    hub.set_faults(REPO, "A-mmproj-f16.gguf", vec![Fault::Slow { bytes_per_second: 60_000 }]);
    let bench = Bench::with_hub(&hub).await;
    for name in ["Tiny-Q8_0", "Tiny-Q4_K_M"] {
        bench.download(REPO, name).await.unwrap();
    }
    let done = bench.all_ended().await;
    assert!(done.iter().all(|it| it.state == DownloadState::Done), "{done:?}");
    let folder = bench.path("own/maker/Tiny-GGUF/x");
    assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 3);
}

#[tokio::test]
async fn what_arrived_of_a_shared_file_stays_for_the_other_download() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new(REPO)
        .with_file("Tiny-Q8_0.gguf", llama(30_000))
        .with_file("Tiny-Q4_K_M.gguf", llama(20_000))
        .with_file("A-mmproj-f16.gguf", gguf(&[("general.architecture", "clip")], &[], 600_000));
    let hub = hub.with_repository(repository);
    hub.set_faults(REPO, "A-mmproj-f16.gguf", vec![Fault::Slow { bytes_per_second: 20_000 }]);
    let bench = Bench::with_hub(&hub).await;
    let mut ids = Vec::new();
    for name in ["Tiny-Q8_0", "Tiny-Q4_K_M"] {
        ids.push(bench.download(REPO, name).await.unwrap());
    }
    let folder = bench.path("own/maker/Tiny-GGUF/x").parent().unwrap().to_owned();
    let arrived = || {
        let names = fs::read_dir(&folder).into_iter().flatten().flatten().map(|it| it.file_name());
        names.filter(|name| name.to_string_lossy().contains("mmproj")).count()
    };
    for _ in 0..2_000 {
        if arrived() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for id in &ids {
        bench.models.pause_download(*id).await.unwrap();
    }
    let n_arrived = arrived();
    assert!(n_arrived > 0);
    bench.models.remove_download(ids[0]).await.unwrap();
    assert_eq!(arrived(), n_arrived);
    bench.models.remove_download(ids[1]).await.unwrap();
    assert_eq!(arrived(), 0);
}

/// A model of three parts, and what lets it see.
async fn in_parts() -> TestHub {
    let mut repository = PretendRepository::new("maker/Big-GGUF");
    for n in 1..=3 {
        repository = repository.with_file(&format!("Big-Q8_0-0000{n}-of-00003.gguf"), llama(200_000 + n));
    }
    TestHub::start().await.unwrap().with_repository(repository.with_file("mmproj-f16.gguf", eyes(10)))
}

fn eyes(n: u64) -> Vec<u8> {
    gguf(&[("general.architecture", "clip")], &[], n)
}

#[tokio::test]
async fn parts_that_are_whole_go_with_their_download_and_what_was_there_before_stays() {
    let hub = in_parts().await;
    let last = "Big-Q8_0-00003-of-00003.gguf";
    hub.set_faults("maker/Big-GGUF", last, vec![Fault::Slow { bytes_per_second: 10 }]);
    let bench = Bench::with_hub(&hub).await;
    let projector = bench.put("own/maker/Big-GGUF/mmproj-f16.gguf", &eyes(10));
    let id = bench.download("maker/Big-GGUF", "Big-Q8_0").await.unwrap();
    let second = bench.path("own/maker/Big-GGUF/Big-Q8_0-00002-of-00003.gguf");
    for _ in 0..2_000 {
        if second.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bench.models.pause_download(id).await.unwrap();
    // Some of its parts are no model: it can be gone on with.
    let choices = bench.look("maker/Big-GGUF").await.unwrap().choices;
    let choice = choices.iter().find(|it| it.name == "Big-Q8_0").unwrap();
    assert_eq!((choice.here.as_ref(), choice.download), (None, Some(id)));
    bench.models.remove_download(id).await.unwrap();
    let folder = fs::read_dir(projector.parent().unwrap()).unwrap();
    let left: Vec<_> = folder.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["mmproj-f16.gguf"]);
    // Without its download it is not here either.
    bench.put("own/maker/Big-GGUF/Big-Q8_0-00001-of-00003.gguf", &llama(200_001));
    let choices = bench.look("maker/Big-GGUF").await.unwrap().choices;
    assert!(choices.iter().all(|it| it.name != "Big-Q8_0" || it.here.is_none()));
}

#[tokio::test]
async fn a_file_of_the_same_name_and_other_content_is_not_replaced() {
    let hub = in_parts().await;
    let bench = Bench::with_hub(&hub).await;
    // As long as the one of the repository.
    let other = {
        let mut eyes = eyes(10);
        *eyes.last_mut().unwrap() = 8;
        eyes
    };
    let projector = bench.put("own/maker/Big-GGUF/mmproj-f16.gguf", &other);
    let id = bench.download("maker/Big-GGUF", "Big-Q8_0").await.unwrap();
    let refused = bench.until(DownloadState::Failed).await.error.unwrap();
    assert!(refused.contains("another file is called maker/Big-GGUF/mmproj-f16.gguf"), "{refused}");
    assert_eq!((fs::read(&projector).unwrap(), hub.seen().fetches), (other, 0));
    fs::write(&projector, eyes(10)).unwrap();
    bench.models.resume_download(id).await.unwrap();
    bench.until(DownloadState::Done).await;
    bench.models.remove_download(id).await.unwrap();
    assert_eq!(fs::read_dir(projector.parent().unwrap()).unwrap().count(), 4);
}

/// A download, and another file of its name that came while it ran.
async fn taken_meanwhile(hub: &TestHub, other: &[u8]) -> (Bench, DownloadId, PathBuf) {
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![Fault::Slow { bytes_per_second: 30_000 }]);
    let bench = Bench::with_hub(hub).await;
    let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
    while bench.only_download().await.done_bytes == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let place = bench.put("own/maker/Tiny-GGUF/Tiny-Q8_0.gguf", other);
    (bench, id, place)
}

#[tokio::test]
async fn a_file_that_gets_the_name_while_another_one_is_fetched_for_it_stays() {
    let hub = tiny().await;
    let (bench, id, place) = taken_meanwhile(&hub, &llama(77)).await;
    for _ in 0..2 {
        let refused = bench.until(DownloadState::Failed).await.error.unwrap();
        assert!(refused.contains("another file is called maker/Tiny-GGUF/Tiny-Q8_0.gguf"), "{refused}");
        assert_eq!(fs::read(&place).unwrap(), llama(77));
        bench.models.resume_download(id).await.unwrap();
    }
    bench.until(DownloadState::Failed).await;
    // What arrived waits for the name.
    let n_fetches = hub.seen().fetches;
    fs::remove_file(&place).unwrap();
    bench.models.resume_download(id).await.unwrap();
    bench.until(DownloadState::Done).await;
    assert_eq!((fs::read(&place).unwrap(), hub.seen().fetches), (llama(300_000), n_fetches));
    assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_came_to_a_paused_download_stays_when_that_goes_on_and_when_it_is_removed() {
    // Of another length, and what is to arrive itself.
    for (other, end) in [(llama(77), DownloadState::Failed), (llama(300_000), DownloadState::Done)] {
        for goes_on in [true, false] {
            let hub = tiny().await;
            let (bench, id, place) = taken_meanwhile(&hub, &other).await;
            bench.models.pause_download(id).await.unwrap();
            if goes_on {
                bench.models.resume_download(id).await.unwrap();
                bench.until(end).await;
            }
            bench.models.remove_download(id).await.unwrap();
            assert!(fs::read(&place).unwrap() == other, "{end:?} {goes_on}");
            assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1, "{end:?} {goes_on}");
        }
    }
}

#[tokio::test]
async fn a_version_that_was_named_is_here_if_it_is_that_one() {
    let hub = tiny().await;
    hub.add(PretendRepository::new(REPO).with_file("Tiny-Q8_0.gguf", llama(10)).at("v1"));
    let bench = Bench::with_hub(&hub).await;
    let place = "own/maker/Tiny-GGUF/Tiny-Q8_0.gguf";
    for (n, expected) in [(300_000, false), (10, true)] {
        bench.put(place, &llama(n));
        let referred = bench.models.reference(&format!("{REPO}@v1")).await.unwrap();
        let view = bench.models.look_at_repository(referred).await.unwrap();
        assert_eq!(view.choices[0].here.is_some(), expected, "{n}");
    }
}

#[tokio::test]
async fn the_revision_that_was_named_is_the_one_that_is_fetched() {
    let hub = tiny().await;
    let bench = Bench::with_hub(&hub).await;
    let referred = bench.models.reference(&format!("{REPO}@v1:Q8_0")).await.unwrap();
    assert_eq!((referred.revision.as_deref(), referred.wanted.as_deref()), (Some("v1"), Some("Q8_0")));
    assert!(bench.models.look_at_repository(referred.clone()).await.is_err(), "there is no v1 yet");
    let old = PretendRepository::new(REPO).with_file("Tiny-Q8_0.gguf", llama(10)).at("v1");
    hub.add(old);
    let view = bench.models.look_at_repository(referred).await.unwrap();
    assert_eq!((view.revision.as_deref(), view.choices.len()), (Some("v1"), 1));
    bench.models.download(ME, &chosen(REPO, Some("v1"), "Tiny-Q8_0")).await.unwrap();
    bench.until(DownloadState::Done).await;
    assert_eq!(fs::read(bench.path("own/maker/Tiny-GGUF/Tiny-Q8_0.gguf")).unwrap(), llama(10));
}

#[tokio::test]
async fn one_version_of_a_file_is_on_its_way_at_a_time() {
    let hub = tiny().await;
    hub.add(PretendRepository::new(REPO).with_file("Tiny-Q8_0.gguf", llama(10)).at("v1"));
    hub.set_faults(REPO, "Tiny-Q8_0.gguf", vec![Fault::Slow { bytes_per_second: 10 }]);
    let bench = Bench::with_hub(&hub).await;
    let id = bench.download(REPO, "Tiny-Q8_0").await.unwrap();
    bench.models.pause_download(id).await.unwrap();
    let other = bench.models.download(ME, &chosen(REPO, Some("v1"), "Tiny-Q8_0")).await.unwrap_err();
    assert!(other.to_string().contains("another version"), "{other}");
    let same = bench.models.download(ME, &chosen(REPO, Some("main"), "Tiny-Q8_0")).await.unwrap();
    assert_eq!(same, id);
}

#[tokio::test]
async fn a_kind_is_found_under_all_names_that_the_hub_has_for_it() {
    let hub = TestHub::start().await.unwrap();
    let pipelines = ["text-generation", "image-text-to-text", "sentence-similarity", "feature-extraction"];
    for n in 0..40_u64 {
        let pipeline = pipelines[n as usize % 4];
        let repository = PretendRepository::new(&format!("maker/{pipeline}-{n}"));
        hub.add(PretendRepository { downloads: n, pipeline: Some(pipeline.to_owned()), ..repository });
    }
    let bench = Bench::with_hub(&hub).await;
    for (kind, names) in [(Kind::Writing, &pipelines[..2]), (Kind::Embedding, &pipelines[2..])] {
        let mut query = HubQuery { kind: Some(kind), sort: HubSort::Downloads, ..HubQuery::default() };
        let mut found = Vec::new();
        loop {
            let page = bench.models.search_hub(&query).await.unwrap();
            found.extend(page.found);
            query.cursor = page.next;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), 20, "{kind:?}");
        assert!(found.is_sorted_by(|a, b| a.downloads >= b.downloads), "{kind:?}");
        let is_of =
            |name: &&str| found.iter().filter(|it| it.pipeline.as_deref() == Some(name)).count() == 10;
        assert!(names.iter().all(is_of), "{kind:?}");
    }
}

#[tokio::test]
async fn a_search_is_narrowed_by_size_and_by_what_models_can_do() {
    let hub = TestHub::start().await.unwrap();
    for (name, billions, tag, pipeline) in [
        ("small", 1, "code", "text-generation"),
        ("middle", 7, "reasoning", "text-generation"),
        ("large", 70, "function-calling", "text-generation"),
        ("eyes", 7, "any", "image-text-to-text"),
    ] {
        let repository = PretendRepository::new(&format!("maker/{name}")).with_tags(&[tag]);
        let gguf = Some(("llama".to_owned(), 4096, billions * 1_000_000_000));
        hub.add(PretendRepository { gguf, pipeline: Some(pipeline.to_owned()), ..repository });
    }
    let bench = Bench::with_hub(&hub).await;
    let check = async |size, capability, expected: &[&str]| {
        let query = HubQuery { size, capability, ..HubQuery::default() };
        let page = bench.models.search_hub(&query).await.unwrap();
        let mut names: Vec<_> = page.found.iter().map(|it| it.repo.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{query:?}");
    };
    check(Some(HubSize::UpTo2), None, &["maker/small"]).await;
    check(Some(HubSize::UpTo10), None, &["maker/eyes", "maker/middle"]).await;
    check(Some(HubSize::Larger), None, &["maker/large"]).await;
    check(None, Some(HubCapability::Sees), &["maker/eyes"]).await;
    check(None, Some(HubCapability::CallsTools), &["maker/large"]).await;
    check(Some(HubSize::UpTo10), Some(HubCapability::Thinks), &["maker/middle"]).await;
    check(None, Some(HubCapability::Codes), &["maker/small"]).await;
}

#[tokio::test]
async fn pickles_are_refused_with_the_reason() {
    let hub = TestHub::start().await.unwrap();
    let repository = PretendRepository::new("maker/old")
        .with_file("config.json", "{}")
        .with_file("tokenizer.json", "{}")
        .with_file("pytorch_model.bin", vec![0; 100]);
    let hub = hub.with_repository(repository);
    let bench = Bench::with_hub(&hub).await;
    let choice = bench.look("maker/old").await.unwrap().choices.remove(0);
    assert!(choice.is_broken && choice.is_pickled);
    let refused = bench.download("maker/old", &choice.name).await.unwrap_err().to_string();
    assert!(refused.contains("pickles"), "{refused}");
    assert!(bench.models.downloads().await.unwrap().list.is_empty());
}

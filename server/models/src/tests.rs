//! The library as a whole: real files in real folders, and the database beside them.

use crate::{Environment, Library, Models, ModelsError, RemoteList};
use inference::{Engine, LlamaConfig, Remotes, ScriptedEngine};
use jobs::Jobs;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::Store;
use tempfile::TempDir;
use types::{
    ids::{ModelId, UserId},
    job::JobState,
    kv::KvType,
    launch::{AdapterChoice, LaunchProfile},
    shelf::{Capability, Format, Kind, ShelfQuery, SizeClass, SortBy},
};

mod bring;
#[cfg(target_os = "linux")]
mod disks;
mod downloads;
mod foreseen;
mod jan;
#[cfg(unix)]
mod loading;
mod queue;
mod rewrite;
mod seeing;
mod uses;
mod watching;

const ME: UserId = UserId(1);

struct Bench {
    /// The person's own folder: ours is in it, and others' are.
    home: TempDir,
    models: Models,
    engine: ScriptedEngine,
    jobs: Jobs,
}

impl Bench {
    async fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap()).await
    }

    async fn open_in(home: TempDir) -> Self {
        let own = home.path().join("own");
        fs::create_dir_all(&own).unwrap();
        let store = Store::open(&home.path().join("app.sqlite")).await.unwrap();
        let jobs = Jobs::open(store.clone()).await.unwrap();
        let scripted = ScriptedEngine::new([]);
        let engine: Arc<dyn Engine> = Arc::new(scripted.clone());
        let library = Library::new(own, vec![], KvType::default());
        let remotes = RemoteList::open(home.path().join("remotes.json"), Remotes::default()).await;
        let worker = LlamaConfig::for_current_exe().unwrap();
        let adapters = home.path().join("adapters");
        let environment = Environment { home: Some(home.path().to_owned()), variables: vec![] };
        let models = Models::new(library, engine, jobs.clone(), store, worker, remotes, adapters)
            .with_environment(environment);
        models.open_library().await.unwrap();
        Self { home, models, engine: scripted, jobs }
    }

    fn path(&self, place: &str) -> PathBuf {
        let path = place.split('/').fold(self.home.path().to_owned(), |path, name| path.join(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn put(&self, place: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(place);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// What a query finds, by id.
    async fn ids(&self, query: ShelfQuery) -> Vec<String> {
        self.models.shelf(query).await.unwrap().rows.into_iter().map(|row| row.entry.id.0).collect()
    }

    async fn all(&self) -> Vec<String> {
        self.ids(ShelfQuery::default()).await
    }

    async fn delete(&self, id: &str) -> Result<(), ModelsError> {
        self.models.delete(&ModelId(id.into())).await
    }

    async fn compared(&self) {
        self.models.find_duplicates(ME).await.unwrap();
        self.jobs_ended().await;
    }

    async fn jobs_ended(&self) {
        while self.jobs.list(ME).await.unwrap().iter().any(|job| job.state == JobState::Running) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A GGUF file: values of the header that are texts or numbers, and one tensor of `n` bytes.
fn gguf(texts: &[(&str, &str)], numbers: &[(&str, u32)], n: u64) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let mut file = [&b"GGUF"[..], &3_u32.to_le_bytes(), &1_u64.to_le_bytes()].concat();
    file.extend(((texts.len() + numbers.len()) as u64).to_le_bytes());
    for (key, value) in texts {
        file.extend([text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat());
    }
    for (key, value) in numbers {
        file.extend([text(key), 4_u32.to_le_bytes().to_vec(), value.to_le_bytes().to_vec()].concat());
    }
    file.extend([text("w"), 1_u32.to_le_bytes().to_vec()].concat());
    file.extend([&n.to_le_bytes()[..], &24_u32.to_le_bytes(), &0_u64.to_le_bytes()].concat());
    file.resize(file.len().next_multiple_of(32), 0);
    file.extend(vec![7; n as usize]);
    file
}

fn llama(n: u64) -> Vec<u8> {
    gguf(&[("general.architecture", "llama")], &[("llama.context_length", 4096)], n)
}

#[tokio::test]
async fn models_of_all_folders_are_one_list_that_is_searched_and_sorted() {
    let bench = Bench::open().await;
    bench.put("own/small.gguf", &llama(100));
    let thinker = [
        ("general.architecture", "qwen3"),
        ("general.license", "apache-2.0"),
        ("tokenizer.chat_template", "{% if tools %}{% endif %}<think>"),
    ];
    bench.put(
        "other/Thinker-Q8.gguf",
        &gguf(&thinker, &[("qwen3.context_length", 40_960), ("general.file_type", 7)], 300),
    );
    bench.put("other/mmproj-x.gguf", &gguf(&[("general.architecture", "clip")], &[], 50));
    bench.put("other/sky.gguf", &gguf(&[("general.architecture", "flux")], &[], 200));
    let path = bench.home.path().join("other").display().to_string();
    bench.models.add_folder(&path, "").await.unwrap();

    assert_eq!(bench.all().await, ["other/mmproj-x", "other/sky", "small", "other/Thinker-Q8"]);
    let by_size = ShelfQuery { sort: SortBy::Size, is_descending: true, ..ShelfQuery::default() };
    assert_eq!(bench.ids(by_size).await.first().map(String::as_str), Some("other/Thinker-Q8"));
    let check = async |query: ShelfQuery, expected: &[&str]| assert_eq!(bench.ids(query).await, expected);
    check(ShelfQuery { text: "THINK q8_0".into(), ..ShelfQuery::default() }, &["other/Thinker-Q8"]).await;
    check(ShelfQuery { kind: Some(Kind::Image), ..ShelfQuery::default() }, &["other/sky"]).await;
    check(ShelfQuery { kind: Some(Kind::Part), ..ShelfQuery::default() }, &["other/mmproj-x"]).await;
    check(
        ShelfQuery { capability: Some(Capability::Thinks), ..ShelfQuery::default() },
        &["other/Thinker-Q8"],
    )
    .await;
    check(
        ShelfQuery { folder: Some("other".into()), kind: Some(Kind::Writing), ..ShelfQuery::default() },
        &["other/Thinker-Q8"],
    )
    .await;
    check(ShelfQuery { n_rows: Some(1), ..ShelfQuery::default() }, &["other/mmproj-x"]).await;

    let thinker = bench.models.describe(&ModelId("other/Thinker-Q8".into()), true).await.unwrap();
    assert_eq!(thinker.model.capabilities, [Capability::CallsTools, Capability::Thinks]);
    assert_eq!(thinker.model.licence.as_deref(), Some("apache-2.0"));
    assert_eq!((thinker.model.n_parameters, thinker.tensors), (Some(300), vec![("I8".into(), 1, 300)]));
    assert!(thinker.chat_template.is_some_and(|it| it.contains("<think>")));
    // Only what can be loaded is offered where models are chosen.
    let usable: Vec<_> = bench.models.list().await.into_iter().map(|it| it.id.0).collect();
    assert_eq!(usable, ["small", "other/Thinker-Q8"]);
}

#[tokio::test]
async fn folders_and_checkpoints_tell_as_much_as_other_files() {
    let bench = Bench::open().await;
    let tensor = r#"{"w.weight": {"dtype": "U32", "shape": [1, 8], "data_offsets": [0, 32]}, "__metadata__": {"made_by": "me"}}"#;
    let mut weights = (tensor.len() as u64).to_le_bytes().to_vec();
    weights.extend(tensor.as_bytes());
    weights.extend([0; 32]);
    let config =
        br#"{"model_type": "qwen3", "quantization": {"group_size": 64, "bits": 4}, "num_hidden_layers": 28}"#;
    for (name, bytes) in [
        ("config.json", &config[..]),
        ("model.safetensors", &weights[..]),
        ("chat_template.jinja", &b"{{ tools }}"[..]),
        ("README.md", &b"---\nlicense: mit\n---\n"[..]),
    ] {
        bench.put(&format!("own/rounded/{name}"), bytes);
    }
    bench.put("own/paint.safetensors", &weights);
    let rounded = bench.models.describe(&ModelId("rounded".into()), true).await.unwrap();
    let model = &rounded.model;
    assert_eq!((model.format, model.kind, model.is_loadable), (Format::Mlx, Kind::Writing, false));
    assert_eq!((model.detail.as_deref(), model.licence.as_deref()), (Some("4 bits"), Some("mit")));
    assert_eq!((model.n_parameters, &model.capabilities[..]), (Some(64), &[Capability::CallsTools][..]));
    assert_eq!((rounded.layers, rounded.tensors), (Some(28), vec![("U32".to_owned(), 1, 32)]));
    assert!(rounded.values.contains(&("quantization.bits".to_owned(), "4".to_owned())));
    assert_eq!(rounded.chat_template.as_deref(), Some("{{ tools }}"));
    let panel = bench.models.launch_panel(&ModelId("rounded".into())).await.unwrap();
    assert_eq!((panel.template.as_deref(), panel.has_kv_types), (Some("{{ tools }}"), false));
    let paint = bench.models.describe(&ModelId("paint".into()), true).await.unwrap();
    assert_eq!(paint.values, [("made_by".to_owned(), "me".to_owned())]);
}

#[tokio::test]
async fn every_filter_narrows_and_every_column_sorts() {
    let bench = Bench::open().await;
    let sizes = [("c", 1, 8192), ("a", 3_000_000_001, 4096), ("b", 5_000_000_000, 2048)];
    for (n, (name, n_bytes, n_ctx)) in sizes.into_iter().enumerate() {
        let numbers = [("llama.context_length", n_ctx), ("llama.block_count", 1)];
        let path =
            bench.put(&format!("own/{name}.gguf"), &gguf(&[("general.architecture", "llama")], &numbers, 1));
        let file = fs::File::options().write(true).open(path).unwrap();
        // The rest of the file is a hole.
        file.set_len(n_bytes.max(file.metadata().unwrap().len())).unwrap();
        let hours = Duration::from_secs(3600 * (n as u64 + 1));
        file.set_modified(std::time::UNIX_EPOCH + hours).unwrap();
    }
    bench.put("own/d.safetensors", b"no model");
    let check = async |query: ShelfQuery, expected: &[&str]| assert_eq!(bench.ids(query).await, expected);
    let of_size = |size| ShelfQuery { size: Some(size), ..ShelfQuery::default() };
    check(of_size(SizeClass::UpTo2), &["c", "d"]).await;
    check(of_size(SizeClass::UpTo4), &["a"]).await;
    check(of_size(SizeClass::UpTo8), &["b"]).await;
    check(of_size(SizeClass::Larger), &[]).await;
    let gguf_only = ShelfQuery { format: Some(Format::Gguf), ..ShelfQuery::default() };
    for (sort, expected) in [
        (SortBy::Name, ["a", "b", "c"]),
        (SortBy::Size, ["c", "a", "b"]),
        (SortBy::Memory, ["c", "a", "b"]),
        (SortBy::Context, ["b", "a", "c"]),
        (SortBy::Changed, ["c", "a", "b"]),
    ] {
        check(ShelfQuery { sort, ..gguf_only.clone() }, &expected).await;
        let [first, second, third] = expected;
        check(ShelfQuery { sort, is_descending: true, ..gguf_only.clone() }, &[third, second, first]).await;
    }
    let rows = bench.models.shelf(ShelfQuery { fits: true, ..gguf_only }).await.unwrap().rows;
    assert!(rows.iter().all(|row| row.fits == Some(true)));
}

#[test]
fn every_size_is_in_one_class() {
    for gb in [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 1000] {
        for n_bytes in [gb * 1_000_000_000, gb * 1_000_000_000 + 1] {
            let n = SizeClass::ALL.iter().filter(|it| it.has(n_bytes)).count();
            assert_eq!(n, 1, "{n_bytes}");
        }
    }
}

#[tokio::test]
async fn folders_of_other_programs_are_offered_once() {
    let bench = Bench::open().await;
    let studio = bench.put(".lmstudio/models/maker/m/m.gguf", &llama(10));
    bench.put(".cache/llama.cpp/n.gguf", &llama(10));
    let offered = bench.models.offered_folders().await.unwrap();
    let own = |label: &str| offered.iter().find(|it| it.label == label).map(|it| it.path.clone()).unwrap();
    assert!(bench.all().await.is_empty(), "nothing is taken unasked");
    bench.models.decide_about_folder(&own("lmstudio"), true).await.unwrap();
    bench.models.decide_about_folder(&own("llama.cpp"), false).await.unwrap();
    assert_eq!(bench.all().await, ["lmstudio/maker/m/m"]);
    let left = bench.models.offered_folders().await.unwrap();
    assert!(left.iter().all(|it| !Path::new(&it.path).starts_with(bench.home.path())), "{left:?}");
    // It is so after a start, too, and can be taken back.
    let bench = Bench::open_in(bench.home).await;
    assert_eq!(bench.all().await, ["lmstudio/maker/m/m"]);
    let folders = bench.models.folders().await.unwrap();
    let id = folders.iter().find(|it| it.label == "lmstudio").and_then(|it| it.id).unwrap();
    bench.models.set_folder_on(id, false).await.unwrap();
    assert!(bench.all().await.is_empty());
    bench.models.set_folder_on(id, true).await.unwrap();
    bench.models.remove_folder(id).await.unwrap();
    assert!(bench.all().await.is_empty() && studio.is_file());
}

#[tokio::test]
async fn models_of_other_programs_are_found_where_each_keeps_them() {
    let bench = Bench::open().await;
    let digest = "a".repeat(64);
    let list = format!(
        r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"sha256:{digest}"}}]}}"#
    );
    let jan = ".local/share/Jan/data/llamacpp/models/Tiny";
    let checkpoint = [&2_u64.to_le_bytes()[..], b"{}"].concat();
    for (place, bytes) in [
        (".ollama/models/manifests/registry.ollama.ai/library/tiny/1b", list.into_bytes()),
        (&format!(".ollama/models/blobs/sha256-{digest}"), llama(10)),
        (&format!("{jan}/model.gguf"), llama(10)),
        (
            &format!("{jan}/model.yml"),
            b"model_path: llamacpp/models/Tiny/model.gguf\nname: Tiny 1B\n".to_vec(),
        ),
        ("ComfyUI/models/checkpoints/sky.safetensors", checkpoint.clone()),
        ("stable-diffusion-webui/models/Stable-diffusion/sea.safetensors", checkpoint),
    ] {
        bench.put(place, &bytes);
    }
    let offered = bench.models.offered_folders().await.unwrap();
    let ours = offered.iter().filter(|it| Path::new(&it.path).starts_with(bench.home.path()));
    let labels: Vec<_> = ours.clone().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["ollama", "jan", "comfyui", "a1111"]);
    for it in ours {
        bench.models.decide_about_folder(&it.path, true).await.unwrap();
    }
    let mut all = bench.all().await;
    all.sort();
    let expected = ["a1111/Stable-diffusion/sea", "comfyui/checkpoints/sky", "jan/Tiny 1B", "ollama/tiny:1b"];
    assert_eq!(all, expected);
    for (id, keeper) in [("jan/Tiny 1B", "Jan"), ("ollama/tiny:1b", "Ollama")] {
        let kept = bench.delete(id).await.unwrap_err().to_string();
        assert!(kept.contains(keeper), "{kept}");
    }
    // Where it is shown in a file manager is asked of what there is.
    let gone = bench.models.reveal(&ModelId("jan/gone".into())).await;
    assert!(matches!(gone, Err(ModelsError::NotFound(_))));
}

#[tokio::test]
async fn folders_that_make_no_sense_are_refused_with_the_reason() {
    let bench = Bench::open().await;
    let file = bench.put("file.gguf", b"");
    let text = |path: &Path| path.display().to_string();
    let check = async |path: String, label: &str, expected: &str| {
        let err = bench.models.add_folder(&path, label).await.unwrap_err().to_string();
        assert!(err.contains(expected), "{path} {label}: {err}");
    };
    check("models".into(), "x", "whole path").await;
    check(text(&bench.home.path().join("gone")), "x", "no such folder").await;
    check(text(&file), "x", "is a file").await;
    check(text(&bench.home.path().join("own")), "x", "shown in any case").await;
    check(text(bench.home.path()), "x", "shown in any case").await;
    let other = bench.home.path().join("other");
    fs::create_dir(&other).unwrap();
    check(text(&other), "a/b", "letters").await;
    bench.models.add_folder(&text(&other), "mine").await.unwrap();
    check(text(&other), "again", "already").await;
    fs::create_dir(bench.home.path().join("third")).unwrap();
    check("~/third".into(), "MINE", "this name").await;
}

#[tokio::test]
async fn headers_are_read_again_only_where_files_have_changed() {
    let bench = Bench::open().await;
    let path = bench.put("own/a.gguf", &llama(10));
    assert_eq!(bench.all().await, ["a"]);
    let bench = Bench::open_in(bench.home).await;
    // Nobody can tell from outside that it was not read; that it is read again can be told.
    fs::write(&path, gguf(&[("general.architecture", "gemma3")], &[], 20)).unwrap();
    let rows = bench.models.shelf(ShelfQuery::default()).await.unwrap().rows;
    assert_eq!(rows[0].entry.architecture.as_deref(), Some("gemma3"));
    fs::write(&path, b"no model").unwrap();
    let rows = bench.models.shelf(ShelfQuery::default()).await.unwrap().rows;
    assert!(rows[0].entry.problem.as_ref().is_some_and(|it| it.contains("not a GGUF")));
    fs::remove_file(&path).unwrap();
    assert!(bench.all().await.is_empty());
}

#[tokio::test]
async fn what_was_deleted_can_be_put_back_until_it_is_gone_for_good() {
    let bench = Bench::open().await;
    let parts =
        ["own/q-00001-of-00002.gguf", "own/q-00002-of-00002.gguf"].map(|it| bench.put(it, &llama(10)));
    bench.put("own/r.gguf", &llama(10));
    bench.delete("q").await.unwrap();
    assert_eq!(bench.all().await, ["r"]);
    assert!(parts.iter().all(|it| !it.exists()));
    let trash = bench.models.trash().await.unwrap();
    assert_eq!((trash.len(), trash[0].name.as_str()), (1, "q"));
    bench.models.restore(trash[0].id).await.unwrap();
    assert!(parts.iter().all(|it| it.is_file()) && bench.models.trash().await.unwrap().is_empty());

    bench.delete("q").await.unwrap();
    bench.put("own/q-00001-of-00002.gguf", b"another one");
    let trash = bench.models.trash().await.unwrap();
    let err = bench.models.restore(trash[0].id).await.unwrap_err().to_string();
    assert!(err.contains("something else"), "{err}");
    assert_eq!(fs::read(&parts[0]).unwrap(), b"another one");
    bench.models.empty_trash().await.unwrap();
    assert!(bench.models.trash().await.unwrap().is_empty());
    let left = fs::read_dir(bench.home.path().join("own").join(".chaosengine-trash")).unwrap().count();
    assert_eq!(left, 0);
    assert!(matches!(bench.delete("nothing").await, Err(ModelsError::NotFound(_))));
}

#[tokio::test]
async fn what_was_deleted_on_a_disk_that_is_away_stays_in_the_list() {
    let bench = Bench::open().await;
    let file = bench.put("disk/m.gguf", &llama(10));
    bench.models.add_folder("~/disk", "").await.unwrap();
    bench.delete("disk/m").await.unwrap();
    let trash = bench.models.trash().await.unwrap();
    let (disk, away) = (bench.path("disk"), bench.path("away"));
    fs::rename(&disk, &away).unwrap();
    let err = bench.models.restore(trash[0].id).await.unwrap_err().to_string();
    assert!(err.contains("is not there now"), "{err}");
    assert!(matches!(bench.models.empty_trash().await, Err(ModelsError::Away(_))));
    fs::rename(&away, &disk).unwrap();
    bench.models.restore(trash[0].id).await.unwrap();
    assert!(file.is_file() && bench.models.trash().await.unwrap().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_of_the_hubs_cache_goes_with_what_it_points_to() {
    let bench = Bench::open().await;
    let blob = bench.put("hub/models--o--n/blobs/1234", &llama(10));
    let link = bench.path("hub/models--o--n/snapshots/0a/m.gguf");
    std::os::unix::fs::symlink("../../blobs/1234", &link).unwrap();
    bench.models.add_folder("~/hub", "").await.unwrap();
    assert_eq!(bench.all().await, ["hub/o/n/m"]);
    let n_bytes = fs::metadata(&blob).unwrap().len();
    bench.delete("hub/o/n/m").await.unwrap();
    assert_eq!(bench.models.trash().await.unwrap()[0].size_bytes, n_bytes, "a link takes nothing");
    assert!(!blob.exists() && fs::symlink_metadata(&link).is_err());
    bench.models.restore(bench.models.trash().await.unwrap()[0].id).await.unwrap();
    assert!(blob.is_file() && link.is_file());
}

#[cfg(unix)]
#[tokio::test]
async fn deleting_a_link_leaves_what_belongs_to_another_program() {
    for place in ["ollama/blobs/sha256-12", "hub/models--o--n/blobs/12"] {
        let bench = Bench::open().await;
        let blob = bench.put(place, &llama(10));
        let links = ["own/linked.gguf", "own/models--a--b/snapshots/0a/m.gguf"].map(|it| bench.path(it));
        for (link, id) in links.iter().zip(["linked", "a/b/m"]) {
            std::os::unix::fs::symlink(&blob, link).unwrap();
            bench.delete(id).await.unwrap();
            assert!(fs::symlink_metadata(link).is_err() && blob.is_file(), "{place} {id}");
        }
    }
}

#[tokio::test]
async fn files_with_the_same_content_are_found_and_made_one() {
    let bench = Bench::open().await;
    let first = bench.put("own/a.gguf", &llama(2 << 20));
    let second = bench.put("other/b.gguf", &llama(2 << 20));
    let mut different = llama(2 << 20);
    *different.last_mut().unwrap() = 8;
    bench.put("own/c.gguf", &different);
    bench.models.add_folder("~/other", "").await.unwrap();
    assert!(bench.models.duplicates().await.unwrap().is_empty(), "nothing was compared yet");
    bench.compared().await;
    let same = bench.models.duplicates().await.unwrap();
    let ids: Vec<_> = same[0].models.iter().map(|id| id.0.as_str()).collect();
    assert_eq!((same.len(), ids), (1, vec!["a", "other/b"]));
    assert_eq!(same[0].reclaimable_bytes, same[0].size_bytes);

    let with_other = [ModelId("a".into()), ModelId("c".into())];
    assert!(matches!(bench.models.link(&with_other).await, Err(ModelsError::Kept(_))));
    bench.models.link(&same[0].models).await.unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    #[cfg(unix)]
    assert_eq!(system::paths::file_identity(&first), system::paths::file_identity(&second));
    bench.compared().await;
    let same = bench.models.duplicates().await.unwrap();
    assert_eq!(same[0].reclaimable_bytes, 0);
    // What has changed since is known not to be the same.
    fs::write(&second, different).unwrap();
    assert!(bench.models.duplicates().await.unwrap().is_empty());
}

#[cfg(unix)]
#[test]
fn a_search_for_duplicates_that_was_cancelled_reads_no_further() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = runtime.block_on(async {
        let bench = Bench::open().await;
        for name in ["a", "b"] {
            let file = bench.put(&format!("own/{name}.gguf"), &llama(10));
            // Reading them would take minutes; they are holes, which take no space.
            fs::File::options().write(true).open(file).unwrap().set_len(1 << 36).unwrap();
        }
        bench.models.find_duplicates(ME).await.unwrap();
        let job = async || bench.jobs.list(ME).await.unwrap().remove(0);
        while job().await.progress.is_none_or(|done| done <= 0.0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bench.jobs.cancel(ME, job().await.id).await.unwrap();
        bench.jobs_ended().await;
        assert_eq!(job().await.state, JobState::Cancelled);
        std::time::Instant::now()
    });
    // It waits for every thread that works.
    drop(runtime);
    assert!(begun.elapsed() < Duration::from_secs(10), "it took {:?}", begun.elapsed());
}

#[cfg(unix)]
#[tokio::test]
async fn parts_and_folders_with_the_same_content_are_found_file_by_file() {
    let bench = Bench::open().await;
    let part = |n: u8| {
        let mut part = llama(1 << 20);
        *part.last_mut().unwrap() = n;
        part
    };
    for (n, number) in ["00001", "00002"].into_iter().enumerate() {
        for place in ["own/big", "other/big"] {
            bench.put(&format!("{place}-{number}-of-00002.gguf"), &part(n as u8));
        }
    }
    for place in ["own/folder", "other/folder"] {
        bench.put(&format!("{place}/config.json"), place.as_bytes());
        bench.put(&format!("{place}/model.safetensors"), &part(7));
    }
    bench.put("other/alone.gguf", &part(7));
    bench.models.add_folder("~/other", "").await.unwrap();
    bench.compared().await;
    let n_bytes = part(0).len() as u64;
    let ids = |ids: &[&str]| ids.iter().map(|id| ModelId((*id).to_owned())).collect::<Vec<_>>();
    let shown = async || {
        let same = bench.models.duplicates().await.unwrap().into_iter();
        same.map(|it| (it.models, it.size_bytes, it.reclaimable_bytes)).collect::<Vec<_>>()
    };
    let (big, folders) = (ids(&["big", "other/big"]), ids(&["folder", "other/alone", "other/folder"]));
    let mut found = shown().await;
    found.sort();
    assert_eq!(found, [(big.clone(), 2 * n_bytes, 2 * n_bytes), (folders.clone(), n_bytes, 2 * n_bytes)]);
    bench.models.link(&big).await.unwrap();
    bench.models.link(&folders[..2]).await.unwrap();
    bench.compared().await;
    let mut found = shown().await;
    found.sort();
    assert_eq!(found, [(big, 2 * n_bytes, 0), (folders, n_bytes, n_bytes)]);
    assert_eq!(fs::read(bench.path("own/folder/config.json")).unwrap(), b"own/folder");
}

#[tokio::test]
async fn of_two_models_of_one_name_the_one_that_was_named_is_deleted() {
    let bench = Bench::open().await;
    // What is in our folder and what a label begins with may be called alike.
    let own = bench.put("own/other/a.gguf", &llama(10));
    let other = bench.put("other/a.gguf", &llama(20));
    bench.models.add_folder("~/other", "").await.unwrap();
    assert_eq!(bench.all().await, ["other/a", "other/a.gguf"]);
    bench.delete("other/a.gguf").await.unwrap();
    assert!(own.is_file() && !other.exists());
}

#[tokio::test]
async fn an_adapter_with_a_broken_header_is_loaded_with_no_model() {
    let bench = Bench::open().await;
    bench.put("own/a.gguf", &llama(10));
    bench.put("adapters/good.gguf", &gguf(&[("general.type", "adapter")], &[], 10));
    bench.put("adapters/broken.gguf", b"GGUF and nothing");
    let check = async |name: &str, expected: bool| {
        let mut profile = LaunchProfile::default();
        profile.options.adapters = vec![AdapterChoice { name: name.to_owned(), percent: 100 }];
        let id = ModelId("a".into());
        let loaded = bench.models.load_as(ME, id, profile).await.map_err(|err| err.to_string());
        assert_eq!(loaded.is_ok(), expected, "{loaded:?}");
        assert!(loaded.is_ok() || loaded.unwrap_err().contains("broken.gguf, which is loaded with it"));
    };
    check("good", true).await;
    check("broken", false).await;
    // Whoever opens it says so of one that has gone.
    check("gone", true).await;
}

#[tokio::test]
async fn what_adapters_take_is_foretold_with_their_model() {
    let bench = Bench::open().await;
    bench.put("own/a.gguf", &llama(10));
    let adapter = gguf(&[("general.type", "adapter")], &[], 5000);
    bench.put("adapters/pirate.gguf", &adapter);
    let weights = async |names: &[&str]| {
        let choice = |name: &&str| AdapterChoice { name: (*name).to_owned(), percent: 100 };
        let mut profile = LaunchProfile::default();
        profile.options.adapters = names.iter().map(choice).collect();
        bench.models.load_as(ME, ModelId("a".into()), profile).await.unwrap();
        bench.jobs_ended().await;
        bench.engine.loads().last().unwrap().footprint.weights_bytes
    };
    assert_eq!(weights(&["pirate"]).await, weights(&[]).await + adapter.len() as u64);
}

#[tokio::test]
async fn notes_and_tags_are_kept_within_bounds() {
    let bench = Bench::open().await;
    bench.put("own/a.gguf", &llama(10));
    let id = ModelId("a".into());
    let tags = ["Coding".to_owned(), " coding".to_owned(), String::new()];
    bench.models.save_note(&id, "good at Rust", &tags).await.unwrap();
    let chosen = LaunchProfile { n_ctx: Some(2048), ..LaunchProfile::default() };
    bench.models.save_launch_profile(&id, chosen).await.unwrap();
    let details = bench.models.describe(&id, false).await.unwrap();
    assert_eq!(
        (details.note.as_str(), details.model.tags, details.path),
        ("good at Rust", vec!["Coding".to_owned()], None)
    );
    assert_eq!(details.profile, ["n_ctx 2048"]);
    assert_eq!(bench.ids(ShelfQuery { text: "coding".into(), ..ShelfQuery::default() }).await, ["a"]);
    let many: Vec<_> = (0..13).map(|n| n.to_string()).collect();
    assert!(bench.models.save_note(&id, "", &many).await.is_err());
    assert!(bench.models.save_note(&id, &"x".repeat(2001), &[]).await.is_err());
    assert!(matches!(
        bench.models.save_note(&ModelId("b".into()), "", &[]).await,
        Err(ModelsError::NotFound(_))
    ));
}

#[tokio::test]
async fn a_library_of_thousands_of_files_is_whole() {
    let bench = Bench::open().await;
    let bytes = llama(10);
    for n in 0..5_000 {
        bench.put(&format!("own/{}/m{n}.gguf", n % 50), &bytes);
    }
    let view = bench.models.shelf(ShelfQuery::default()).await.unwrap();
    assert_eq!((view.n_all, view.rows.len()), (5_000, 100));
}

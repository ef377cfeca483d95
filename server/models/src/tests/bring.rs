//! Models that are on this machine already, and those that a browser sends.

use super::{Bench, ME, gguf, llama};
use crate::{ModelsError, SentFile};
use futures::stream;
use std::{
    convert::Infallible,
    fs,
    time::{Duration, SystemTime},
};
use types::{
    ids::ModelId,
    job::{JobState, JobView},
    shelf::{Bringing, ShelfQuery},
};

fn sent(name: &str, size: usize) -> SentFile<'_> {
    SentFile { name, size: size as u64, changed_ms: 7 }
}

impl Bench {
    async fn last_job(&self) -> JobView {
        loop {
            let job = self.jobs.list(ME).await.unwrap().into_iter().max_by_key(|job| job.id).unwrap();
            if job.state != JobState::Running {
                return job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    async fn bring(&self, place: &str, how: Bringing) -> Result<JobView, ModelsError> {
        let path = self.path(place).display().to_string();
        self.models.bring(ME, &path, how).await?;
        Ok(self.last_job().await)
    }

    /// Sends a part of a file.
    pub(super) async fn send(
        &self,
        name: &str,
        file: &[u8],
        from: usize,
        to: usize,
    ) -> Result<u64, ModelsError> {
        let parts: Vec<_> = file[from..to].chunks(100).map(|it| Ok::<_, Infallible>(it.to_vec())).collect();
        self.models.receive(sent(name, file.len()), from as u64, stream::iter(parts)).await
    }
}

#[tokio::test]
async fn a_file_is_brought_in_every_way() {
    for how in Bringing::ALL {
        let bench = Bench::open().await;
        let file = llama(100);
        let source = bench.put("elsewhere/tiny.gguf", &file);
        assert_eq!(bench.bring("elsewhere/tiny.gguf", how).await.unwrap().state, JobState::Done, "{how:?}");
        assert_eq!(bench.all().await, ["tiny"], "{how:?}");
        let target = bench.path("own/tiny.gguf");
        assert_eq!(fs::read(&target).unwrap(), file);
        assert_eq!(source.exists(), how != Bringing::Move, "{how:?}");
        let is_link = fs::symlink_metadata(&target).unwrap().is_symlink();
        assert_eq!(is_link, how == Bringing::Link, "{how:?}");
        // What is there is never written over.
        bench.put("another/tiny.gguf", &llama(200));
        let again = bench.bring("another/tiny.gguf", how).await;
        assert!(matches!(again, Err(ModelsError::NameTaken(name)) if name == "tiny.gguf"), "{how:?}");
        assert_eq!(fs::read(&target).unwrap(), file);
    }
}

#[tokio::test]
async fn all_parts_of_a_model_and_whole_folders_are_brought() {
    for how in Bringing::ALL {
        let bench = Bench::open().await;
        for n in 1..=3 {
            bench.put(&format!("elsewhere/big-0000{n}-of-00003.gguf"), &llama(50));
        }
        bench.put("elsewhere/other.gguf", &llama(10));
        bench.bring("elsewhere/big-00002-of-00003.gguf", how).await.unwrap();
        let mut there: Vec<_> = fs::read_dir(bench.path("own/x").parent().unwrap())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with("gguf"))
            .collect();
        there.sort();
        let parts = ["big-00001-of-00003.gguf", "big-00002-of-00003.gguf", "big-00003-of-00003.gguf"];
        assert_eq!(there, parts, "{how:?}");

        bench.put("pipes/sky/model_index.json", br#"{"_class_name": "FluxPipeline"}"#);
        bench.put("pipes/sky/vae/config.json", b"{}");
        let job = bench.bring("pipes/sky", how).await.unwrap();
        assert_eq!(job.state, JobState::Done, "{how:?} {:?}", job.error);
        assert_eq!(fs::read(bench.path("own/sky/vae/config.json")).unwrap(), b"{}", "{how:?}");
        assert_eq!(bench.path("pipes/sky").exists(), how != Bringing::Move, "{how:?}");
    }
}

#[tokio::test]
async fn what_was_half_brought_when_the_process_ended_goes_at_the_next_start() {
    let bench = Bench::open().await;
    bench.put("own/.bringing-sky/model_index.json", br#"{"_class_name": "FluxPipeline"}"#);
    bench.put("own/.bringing-tiny.gguf/tiny.gguf", &llama(100));
    bench.put("own/other.gguf", &llama(10));
    assert_eq!(bench.all().await, ["other"]);
    bench.models.open_library().await.unwrap();
    let names: Vec<_> = fs::read_dir(bench.home.path().join("own"))
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["other.gguf"]);
}

#[tokio::test]
async fn what_is_no_model_is_not_brought_and_says_why() {
    let bench = Bench::open().await;
    bench.put("elsewhere/notes.txt", b"hello");
    bench.put("elsewhere/broken.gguf", b"GGUF and nothing");
    bench.put("elsewhere/empty/readme.md", b"");
    bench.put("own/here.gguf", &llama(10));
    let check = async |place: &str, expected: &str| {
        let refused = bench.bring(place, Bringing::Copy).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{place}: {refused}");
    };
    check("elsewhere/notes.txt", "GGUF or safetensors").await;
    check("elsewhere/broken.gguf", "cannot be used").await;
    check("elsewhere/empty", "there is no model in that folder").await;
    check("elsewhere/missing.gguf", "missing.gguf").await;
    check("own/here.gguf", "own folder already").await;
    let relative = bench.models.bring(ME, "tiny.gguf", Bringing::Copy).await.unwrap_err().to_string();
    assert!(relative.contains("whole path"), "{relative}");
}

#[tokio::test]
async fn a_model_of_another_programs_list_gets_a_name_of_its_own_and_is_not_moved_away() {
    let bench = Bench::open().await;
    let (model, digest) = (llama(100), "a".repeat(64));
    let manifest = format!(
        r#"{{"layers": [{{"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:{digest}", "size": {}}}]}}"#,
        model.len()
    );
    bench.put("ollama/models/manifests/registry.ollama.ai/library/tiny/1b", manifest.as_bytes());
    bench.put(&format!("ollama/models/blobs/sha256-{digest}"), &model);
    let path = bench.path("ollama/models/x").parent().unwrap().display().to_string();
    bench.models.add_folder(&path, "ollama").await.unwrap();
    let id = ModelId(bench.all().await.into_iter().next().expect("it is listed"));
    let moved = bench.models.adopt(ME, &id, Bringing::Move).await.unwrap_err().to_string();
    assert!(moved.contains("the other program"), "{moved}");
    bench.models.adopt(ME, &id, Bringing::HardLink).await.unwrap();
    assert_eq!(bench.last_job().await.state, JobState::Done);
    let own: Vec<_> = bench.all().await.into_iter().filter(|it| !it.starts_with("ollama")).collect();
    let [own] = own.as_slice() else { panic!("{own:?}") };
    assert!(own.contains("tiny") && !own.contains(':'), "{own}");
    let again = bench.models.adopt(ME, &ModelId(own.clone()), Bringing::Copy).await.unwrap_err();
    assert!(matches!(again, ModelsError::Kept(_)), "{again}");
}

#[tokio::test]
async fn models_whose_files_are_called_alike_are_brought_beside_each_other() {
    let bench = Bench::open().await;
    for place in ["other/Qwen3-4B/model", "other/gemma/model", "other/a/tiny", "other/b/tiny"] {
        bench.put(&format!("{place}.gguf"), &llama(100));
    }
    for n in 1..=2 {
        bench.put(&format!("other/big/model-0000{n}-of-00002.gguf"), &llama(50));
    }
    bench.models.add_folder("~/other", "").await.unwrap();
    let rows = bench.models.shelf(ShelfQuery::default()).await.unwrap().rows.into_iter();
    let mut names: Vec<_> = rows.map(|row| row.entry.name).collect();
    names.sort();
    assert_eq!(names, ["Qwen3-4B", "big", "gemma", "tiny", "tiny"]);
    for id in ["Qwen3-4B/model", "gemma/model", "a/tiny", "b/tiny", "big/model"] {
        bench.models.adopt(ME, &ModelId(format!("other/{id}")), Bringing::Copy).await.unwrap();
        assert_eq!(bench.last_job().await.state, JobState::Done, "{id}");
    }
    let mut own: Vec<_> = bench.all().await.into_iter().filter(|it| !it.starts_with("other/")).collect();
    own.sort();
    assert_eq!(own, ["Qwen3-4B", "b-tiny", "big", "gemma", "tiny"]);
    let again = bench.models.adopt(ME, &ModelId("other/gemma/model".into()), Bringing::Copy).await;
    assert!(again.is_ok(), "a second one has its folder's name before it");
    bench.last_job().await;
    let third = bench.models.adopt(ME, &ModelId("other/gemma/model".into()), Bringing::Copy).await;
    assert!(matches!(third, Err(ModelsError::NameTaken(name)) if name == "gemma.gguf"));
}

#[tokio::test]
async fn a_file_that_is_sent_goes_on_where_it_broke_off() {
    let bench = Bench::open().await;
    let file = llama(3000);
    let (name, size) = ("Sent here.gguf", file.len());
    assert_eq!(bench.models.upload_state(sent(name, size)).await.unwrap(), 0);
    assert_eq!(bench.send(name, &file, 0, 1000).await.unwrap(), 1000);
    // The connection breaks in the middle of a part: what arrived stays.
    let broken = [Ok(file[1000..1500].to_vec()), Err("gone")];
    let at = bench.models.receive(sent(name, size), 1000, stream::iter(broken)).await.unwrap();
    assert_eq!((at, bench.models.upload_state(sent(name, size)).await.unwrap()), (1500, 1500));
    let too_far = bench.send(name, &file, 2000, size).await.unwrap_err();
    assert!(matches!(too_far, ModelsError::WrongBytes { .. }), "{too_far}");
    let behind = bench.models.receive(sent(name, size), u64::MAX, stream::iter([Ok::<_, ()>(vec![1])])).await;
    assert!(matches!(behind, Err(ModelsError::WrongBytes { .. })), "{behind:?}");
    // A file that was changed since is another one, whatever it is called.
    let changed = SentFile { changed_ms: 8, ..sent(name, size) };
    assert_eq!(bench.models.upload_state(changed).await.unwrap(), 0);
    assert!(bench.all().await.is_empty(), "it is not whole");
    // A part is sent again.
    assert_eq!(bench.send(name, &file, 1200, 2000).await.unwrap(), 2000);
    assert_eq!(bench.send(name, &file, 2000, size).await.unwrap(), size as u64);
    assert_eq!(bench.all().await, ["Sent here"]);
    assert_eq!(fs::read(bench.path("own/Sent here.gguf")).unwrap(), file);
    let changed = SentFile { changed_ms: 60_000, ..sent(name, size) };
    let again = bench.models.upload_state(changed).await.unwrap_err();
    assert!(matches!(again, ModelsError::NameTaken(_)), "{again}");
    assert_eq!(fs::read_dir(bench.path("own/.uploads/x").parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_whose_bytes_are_all_here_is_done_when_that_was_said() {
    let bench = Bench::open().await;
    let file = llama(3000);
    let (name, size) = ("sent.gguf", file.len());
    bench.send(name, &file, 0, 1000).await.unwrap();
    // The process ended after the last byte and before the file got its name.
    let part = fs::read_dir(bench.path("own/.uploads/x").parent().unwrap()).unwrap().next().unwrap();
    fs::write(part.unwrap().path(), &file).unwrap();
    assert_eq!(bench.models.upload_state(sent(name, size)).await.unwrap(), size as u64);
    assert!(bench.all().await.is_empty());
    assert_eq!(bench.send(name, &file, size, size).await.unwrap(), size as u64);
    assert_eq!(bench.all().await, ["sent"]);
    // The answer was lost: whoever asks again is told the same, and nothing is written.
    assert_eq!(bench.models.upload_state(sent(name, size)).await.unwrap(), size as u64);
    for from in [size, 2000] {
        assert_eq!(bench.send(name, &file, from, size).await.unwrap(), size as u64);
    }
    assert_eq!(fs::read(bench.path("own/sent.gguf")).unwrap(), file);
    // Of a file without a time nobody can tell.
    let timeless = SentFile { changed_ms: 0, ..sent(name, size) };
    assert!(matches!(bench.models.upload_state(timeless).await, Err(ModelsError::NameTaken(_))));
}

#[tokio::test]
async fn what_was_sent_in_part_is_thrown_away_a_day_after_its_last_byte() {
    let bench = Bench::open().await;
    let file = llama(3000);
    let folder = bench.home.path().join("own").join(".uploads");
    bench.models.purge_uploads().await;
    bench.send("sent.gguf", &file, 0, 1000).await.unwrap();
    let part = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    for (hours, expected) in [(23, 1000), (25, 0)] {
        let time = SystemTime::now() - Duration::from_secs(hours * 3600);
        fs::File::options().write(true).open(&part).unwrap().set_modified(time).unwrap();
        bench.models.purge_uploads().await;
        let arrived = bench.models.upload_state(sent("sent.gguf", file.len())).await.unwrap();
        assert_eq!(arrived, expected, "after {hours} hours");
    }
    // As long as somebody writes it, it stays.
    bench.send("sent.gguf", &file, 0, 1000).await.unwrap();
    let writer = bench.models.writers.begin(&part);
    let time = SystemTime::now() - Duration::from_secs(25 * 3600);
    fs::File::options().write(true).open(&part).unwrap().set_modified(time).unwrap();
    bench.models.purge_uploads().await;
    assert!(part.exists());
    drop(writer);
}

#[tokio::test]
async fn what_is_sent_is_no_model_leaves_nothing_and_leads_nowhere_else() {
    let bench = Bench::open().await;
    let noise = vec![7; 500];
    let refused = bench.send("noise.gguf", &noise, 0, 500).await.unwrap_err();
    assert!(matches!(refused, ModelsError::Broken { .. }), "{refused}");
    assert_eq!(bench.models.upload_state(sent("noise.gguf", 500)).await.unwrap(), 0);
    for name in ["run.exe", "notes", "weights.bin"] {
        assert!(bench.send(name, &noise, 0, 500).await.is_err(), "{name}");
    }
    let too_much = stream::iter([Ok::<_, Infallible>(noise.clone())]);
    assert!(bench.models.receive(sent("short.gguf", 100), 0, too_much).await.is_err());
    let file = gguf(&[("general.architecture", "llama")], &[], 10);
    bench.send("../../escaped.gguf", &file, 0, file.len()).await.unwrap();
    assert!(bench.path("own/escaped.gguf").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn links_into_another_programs_store_are_not_moved_away() {
    let bench = Bench::open().await;
    let blob = bench.put("cache/blobs/abc", &llama(50));
    std::os::unix::fs::symlink(&blob, bench.path("cache/snapshot/linked.gguf")).unwrap();
    let moved = bench.bring("cache/snapshot/linked.gguf", Bringing::Move).await.unwrap_err().to_string();
    assert!(moved.contains("link or copy"), "{moved}");
    bench.bring("cache/snapshot/linked.gguf", Bringing::Copy).await.unwrap();
    assert_eq!(bench.all().await, ["linked"]);
    assert!(blob.exists());
}

//! Folders of safetensors that are written anew.

use super::{Bench, ME, gguf, llama};
use crate::{ModelsError, projectors};
use std::{fs, path::Path, time::Duration};
use types::{
    ids::ModelId,
    job::{JobKind, JobState, JobView},
    shelf::{Capability, Rewrite},
};

impl Bench {
    /// Takes over a tiny model with which the converter is tested.
    pub(super) fn put_folder(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../convert/tests/parity/models").join(name);
        let to = self.path(&format!("own/{name}/x"));
        for entry in fs::read_dir(from).unwrap().flatten() {
            fs::copy(entry.path(), to.with_file_name(entry.file_name())).unwrap();
        }
        let list = fs::read(to.with_file_name("tensors.json")).unwrap();
        fs::write(to.with_file_name("model.safetensors"), weights(&list)).unwrap();
    }

    pub(super) async fn written(&self, id: &str, to: Rewrite) -> Option<String> {
        self.models.rewrite(ME, &ModelId(id.into()), to, "").await.unwrap();
        loop {
            // What it cost is found out by another one.
            let jobs = self.jobs.list(ME).await.unwrap();
            let job = jobs.into_iter().find(|it| it.kind == JobKind::QuantizeModel).unwrap();
            if job.state != JobState::Running {
                return job.error;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

impl Bench {
    async fn jobs_of(&self, kind: JobKind) -> usize {
        self.jobs.list(ME).await.unwrap().iter().filter(|job| job.kind == kind).count()
    }

    /// Waits until nothing is written any more.
    async fn all_written(&self) {
        let is_writing = |job: &JobView| job.kind == JobKind::QuantizeModel && job.state == JobState::Running;
        while self.jobs.list(ME).await.unwrap().iter().any(is_writing) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A file of safetensors with the tensors of a list, all of whose numbers, of two bytes each, are 0.
fn weights(list: &[u8]) -> Vec<u8> {
    let list: serde_json::Value = serde_json::from_slice(list).unwrap();
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for tensor in list["tensors"].as_array().unwrap() {
        let n: u64 = tensor[2].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
        let entry =
            serde_json::json!({"dtype": tensor[1], "shape": tensor[2], "data_offsets": [end, end + n * 2]});
        header.insert(tensor[0].as_str().unwrap().to_owned(), entry);
        end += n * 2;
    }
    let header = serde_json::to_vec(&header).unwrap();
    let zeros = vec![0; end as usize];
    [&(header.len() as u64).to_le_bytes()[..], &header, &zeros].concat()
}

#[tokio::test]
async fn a_folder_becomes_a_file_of_the_library_and_one_for_mlx() {
    let bench = Bench::open().await;
    bench.put_folder("qwen3");
    assert_eq!(bench.written("qwen3", Rewrite::Q8_0).await, None);
    // Whoever hears of the end finds where it came from.
    let details = bench.models.describe(&ModelId("converted/qwen3-Q8_0".into()), true).await.unwrap();
    assert_eq!(details.model.entry.architecture.as_deref(), Some("qwen3"));
    let from = details.written.unwrap();
    assert_eq!(from.source, ModelId("qwen3".into()));
    assert!(from.source_bytes > from.size_bytes && from.size_bytes > 0, "{from:?}");
    assert_eq!(bench.written("qwen3", Rewrite::Mlx4).await, None);
    let ids = bench.all().await;
    assert_eq!(ids, ["qwen3", "converted/qwen3-MLX-4bit", "converted/qwen3-Q8_0"]);
    let again = bench.models.rewrite(ME, &ModelId("qwen3".into()), Rewrite::Q8_0, "").await;
    assert!(again.unwrap_err().to_string().contains("there is one already"));
}

#[tokio::test]
async fn what_cannot_be_written_says_why_and_leaves_nothing() {
    let bench = Bench::open().await;
    bench.put_folder("qwen3");
    fs::remove_file(bench.path("own/qwen3/tokenizer.json")).unwrap();
    let problem = bench.written("qwen3", Rewrite::F16).await.unwrap();
    assert!(problem.contains("tokenizer"), "{problem}");
    assert_eq!(fs::read_dir(bench.path("own/converted/x").parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn writing_anew_that_was_cancelled_leaves_nothing_half_done_and_can_be_begun_again() {
    let bench = Bench::open().await;
    bench.put_folder("qwen3");
    let id = ModelId("qwen3".into());
    let target = bench.path("own/converted/qwen3-MLX-4bit");
    let names = || {
        let folder = fs::read_dir(target.parent().unwrap()).unwrap();
        folder.map(|it| it.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    // However far it was.
    for ms in [0, 1, 5, 20] {
        bench.models.rewrite(ME, &id, Rewrite::Mlx4, "").await.unwrap();
        let job = bench.jobs.list(ME).await.unwrap().remove(0);
        tokio::time::sleep(Duration::from_millis(ms)).await;
        // It may have ended by then.
        let is_cancelled = bench.jobs.cancel(ME, job.id).await.is_ok();
        bench.jobs_ended().await;
        let state = bench.jobs.list(ME).await.unwrap().into_iter().find(|it| it.id == job.id).unwrap().state;
        assert!(state == JobState::Done || is_cancelled && state == JobState::Cancelled, "{state:?}");
        // The thread that writes may have been past its last look when it was told to end.
        if target.exists() {
            assert_eq!(names(), ["qwen3-MLX-4bit"], "after {ms} ms");
            fs::remove_dir_all(&target).unwrap();
        }
        assert_eq!(names(), [] as [&str; 0], "after {ms} ms");
    }
    assert_eq!(bench.written("qwen3", Rewrite::Mlx4).await, None);
}

#[tokio::test]
async fn what_is_for_mixtures_of_experts_is_not_written_of_another_model() {
    let bench = Bench::open().await;
    bench.put("own/plain.gguf", &llama(10));
    let refused = bench.models.rewrite(ME, &ModelId("plain".into()), Rewrite::Mxfp4Moe, "").await;
    assert!(refused.unwrap_err().to_string().contains("mixtures of experts"));
}

#[tokio::test]
async fn one_file_has_one_writer_at_a_time() {
    let bench = Bench::open().await;
    bench.put_folder("qwen3");
    let id = ModelId("qwen3".into());
    bench.models.rewrite(ME, &id, Rewrite::Q8_0, "").await.unwrap();
    let second = bench.models.rewrite(ME, &id, Rewrite::Q8_0, "").await.unwrap_err().to_string();
    assert!(second.contains("already"), "{second}");
    // Another file is written meanwhile.
    assert_eq!(bench.written("qwen3", Rewrite::F16).await, None);
    bench.all_written().await;
    assert_eq!(bench.jobs_of(JobKind::QuantizeModel).await, 2);
}

#[cfg(unix)]
#[tokio::test]
async fn what_does_not_fit_into_memory_is_not_measured() {
    let bench = Bench::open().await;
    // A file with a hole in it takes no space.
    let n = 1_u64 << 41;
    let head = gguf(&[("general.architecture", "llama")], &[], 0);
    let mut head = head[..head.len()].to_vec();
    let at = head.windows(9).position(|it| it == b"\x01\x00\x00\x00\x00\x00\x00\x00w").unwrap() + 9 + 4;
    head[at..at + 8].copy_from_slice(&n.to_le_bytes());
    let path = bench.put("own/huge.gguf", &head);
    fs::File::options().write(true).open(&path).unwrap().set_len(head.len() as u64 + n).unwrap();
    let id = ModelId("huge".into());
    let all = [bench.models.measure_quants(ME, &id, "").await, bench.models.measure(ME, &id, None).await];
    for refused in all {
        assert!(matches!(refused, Err(ModelsError::NoMemory { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn one_model_is_measured_at_a_time() {
    let bench = Bench::open().await;
    bench.put("own/a.gguf", &llama(10));
    let id = ModelId("a".into());
    let other = bench.models.only_measuring().unwrap();
    let all = [bench.models.measure_quants(ME, &id, "").await, bench.models.measure(ME, &id, None).await];
    for refused in all {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("measured already"), "{refused}");
    }
    drop(other);
    bench.models.only_measuring().unwrap();
}

impl Bench {
    async fn merged(&self, id: &str) -> Option<String> {
        self.models.merge(ME, &ModelId(id.into())).await.unwrap();
        loop {
            let job = self.jobs.list(ME).await.unwrap().into_iter().next().unwrap();
            if job.state != JobState::Running {
                return job.error;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// A model of two files that looks at images.
    fn put_parts_with_projector(&self) {
        for n in 0..2 {
            let numbers = [("llama.embedding_length", 64), ("split.no", n), ("split.count", 2)];
            let mut part = gguf(&[("general.architecture", "llama")], &numbers, 32);
            let name = part.windows(9).rposition(|it| it == b"\x01\0\0\0\0\0\0\0w").unwrap() + 8;
            part[name] = b"vw"[n as usize];
            self.put(&format!("own/eyes/gemma-0000{}-of-00002.gguf", n + 1), &part);
        }
        let width = [("clip.vision.projection_dim", 64)];
        self.put("own/eyes/mmproj-f16.gguf", &gguf(&[("general.architecture", "clip")], &width, 50));
    }
}

#[tokio::test]
async fn what_was_put_together_looks_at_images_as_its_parts_did() {
    let bench = Bench::open().await;
    bench.put_parts_with_projector();
    let sees = async |id: &str| {
        let details = bench.models.describe(&ModelId(id.into()), true).await.unwrap();
        details.model.capabilities.contains(&Capability::Sees)
    };
    assert!(sees("eyes/gemma").await);
    assert_eq!(bench.merged("eyes/gemma").await, None);
    assert!(sees("converted/gemma").await);
    let projector = fs::read(bench.path("own/converted/mmproj-gemma.gguf")).unwrap();
    assert_eq!(projector, fs::read(bench.path("own/eyes/mmproj-f16.gguf")).unwrap());
}

#[tokio::test]
async fn a_projector_is_put_beside_what_was_written_once_and_its_lack_is_told() {
    let bench = Bench::open().await;
    let projector = bench.put("own/eyes/mmproj.gguf", b"of the source");
    let target = bench.path("own/converted/mmproj-gemma-Q4_K_M.gguf");
    let kept = async |source: &Path| projectors::keep(Some(source.to_owned()), target.clone()).await;
    kept(&projector).await.unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"of the source");
    let other = bench.put("own/other/mmproj.gguf", b"of another one");
    kept(&other).await.unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"of the source", "what is there stays");
    fs::remove_file(&target).unwrap();
    let lack = kept(&bench.path("own/eyes/gone.gguf")).await.unwrap_err().to_string();
    assert!(lack.contains("look at images"), "{lack}");
    let none = projectors::keep(None, target.clone()).await;
    assert!(none.is_ok() && !target.exists());
}

//! `chaosengine measure search`.

use crate::{config::Config, exit::Exit};
use futures::stream;
use inference::{Engine, Engines, KeepAlive, Limits, LlamaConfig, Remotes, Residency};
use jobs::Jobs;
use models::{Library, Models, RemoteList};
use rag::{Below, Figures, Question, Rag, ReadLimits, Reader};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::Store;
use system::DataDir;
use types::{
    document::Embedder,
    ids::{ModelId, UserId},
    kv::KvType,
};

/// How many passages speed is measured with, and how long their vectors are.
const N_PASSAGES: usize = 100_000;
const N_DIMS: usize = 384;
const SEARCHES: usize = 100;
const LOOK: Duration = Duration::from_millis(100);

/// Reads the files of `folder`, asks them the questions of a file (a line each: question, name of the document, a phrase of the
/// passage that answers; tabs between), and prints how well and how fast each way of searching is; what was found is ranked by `ranker`, or by the
/// library's model that ranks. Leaves nothing behind.
pub(crate) async fn measure_search(
    config: &Config,
    questions: &Path,
    folder: &Path,
    ranker: Option<&ModelId>,
) -> Result<(), Exit> {
    let questions = read_questions(questions)?;
    let paths = DataDir::open(config.data_dir.as_deref()).map_err(failed)?;
    let scratch = Scratch::new(&paths)?;
    let rag = open(&paths, &scratch.0).await?;
    let quality = rag.add_collection(UserId::LOCAL, "quality").await.map_err(failed)?;
    for path in files(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bytes = fs::read(&path).map_err(failed)?;
        let bytes = stream::iter([Ok::<_, io::Error>(bytes)]);
        rag.add_file(UserId::LOCAL, quality, &name, bytes).await.map_err(failed)?;
    }
    while rag
        .look(UserId::LOCAL, Some(quality), "", u32::MAX)
        .await
        .map_err(failed)?
        .documents
        .iter()
        .any(|it| it.state.is_under_way())
    {
        tokio::time::sleep(LOOK).await;
    }
    let measured = rag.measure(UserId::LOCAL, quality, &questions, ranker).await.map_err(failed)?;
    let asked = questions.len() - measured.n_unanswerable;
    print(&format!("{asked} questions, {} of them cut apart and left out", measured.n_unanswerable))?;
    print(HEAD)?;
    print(&row("words", &measured.words))?;
    if rag.look(UserId::LOCAL, Some(quality), "", 1).await.map_err(failed)?.embedder == Embedder::None {
        print("the library has no model that makes vectors: meanings were not compared")?;
    } else {
        print(&row("meaning", &measured.meaning))?;
        print(&row("joined", &measured.fused))?;
    }
    if let Some((ranked, time)) = &measured.ranked {
        print(&format!("{}  ({:.1} s a question)", row("ranked", ranked), time.as_secs_f64()))?;
    }
    let speed = rag.add_collection(UserId::LOCAL, "speed").await.map_err(failed)?;
    rag.make_up(UserId::LOCAL, speed, N_PASSAGES, N_DIMS).await.map_err(failed)?;
    let times = rag.time(UserId::LOCAL, speed, SEARCHES, N_DIMS).await.map_err(failed)?;
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    print(&format!(
        "{N_PASSAGES} passages, vectors of {N_DIMS}: words {:.1} ms, vectors {:.1} ms, a whole search {:.1} ms (medians of {SEARCHES})",
        ms(times.words),
        ms(times.meaning),
        ms(times.whole)
    ))
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(paths: &DataDir) -> Result<Self, Exit> {
        let folder = paths.cache().join(format!("measure-{}", std::process::id()));
        fs::create_dir_all(folder.join("documents")).map_err(failed)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// The layers that documents need, with the library of `paths` and nothing else of it.
async fn open(paths: &DataDir, scratch: &Path) -> Result<Rag, Exit> {
    let store = Store::open(&scratch.join("app.sqlite")).await.map_err(failed)?;
    let jobs = Jobs::open(store.clone()).await.map_err(failed)?;
    let worker = LlamaConfig::for_current_exe().map_err(failed)?;
    let machine_bytes = system::total_memory_bytes();
    let limits = Limits {
        budget_bytes: machine_bytes / 2,
        machine_bytes,
        left_bytes: system::available_memory_bytes,
        keep_alive: KeepAlive::Forever,
    };
    let local = Arc::new(Residency::new(worker.clone(), limits));
    let remotes = Remotes::default();
    let engine: Arc<dyn Engine> = Arc::new(Engines::new(local, remotes.clone()));
    let library = Library::new(paths.models(), vec![], KvType::default());
    let remotes = RemoteList::open(scratch.join("remotes.json"), remotes).await;
    let (adapters, documents) = (scratch.join("adapters"), scratch.join("documents"));
    let models =
        Models::new(library, Arc::clone(&engine), jobs.clone(), store.clone(), worker, remotes, adapters);
    let reader = Reader::for_current_exe(ReadLimits::default()).map_err(failed)?;
    Rag::open(Below { store, jobs, models, engine }, reader, documents).await.map_err(failed)
}

fn read_questions(path: &Path) -> Result<Vec<Question>, Exit> {
    let text = fs::read_to_string(path).map_err(failed)?;
    let question = |line: &str| {
        let mut parts = line.split('\t').map(str::to_owned);
        let (text, document, phrase) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Question { text, document, phrase })
    };
    Ok(text.lines().filter_map(question).collect())
}

/// The files of a folder, not of folders in it, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Exit> {
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut files: Vec<_> = entries.flatten().map(|it| it.path()).filter(|it| it.is_file()).collect();
    files.sort();
    Ok(files)
}

const HEAD: &str = "           recall@5   MRR@10  nDCG@10";

fn row(name: &str, figures: &Figures) -> String {
    format!(
        "{name:<9}  {:>8.3}  {:>7.3}  {:>7.3}",
        figures.recall_at_5, figures.mrr_at_10, figures.ndcg_at_10
    )
}

fn print(line: &str) -> Result<(), Exit> {
    writeln!(io::stdout(), "{line}").map_err(failed)
}

fn failed(error: impl ToString) -> Exit {
    Exit::Failed(error.to_string())
}

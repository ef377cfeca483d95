//! `chaosengine measure kv`, `chaosengine measure speed` and `chaosengine measure draft`.

use crate::{config::Config, exit::Exit};
use inference::LlamaConfig;
use models::Library;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use store::{Store, StoreError};
use system::DataDir;
use types::{
    ids::ModelId,
    kv::{KvMeasure, KvType},
    speed::{DraftMeasure, SpeedMeasure, speed_choices},
};

/// Measures every usual way to keep keys and values with `model`, prints each as it comes and keeps it.
pub(crate) async fn measure_kv(config: &Config, model: &str) -> Result<(), Exit> {
    let bench = Bench::open(config, model).await?;
    let kv_types = config.kv_type.map_or_else(KvType::usual, |kv_type| vec![kv_type]);
    print(KV_HEAD)?;
    let mut measures = Vec::new();
    let tell = |measure: KvMeasure| {
        // Whoever closed the output still gets the figures kept.
        _ = print(&kv_row(&measure));
        measures.push(measure);
    };
    inference::measure_kv(&bench.worker, &bench.path, kv_types, tell).await.map_err(failed)?;
    for measure in &measures {
        let saved = bench.store.save_kv_measure(&bench.id, measure, now_ms()).await;
        saved.map_err(|source| bench.database_failed(source))?;
    }
    bench.store.close().await;
    Ok(())
}

/// Measures how fast `model` computes with other threads, batches and layers of a graphics card, prints it and keeps it.
pub(crate) async fn measure_speed(config: &Config, model: &str) -> Result<(), Exit> {
    let bench = Bench::open(config, model).await?;
    let n_layers = bench.n_layers.filter(|_| bench.worker.has_gpu);
    let choices = speed_choices(system::n_physical_cores(), system::n_processors(), n_layers);
    // The last of each counts.
    let mut measures: Vec<SpeedMeasure> = Vec::new();
    let tell = |measure: SpeedMeasure| match measures.iter_mut().find(|it| it.choice == measure.choice) {
        Some(known) => *known = measure,
        None => measures.push(measure),
    };
    inference::measure_speed(&bench.worker, &bench.path, choices, tell).await.map_err(failed)?;
    print(SPEED_HEAD)?;
    for measure in &measures {
        let saved = bench.store.save_speed_measure(&bench.id, measure, now_ms()).await;
        saved.map_err(|source| bench.database_failed(source))?;
        print(&speed_row(measure))?;
    }
    bench.store.close().await;
    Ok(())
}

/// Measures how fast `model` answers while `draft` guesses for it and while nobody does, prints it and keeps it.
pub(crate) async fn measure_draft(config: &Config, model: &str, draft: &str) -> Result<(), Exit> {
    let bench = Bench::open(config, model).await?;
    let (draft, draft_path) = find(&bench.library, draft, &bench.folder)?;
    let speed = inference::measure_draft(&bench.worker, &bench.path, &draft_path).await.map_err(failed)?;
    let measure = DraftMeasure { draft, speed };
    let saved = bench.store.save_draft_measure(&bench.id, &measure, now_ms()).await;
    saved.map_err(|source| bench.database_failed(source))?;
    print(DRAFT_HEAD)?;
    print(&draft_row(&measure))?;
    bench.store.close().await;
    Ok(())
}

/// What is measured, with what, and where it is kept.
struct Bench {
    id: ModelId,
    path: PathBuf,
    n_layers: Option<u32>,
    library: Library,
    /// Where the library's own models are.
    folder: PathBuf,
    worker: LlamaConfig,
    store: Store,
    database: PathBuf,
}

impl Bench {
    async fn open(config: &Config, model: &str) -> Result<Self, Exit> {
        let paths = DataDir::open(config.data_dir.as_deref()).map_err(failed)?;
        let folder = paths.models();
        let library = Library::new(folder.clone(), vec![], KvType::default());
        let (id, path) = find(&library, model, &folder)?;
        let n_layers = library.n_layers(&path);
        let database = paths.database();
        let opened = Store::open(&database).await;
        let store =
            opened.map_err(|source| Exit::Database { path: database.display().to_string(), source })?;
        let worker = LlamaConfig::for_current_exe().map_err(failed)?;
        Ok(Self { id, path, n_layers, library, folder, worker, store, database })
    }

    fn database_failed(&self, source: StoreError) -> Exit {
        Exit::Database { path: self.database.display().to_string(), source }
    }
}

/// A file, or a model of the library by its name.
fn find(library: &Library, model: &str, folder: &Path) -> Result<(ModelId, PathBuf), Exit> {
    let named = Path::new(model);
    if named.is_file() {
        return Ok((library.id_of_named(named), named.to_owned()));
    }
    let id = ModelId(model.to_owned());
    let path = library.path_of(&id);
    path.map(|path| (id, path)).ok_or_else(|| {
        Exit::Failed(format!("there is no model “{model}” in {}, and no such file", folder.display()))
    })
}

const KV_HEAD: &str = "keys/values  KiB/token  divergence  same token  reading  writing";

fn kv_row(measure: &KvMeasure) -> String {
    let kib = measure.n_bytes as f64 / f64::from(measure.n_cells.max(1)) / 1024.0;
    format!(
        "{:<11}  {kib:>9.2}  {:>10.5}  {:>9.1}%  {:>6.2}x  {:>6.2}x",
        measure.kv_type.to_string(),
        measure.mean_kld,
        measure.top1_agreement * 100.0,
        measure.prefill_ratio,
        measure.decode_ratio
    )
}

const SPEED_HEAD: &str = "threads  batch  layers  prompt tok/s  answer tok/s";

fn speed_row(SpeedMeasure { choice, prefill, decode }: &SpeedMeasure) -> String {
    let layers = choice.n_gpu_layers.map_or("–".to_owned(), |n| n.to_string());
    let (n_threads, n_batch) = (choice.n_threads, choice.n_batch);
    format!("{n_threads:>7}  {n_batch:>5}  {layers:>6}  {prefill:>12.1}  {decode:>12.1}")
}

const DRAFT_HEAD: &str = "tok/s with guesses  tok/s alone  faster";

fn draft_row(DraftMeasure { speed, .. }: &DraftMeasure) -> String {
    let times = speed.guessed / speed.alone.max(f64::MIN_POSITIVE);
    format!("{:>18.1}  {:>11.1}  {times:>5.2}x", speed.guessed, speed.alone)
}

/// A line of the table.
pub(crate) fn print(line: &str) -> Result<(), Exit> {
    writeln!(io::stdout(), "{line}").map_err(failed)
}

pub(crate) fn failed(error: impl ToString) -> Exit {
    Exit::Failed(error.to_string())
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{
        kv::KvFormat,
        speed::{DraftSpeed, SpeedChoice},
    };

    #[test]
    fn rows_stand_below_their_heads() {
        let measure = KvMeasure {
            kv_type: KvType { keys: KvFormat::Q8, values: KvFormat::Q4, window: false },
            n_bytes: 1 << 20,
            n_cells: 1024,
            mean_kld: 0.012_345_6,
            top1_agreement: 0.987,
            prefill_ratio: 0.75,
            decode_ratio: 1.02,
        };
        let line = kv_row(&measure);
        assert_eq!(line, "q8/q4             1.00     0.01235       98.7%    0.75x    1.02x");
        assert_eq!(line.chars().count(), KV_HEAD.chars().count());
        let choice = SpeedChoice { n_threads: 16, n_batch: 512, n_gpu_layers: None };
        let line = speed_row(&SpeedMeasure { choice, prefill: 1234.56, decode: 78.9 });
        assert_eq!(line, "     16    512       –        1234.6          78.9");
        assert_eq!(line.chars().count(), SPEED_HEAD.chars().count());
        let speed = DraftSpeed { guessed: 83.25, alone: 55.5 };
        let line = draft_row(&DraftMeasure { draft: ModelId("guesser".into()), speed });
        assert_eq!(line, "              83.2         55.5   1.50x");
        assert_eq!(line.chars().count(), DRAFT_HEAD.chars().count());
    }
}

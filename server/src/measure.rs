//! `chaosengine measure kv`.

use crate::{config::Config, exit::Exit};
use inference::LlamaConfig;
use models::Library;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};
use store::Store;
use system::DataDir;
use types::{
    ids::ModelId,
    kv::{KvMeasure, KvType},
};

/// Measures every usual way to keep keys and values with `model`, prints each as it comes and keeps it.
pub(crate) async fn measure_kv(config: &Config, model: &str) -> Result<(), Exit> {
    let paths = DataDir::open(config.data_dir.as_deref()).map_err(failed)?;
    let (id, path) = find(&paths, model)?;
    let database = paths.database();
    let database_failed = |source| Exit::Database { path: database.display().to_string(), source };
    let store = Store::open(&database).await.map_err(database_failed)?;
    let worker = LlamaConfig::for_current_exe().map_err(failed)?;
    let kv_types = config.kv_type.map_or_else(KvType::usual, |kv_type| vec![kv_type]);
    print(HEAD)?;
    let mut measures = Vec::new();
    let tell = |measure: KvMeasure| {
        // Whoever closed the output still gets the figures kept.
        _ = print(&row(&measure));
        measures.push(measure);
    };
    inference::measure_kv(&worker, &path, kv_types, tell).await.map_err(failed)?;
    for measure in &measures {
        store.save_kv_measure(&id, measure, now_ms()).await.map_err(database_failed)?;
    }
    store.close().await;
    Ok(())
}

/// A file, or a model of the library by its name.
fn find(paths: &DataDir, model: &str) -> Result<(ModelId, PathBuf), Exit> {
    let named = Path::new(model);
    let library = Library::new(paths.models(), vec![], KvType::default());
    if named.is_file() {
        return Ok((library.id_of_named(named), named.to_owned()));
    }
    let id = ModelId(model.to_owned());
    let path = library.path_of(&id);
    path.map(|path| (id, path)).ok_or_else(|| {
        Exit::Failed(format!("there is no model “{model}” in {}, and no such file", paths.models().display()))
    })
}

const HEAD: &str = "keys/values  KiB/token  divergence  same token  reading  writing";

fn row(measure: &KvMeasure) -> String {
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
    use super::{HEAD, row};
    use types::kv::{KvFormat, KvMeasure, KvType};

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
        let line = row(&measure);
        assert_eq!(line, "q8/q4             1.00     0.01235       98.7%    0.75x    1.02x");
        assert_eq!(line.chars().count(), HEAD.chars().count());
    }
}

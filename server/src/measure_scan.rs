//! `chaosengine measure scan`: how long looking through a folder of models takes, beside walking it without opening anything.

use crate::{exit::Exit, measure::print};
use models::Library;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};
use types::kv::KvType;

/// So many times each; what is told is the one in the middle.
const ROUNDS: usize = 7;

/// Looks through `folder` and prints what each way takes.
pub(crate) async fn measure_scan(folder: &Path) -> Result<(), Exit> {
    if !folder.is_dir() {
        return Err(Exit::Failed(format!("there is no folder {}", folder.display())));
    }
    let (mut walks, mut firsts, mut agains) = (Vec::new(), Vec::new(), Vec::new());
    let (mut n_files, mut n_models) = (0, 0);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        n_files = n_files_below(folder);
        walks.push(begun.elapsed());
        // Nothing is known yet: every header is read.
        let library = Library::new(folder.to_owned(), vec![], KvType::default());
        let begun = Instant::now();
        n_models = library.list(None).await.len();
        firsts.push(begun.elapsed());
        let begun = Instant::now();
        library.list(None).await;
        agains.push(begun.elapsed());
    }
    let rows = [
        format!("{n_files} files, {n_models} models; the median of {ROUNDS}"),
        row("a plain walk, nothing opened", &mut walks, n_files),
        row("the first look, every header read", &mut firsts, n_files),
        row("looking again", &mut agains, n_files),
    ];
    print(&rows.join("\n"))
}

fn row(what: &str, times: &mut [Duration], n_files: usize) -> String {
    times.sort();
    let time = times.get(times.len() / 2).copied().unwrap_or_default();
    let a_second = n_files as f64 / time.as_secs_f64().max(1e-9);
    format!("{what:<34}  {:>7.1} ms  {a_second:>8.0} files/s", time.as_secs_f64() * 1e3)
}

fn n_files_below(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => n_files_below(&entry.path()),
        _ => 1,
    };
    entries.flatten().map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_the_one_in_the_middle() {
        let mut times = [5, 1, 9].map(Duration::from_millis);
        assert_eq!(
            row("looking", &mut times, 50),
            format!("{:<34}      5.0 ms     10000 files/s", "looking")
        );
    }
}

//! A disk without room: what is only kept to save time is given up instead of being half kept.
//!
//! A small disk takes a privilege, so here every file ends early, which any Unix does for whoever asks. What systems say of a
//! disk that is full, tests of the engine say.

use crate::{
    kv::answer,
    support::{Server, binary, command, model},
};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::process::Command;

/// Starts a program of which no file gets longer than five million bytes, in units of 512: room for the database, and for no
/// saved state. Who writes more is told so, instead of being ended by a signal.
const SHORT_FILES: &str = r#"trap '' XFSZ; ulimit -f 10000; exec "$0" "$@""#;

fn with_short_files() -> Command {
    let mut shell = command("sh");
    shell.args(["-c", SHORT_FILES]).arg(binary());
    shell
}

async fn start(program: Command, data: &Arc<TempDir>) -> Server {
    let model_file = model();
    let args = ["--model", &model_file.to_string_lossy(), "--kv-files", "1G"];
    let server = Server::start_by(program, data.clone(), &args).await;
    server.wait_for_model("ready").await;
    server
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn without_room_answers_go_on_and_no_half_state_is_left() {
    let data = Arc::new(tempfile::tempdir().unwrap());
    let states = data.path().join("cache").join("kv");
    let server = start(with_short_files(), &data).await;
    let (_, n) = answer(&server).await;
    assert!(n > 200, "{n}");
    assert_eq!(answer(&server).await.1, 1, "it is still in memory");
    server.stop().await;
    assert!(states.is_dir());
    let kept = files_below(&states);
    assert_eq!(kept, Vec::<PathBuf>::new(), "a state that did not fit is there in part");

    let server = start(command(binary()), &data).await;
    assert_eq!(answer(&server).await.1, n, "nothing was kept, so all is computed again");
    server.stop().await;
    let longest =
        files_below(&states).iter().filter_map(|path| fs::metadata(path).ok()).map(|it| it.len()).max();
    assert!(longest.is_some_and(|n_bytes| n_bytes > 10_000 * 512), "{longest:?}: it would have had room");
}

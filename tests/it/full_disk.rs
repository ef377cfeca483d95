//! A disk without room: what is only kept to save time is given up, and what a person wrote is refused with a reason
//! instead of being half kept.
//!
//! Only Linux can make a small disk, and only as root. On every system, tests of the engine write states on disks that end
//! within a file.

use crate::{
    kv::answer,
    support::{Server, command, model},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

/// Room for the database, and for no saved state.
const SIZE: &str = "size=6m";

/// A disk in memory, mounted over a folder. Dropping it takes it away.
struct Disk(PathBuf);

impl Disk {
    /// `None` where the system does not let us.
    async fn mount(folder: &Path) -> Option<Self> {
        let done =
            command("mount").args(["-t", "tmpfs", "-o", SIZE, "none"]).arg(folder).output().await.ok()?;
        done.status.success().then(|| Self(folder.to_owned()))
    }

    /// Leaves no byte free.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut file = fs::File::create(&filler).unwrap();
        for size in [1 << 16, 1 << 12, 1 << 8, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        filler
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "nothing can wait while a test ends")]
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

async fn start_in(data: &Arc<TempDir>) -> Server {
    // The budget alone would not even try on so small a disk.
    let model_file = model();
    let args = ["--model", &model_file.to_string_lossy(), "--kv-files", "1G"];
    let server = Server::start_in(data.clone(), &args).await;
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
    let Some(disk) = Disk::mount(data.path()).await else { return };
    let server = start_in(&data).await;
    let filler = disk.fill();
    let (_, n) = answer(&server).await;
    assert!(n > 200, "{n}");
    assert_eq!(answer(&server).await.1, 1, "it is still in memory");
    server.stop().await;
    let states = data.path().join("cache").join("kv");
    assert!(states.is_dir());
    let kept = files_below(&states);
    assert_eq!(kept, Vec::<PathBuf>::new(), "a state that did not fit is there in part");

    fs::remove_file(filler).unwrap();
    let server = start_in(&data).await;
    assert_eq!(answer(&server).await.1, n, "nothing was kept, so all is computed again");
    server.stop().await;
}

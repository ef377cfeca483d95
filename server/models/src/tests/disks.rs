//! Disks that take nothing: those that are full, and folders that may only be read.
//!
//! Only Linux can make a small disk, and only as root: elsewhere there is nothing to try.

use super::{Bench, ME, llama};
use crate::ModelsError;
use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use types::{
    ids::ModelId,
    job::JobState,
    shelf::{Bringing, Rewrite},
};

#[expect(clippy::disallowed_methods, reason = "the tests' own helper, which waits for nothing")]
fn mount(args: &[&str], folder: &Path) -> bool {
    let done = std::process::Command::new("mount").args(args).arg(folder).output();
    done.is_ok_and(|output| output.status.success())
}

#[expect(clippy::disallowed_methods, reason = "nothing can wait while a test ends")]
fn unmount(folder: &Path) {
    _ = std::process::Command::new("umount").arg("--lazy").arg(folder).status();
}

/// A disk in memory, mounted over a folder. Dropping it takes it away.
struct Disk(PathBuf);

impl Disk {
    /// `None` where the system does not let us.
    fn mount(folder: &Path, options: &str) -> Option<Self> {
        mount(&["-t", "tmpfs", "-o", options, "none"], folder).then(|| Self(folder.to_owned()))
    }

    /// Leaves room for so many more files and folders.
    fn fill(&self, n_left: usize) -> Vec<PathBuf> {
        let names = (0..).map(|n| self.0.join(format!("filler-{n}")));
        let mut fillers: Vec<_> = names.take_while(|name| File::create_new(name).is_ok()).collect();
        for filler in fillers.drain(..n_left) {
            fs::remove_file(filler).unwrap();
        }
        fillers
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        unmount(&self.0);
    }
}

/// A folder that may only be read until this is dropped.
struct ReadOnly {
    folder: PathBuf,
    is_mounted: bool,
}

impl ReadOnly {
    /// `None` where the system does not let us.
    fn make(folder: &Path) -> Option<Self> {
        fs::set_permissions(folder, Permissions::from_mode(0o555)).unwrap();
        let mut made = Self { folder: folder.to_owned(), is_mounted: false };
        let probe = folder.join("probe");
        if File::create(&probe).is_err() {
            return Some(made);
        }
        // Root may write whatever permissions say.
        fs::remove_file(probe).unwrap();
        let text = folder.to_str()?;
        made.is_mounted = mount(&["--bind", text], folder);
        let is_made = made.is_mounted && mount(&["-o", "remount,ro,bind"], folder);
        is_made.then_some(made)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if self.is_mounted {
            unmount(&self.folder);
        }
        _ = fs::set_permissions(&self.folder, Permissions::from_mode(0o755));
    }
}

impl Bench {
    fn own(&self) -> PathBuf {
        self.home.path().join("own")
    }

    /// Every name below our folder.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.own())
            .unwrap()
            .map(|it| it.unwrap().file_name().into_string().unwrap())
            .collect();
        names.retain(|name| !name.starts_with("filler"));
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_disk_that_becomes_full_while_a_model_is_written_keeps_nothing_of_it() {
    let bench = Bench::open().await;
    let Some(disk) = Disk::mount(&bench.own(), "nr_inodes=200") else { return };
    bench.put_folder("qwen3");
    // For the folder that it is written into.
    let fillers = disk.fill(1);
    let problem = bench.written("qwen3", Rewrite::Q8_0).await.unwrap();
    assert!(problem.contains("No space left"), "{problem}");
    assert_eq!(fs::read_dir(bench.own().join("converted")).unwrap().count(), 0);
    assert_eq!(bench.all().await, ["qwen3"]);
    for filler in fillers {
        fs::remove_file(filler).unwrap();
    }
    assert_eq!(bench.written("qwen3", Rewrite::Q8_0).await, None, "with room it is written");
}

#[tokio::test]
async fn a_disk_that_becomes_full_while_a_folder_is_brought_keeps_nothing_of_it() {
    let bench = Bench::open().await;
    let Some(disk) = Disk::mount(&bench.own(), "nr_inodes=200") else { return };
    for name in ["model_index.json", "unet/config.json", "vae/config.json"] {
        bench.put(&format!("pipes/sky/{name}"), b"{}");
    }
    let fillers = disk.fill(4);
    let path = bench.path("pipes/sky").display().to_string();
    let bring = async || {
        bench.models.bring(ME, &path, Bringing::Copy).await.unwrap();
        bench.jobs_ended().await;
        bench.jobs.list(ME).await.unwrap().into_iter().max_by_key(|job| job.id).unwrap()
    };
    let job = bring().await;
    let problem = job.error.unwrap_or_default();
    assert!(job.state == JobState::Failed && problem.contains("No space left"), "{:?} {problem}", job.state);
    assert_eq!(bench.names(), [] as [&str; 0], "not even a folder without files");
    for filler in fillers {
        fs::remove_file(filler).unwrap();
    }
    assert_eq!(bring().await.state, JobState::Done, "with room it is brought");
    assert!(bench.own().join("sky").join("vae").join("config.json").is_file());
}

#[tokio::test]
async fn a_disk_that_is_full_takes_no_file_that_is_sent_until_there_is_room() {
    let bench = Bench::open().await;
    let Some(disk) = Disk::mount(&bench.own(), "nr_inodes=200") else { return };
    let file = llama(1000);
    // For the folder of what is sent, and for nothing in it.
    let fillers = disk.fill(1);
    let send = async || bench.send("Sent.gguf", &file, 0, file.len()).await;
    let problem = send().await.unwrap_err().to_string();
    assert!(problem.contains("No space left"), "{problem}");
    assert_eq!(bench.all().await, [] as [&str; 0]);
    for filler in fillers {
        fs::remove_file(filler).unwrap();
    }
    assert_eq!(send().await.unwrap(), file.len() as u64, "with room it is sent");
    assert_eq!(bench.all().await, ["Sent"]);
}

#[tokio::test]
async fn nothing_is_begun_that_would_fill_the_disk() {
    let bench = Bench::open().await;
    let Some(_disk) = Disk::mount(&bench.own(), "size=6m") else { return };
    bench.put_folder("qwen3");
    let path = bench.put("elsewhere/a.gguf", &llama(100)).display().to_string();
    let id = ModelId("qwen3".into());
    let all = [
        bench.models.rewrite(ME, &id, Rewrite::Q8_0, "").await,
        bench.models.rewrite(ME, &id, Rewrite::Q4KM, "").await,
        bench.models.bring(ME, &path, Bringing::Copy).await,
    ];
    for refused in all {
        assert!(matches!(refused, Err(ModelsError::NoSpace { .. })), "{refused:?}");
    }
    assert_eq!(bench.names(), ["qwen3"]);
}

#[tokio::test]
async fn models_of_a_folder_that_may_only_be_read_are_used_and_stay() {
    let bench = Bench::open().await;
    let file = bench.put("other/a.gguf", &llama(10));
    let Some(_read_only) = ReadOnly::make(&bench.home.path().join("other")) else { return };
    bench.models.add_folder("~/other", "").await.unwrap();
    assert_eq!(bench.all().await, ["other/a"]);
    bench.models.save_note(&ModelId("other/a".into()), "a note", &[]).await.unwrap();
    let refused = bench.delete("other/a").await.unwrap_err();
    assert!(matches!(refused, ModelsError::File { .. }), "{refused}");
    assert!(file.is_file() && bench.models.trash().await.unwrap().is_empty());
    assert_eq!(bench.all().await, ["other/a"]);
}

#[tokio::test]
async fn our_folder_may_be_one_that_may_only_be_read() {
    let bench = Bench::open().await;
    bench.put_folder("qwen3");
    let path = bench.put("elsewhere/a.gguf", &llama(10)).display().to_string();
    let Some(_read_only) = ReadOnly::make(&bench.own()) else { return };
    assert_eq!(bench.all().await, ["qwen3"]);
    assert!(bench.written("qwen3", Rewrite::Q8_0).await.is_some());
    for how in Bringing::ALL {
        bench.models.bring(ME, &path, how).await.unwrap();
        bench.jobs_ended().await;
        let job = bench.jobs.list(ME).await.unwrap().into_iter().max_by_key(|job| job.id).unwrap();
        assert!(job.state == JobState::Failed && job.error.is_some(), "{how:?}");
    }
    assert!(Path::new(&path).is_file(), "what could not be moved is where it was");
    assert_eq!(bench.names(), ["qwen3"]);
}

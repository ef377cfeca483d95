//! A disk that is full before everything is written.
//!
//! Only Linux can make a small disk, and only as root: elsewhere there is nothing to try.

use crate::support::{go_on, model};
use convert::{ConvertError, MlxOptions, Options, SplitLimit, hf_to_gguf, merge, split, to_mlx};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// A disk in memory, mounted over a folder. Dropping it takes it away.
struct Disk(PathBuf);

impl Disk {
    /// `None` where the system does not let us.
    #[expect(clippy::disallowed_methods, reason = "the tests' own helper, which waits for nothing")]
    fn mount(folder: &Path) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let args = ["-t", "tmpfs", "-o", "size=64k", "none"];
        let done = std::process::Command::new("mount").args(args).arg(folder).output();
        done.is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        #[expect(clippy::disallowed_methods, reason = "nothing can wait while a test ends")]
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason_and_nothing_of_it_stays() {
    let (work, folder) = model("llama3");
    let whole = work.path().join("whole.gguf");
    hf_to_gguf(&folder, &whole, &Options::default(), &mut go_on()).unwrap();
    let parts = split(&whole, &work.path().join("part"), SplitLimit::Tensors(5), &mut go_on()).unwrap();
    let Some(disk) = Disk::mount(&work.path().join("disk")) else { return };
    let target = disk.0.join("target");
    let check = |written: Result<(), ConvertError>| {
        let problem = written.unwrap_err().to_string();
        assert!(problem.contains("No space left"), "{problem}");
        let left: Vec<_> = fs::read_dir(&disk.0).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, [] as [&str; 0]);
    };
    check(hf_to_gguf(&folder, &target, &Options::default(), &mut go_on()).map(drop));
    check(to_mlx(&folder, &target, &MlxOptions::default(), &mut go_on()).map(drop));
    check(split(&whole, &target, SplitLimit::Tensors(5), &mut go_on()).map(drop));
    check(merge(&parts[0], &target, &mut go_on()).map(drop));
}

//! Starting processes: by argument lists, never through a shell, and never left behind.

use std::{collections::BTreeMap, path::Path, process::Stdio};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
use tokio::process::Command;

/// A command with piped input and outputs that ends when its handle is dropped. It gets no signals meant for the
/// terminal's foreground group: the server decides when its children end.
#[expect(clippy::disallowed_methods, reason = "this is the module that starts processes")]
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    platform::detach(&mut command);
    command
}

/// Lets this process, started by [`command`], outlive a request to end: a service manager sends that to every process of a
/// service, but a child has to be there until its parent has saved what is under way, and ends with its parent's pipe.
pub fn outlive_termination() -> std::io::Result<()> {
    platform::outlive_termination()
}

/// What a program that ends at once prints; `None` where it cannot be started or fails. Blocks.
#[cfg(target_os = "macos")]
#[expect(clippy::disallowed_methods, reason = "this is the module that starts processes")]
pub(crate) fn output(program: &Path, args: &[&str]) -> Option<String> {
    let output = std::process::Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What a process has in memory now, mapped files included; `None` where there is none or the system does not say.
pub fn memory_bytes(pid: u32) -> Option<u64> {
    let pid = Pid::from_u32(pid);
    let kind = ProcessRefreshKind::nothing().with_memory().without_tasks();
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, kind);
    system.process(pid).map(sysinfo::Process::memory).filter(|bytes| *bytes > 0)
}

/// What a process has in memory now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// All of it, mapped files included.
    pub bytes: u64,
    /// What of it [`crate::available_memory_bytes`] does not count: on Linux, pages of mapped files are there to be taken.
    pub held_bytes: u64,
}

/// Likewise as [`memory_bytes`], in both ways of counting.
pub fn memory_use(pid: u32) -> Option<MemoryUse> {
    let bytes = memory_bytes(pid)?;
    Some(MemoryUse { bytes, held_bytes: held::bytes(pid).map_or(bytes, |held| held.min(bytes)) })
}

/// A process, those that it has started, and those that these have: once one of them has ended, nobody knows whose the others were.
/// They are told by when they began, too, since numbers are given again.
#[derive(Clone, Debug)]
pub struct Family(BTreeMap<Pid, u64>);

impl Family {
    /// Those of `pid` as they are now. Blocks for some milliseconds.
    pub fn of(pid: u32) -> Self {
        let system = all_processes();
        let pid = Pid::from_u32(pid);
        let began = system.process(pid).map(sysinfo::Process::start_time);
        let mut family = Self(began.map(|began| (pid, began)).into_iter().collect());
        family.grow(&system);
        family
    }

    /// Ends those that still run, and whom they have started meanwhile. Blocks likewise.
    pub fn end(mut self) {
        let system = all_processes();
        self.0.retain(|pid, began| system.process(*pid).is_some_and(|it| it.start_time() == *began));
        self.grow(&system);
        for process in self.0.keys().filter_map(|pid| system.process(*pid)) {
            process.kill();
        }
    }

    fn grow(&mut self, system: &System) {
        let mut n_before = 0;
        while self.0.len() > n_before {
            n_before = self.0.len();
            for (pid, process) in system.processes() {
                // One that began before has another parent, whose number was given again.
                let parent = process.parent().and_then(|parent| self.0.get(&parent));
                if parent.is_some_and(|began| process.start_time() >= *began) {
                    self.0.insert(*pid, process.start_time());
                }
            }
        }
    }
}

fn all_processes() -> System {
    let mut system = System::new();
    let kind = ProcessRefreshKind::nothing().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, kind);
    system
}

#[cfg(target_os = "linux")]
mod held {
    /// Memory of its own and memory that it shares with others, without mapped files.
    pub(super) fn bytes(pid: u32) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        Some(line(&status, "RssAnon:")?.saturating_add(line(&status, "RssShmem:")?))
    }

    fn line(status: &str, name: &str) -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kibibytes.saturating_mul(1024))
    }
}

#[cfg(not(target_os = "linux"))]
mod held {
    /// The system does not tell it apart.
    pub(super) fn bytes(_pid: u32) -> Option<u64> {
        None
    }
}

#[cfg(unix)]
mod platform {
    pub(super) fn detach(command: &mut tokio::process::Command) {
        command.process_group(0);
    }

    pub(super) fn outlive_termination() -> std::io::Result<()> {
        // Nobody reads the flag: that there is a handler is all.
        let flag = std::sync::Arc::default();
        signal_hook::flag::register(signal_hook::consts::SIGTERM, flag).map(drop)
    }
}

#[cfg(windows)]
mod platform {
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

    pub(super) fn detach(command: &mut tokio::process::Command) {
        command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    }

    /// There is no such request to one process.
    pub(super) fn outlive_termination() -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{memory_bytes, memory_use};

    #[test]
    fn a_process_has_memory_and_none_has_not() {
        assert!(memory_bytes(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(memory_bytes(i32::MAX.unsigned_abs()), None);
        assert_eq!(memory_use(i32::MAX.unsigned_abs()), None);
    }

    #[test]
    fn what_a_process_wrote_is_held_by_it() {
        const WRITTEN: usize = 64 << 20;
        let before = memory_use(std::process::id()).expect("its memory").held_bytes;
        let written = std::hint::black_box(vec![1_u8; WRITTEN]);
        let now = memory_use(std::process::id()).expect("its memory");
        assert!(now.held_bytes >= before + WRITTEN as u64 / 2, "{before} {now:?}");
        assert!(now.held_bytes <= now.bytes, "{now:?}");
        drop(written);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_program_itself_is_a_file_and_not_held() {
        let now = memory_use(std::process::id()).expect("its memory");
        assert!(now.held_bytes < now.bytes, "{now:?}");
    }
}

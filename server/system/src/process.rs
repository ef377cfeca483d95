//! Starting processes: by argument lists, never through a shell, and never left behind.

use std::{path::Path, process::Stdio};
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

#[cfg(unix)]
mod platform {
    pub(super) fn detach(command: &mut tokio::process::Command) {
        command.process_group(0);
    }
}

#[cfg(windows)]
mod platform {
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;

    pub(super) fn detach(command: &mut tokio::process::Command) {
        command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP);
    }
}

#[cfg(test)]
mod tests {
    use super::memory_bytes;

    #[test]
    fn a_process_has_memory_and_none_has_not() {
        assert!(memory_bytes(std::process::id()).is_some_and(|bytes| bytes > 1 << 20));
        assert_eq!(memory_bytes(i32::MAX.unsigned_abs()), None);
    }
}

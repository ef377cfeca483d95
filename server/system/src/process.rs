//! Starting processes: by argument lists, never through a shell, and never left behind.

use std::{path::Path, process::Stdio};
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

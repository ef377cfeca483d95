//! The SHA-256 of a file that is being written.

use super::{disk, keeper::Shared};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io,
    sync::{atomic::Ordering, mpsc::Receiver},
};

/// Small enough to stay in a processor's cache between reading and hashing.
const BLOCK_BYTES: usize = 256 << 10;

/// What was hashed of a file so far.
#[derive(Clone, Default)]
pub(super) struct Hashed {
    state: Sha256,
    /// Everything before is in it.
    pub(super) at: u64,
}

impl Hashed {
    /// Adds what follows.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.at += bytes.len() as u64;
    }

    /// In hex.
    pub(super) fn digest(self) -> String {
        self.state.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Goes on to `end`, or less if it is told to stop.
    fn read(&mut self, file: &File, end: u64, buffer: &mut [u8], shared: &Shared) -> io::Result<()> {
        while self.at < end && !shared.is_stopped() {
            let n = buffer.len().min(usize::try_from(end - self.at).unwrap_or(usize::MAX));
            disk::read_at(file, &mut buffer[..n], self.at)?;
            self.update(&buffer[..n]);
            shared.hashed.store(self.at, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Follows the frontier until nobody moves it any more, then to its end.
pub(super) fn follow(
    file: &File,
    mut hashed: Hashed,
    moved: &Receiver<()>,
    shared: &Shared,
) -> io::Result<Hashed> {
    let mut buffer = vec![0; BLOCK_BYTES];
    while moved.recv().is_ok() {
        hashed.read(file, shared.frontier.load(Ordering::Acquire), &mut buffer, shared)?;
    }
    hashed.read(file, shared.frontier.load(Ordering::Acquire), &mut buffer, shared)?;
    Ok(hashed)
}

/// Of a whole file.
pub(super) fn of_file(file: &File, len: u64, shared: &Shared) -> io::Result<Hashed> {
    let mut hashed = Hashed::default();
    hashed.read(file, len, &mut vec![0; BLOCK_BYTES], shared)?;
    Ok(hashed)
}

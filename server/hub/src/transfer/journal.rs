//! What is written about an unfinished file: the journal, which is true even after a loss of power, and the log, which is
//! true after every other end.

use super::{disk, pieces::Piece};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

const VERSION: u32 = 1;
/// Journals of terabytes are shorter.
const MAX_JOURNAL_BYTES: u64 = 64 << 20;
/// A log that long is begun anew once the journal has caught up.
pub(super) const MAX_LOG_BYTES: u64 = 4 << 20;
/// Run, start, end, checksum, and a checksum of those.
const RECORD_BYTES: usize = 32;

/// Which file it is. Bytes of another one are of no use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// Where it was asked for, without the query, which may hold a signature.
    pub(super) url: String,
    /// A strong one; bytes with the same one are the same.
    pub(super) etag: Option<String>,
    pub(super) size: u64,
    /// As it was promised.
    pub(super) sha256: Option<String>,
}

/// The journal's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    #[serde(flatten)]
    pub(super) identity: Identity,
    /// Tells this file's records in the log from those of an earlier one.
    pub(super) run: u64,
    /// Start, end and checksum of each stretch that was flushed.
    pieces: Vec<(u64, u64, u32)>,
}

impl Journal {
    pub(super) fn new(identity: Identity, run: u64, pieces: &[Piece]) -> Self {
        let pieces = pieces.iter().map(|it| (it.start, it.end, it.crc)).collect();
        Self { version: VERSION, identity, run, pieces }
    }

    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> {
        self.pieces.iter().map(|(start, end, crc)| Piece { start: *start, end: *end, crc: *crc })
    }

    /// Replaces the journal of `target` as a whole, and returns when the disk has it.
    pub(super) fn save(&self, target: &Path) -> io::Result<()> {
        let (path, unfinished) = (disk::journal(target), disk::next_journal(target));
        let mut file = File::create(&unfinished)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&unfinished, &path)?;
        system::names::sync_folder_of(&path)
    }

    /// The journal of `target`; `None` where there is none or it is not readable, which costs fetching anew.
    pub(super) fn load(target: &Path) -> Option<Self> {
        let mut bytes = Vec::new();
        let file = File::open(disk::journal(target)).ok()?;
        file.take(MAX_JOURNAL_BYTES + 1).read_to_end(&mut bytes).ok()?;
        let journal: Self = serde_json::from_slice(&bytes).ok()?;
        let fits = |piece: Piece| piece.start < piece.end && piece.end <= journal.identity.size;
        (journal.version == VERSION && journal.pieces().all(fits)).then_some(journal)
    }
}

/// The log. Its handle is the lock that keeps other processes away.
pub(super) struct Log {
    file: File,
    len: u64,
}

impl Log {
    /// The log of `target`; `None` where another process has it.
    pub(super) fn open(target: &Path) -> io::Result<Option<Self>> {
        let path = disk::log(target);
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            // Some network disks know no locks; there only this process is kept from itself.
            Err(std::fs::TryLockError::Error(err)) => {
                tracing::warn!(error = %err, "a download cannot be locked")
            }
            Ok(()) => {}
        }
        let len = file.metadata()?.len();
        Ok(Some(Self { file, len }))
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Notes that stretches reach so far now.
    pub(super) fn append(&mut self, run: u64, pieces: impl Iterator<Item = Piece>) -> io::Result<()> {
        let records: Vec<u8> = pieces.flat_map(|piece| record(run, piece)).collect();
        self.file.write_all(&records)?;
        self.len += records.len() as u64;
        Ok(())
    }

    /// Forgets everything: the journal has it, or it is of no use.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.len = 0;
        Ok(())
    }

    /// The last that was said of each stretch of `run`. What was cut off or damaged is left out.
    pub(super) fn read(&mut self, run: u64) -> io::Result<Vec<Piece>> {
        self.file.seek(SeekFrom::Start(0))?;
        read(&self.file, run)
    }

    /// The same of the log of `target`, whoever has it; nothing where it cannot be read.
    pub(super) fn look(target: &Path, run: u64) -> Vec<Piece> {
        File::open(disk::log(target)).and_then(|file| read(&file, run)).unwrap_or_default()
    }
}

fn read(file: &File, run: u64) -> io::Result<Vec<Piece>> {
    let mut bytes = Vec::new();
    file.take(MAX_LOG_BYTES * 2).read_to_end(&mut bytes)?;
    let mut last = BTreeMap::new();
    for piece in bytes.chunks_exact(RECORD_BYTES).filter_map(|it| piece_of(run, it)) {
        last.insert(piece.start, piece);
    }
    Ok(last.into_values().collect())
}

fn record(run: u64, piece: Piece) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&run.to_le_bytes());
    record[8..16].copy_from_slice(&piece.start.to_le_bytes());
    record[16..24].copy_from_slice(&piece.end.to_le_bytes());
    record[24..28].copy_from_slice(&piece.crc.to_le_bytes());
    let check = crc32fast::hash(&record[..28]);
    record[28..].copy_from_slice(&check.to_le_bytes());
    record
}

fn piece_of(run: u64, bytes: &[u8]) -> Option<Piece> {
    let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let short = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let is_whole = short(28)? == crc32fast::hash(bytes.get(..28)?) && long(0)? == run;
    is_whole.then_some(Piece { start: long(8)?, end: long(16)?, crc: short(24)? })
}

#[cfg(test)]
mod tests;

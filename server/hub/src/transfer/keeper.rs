//! The side of a transfer that touches the disk: one thread writes what arrives, one hashes behind it, one flushes.

use super::{
    Limits, TransferError, disk,
    hashing::{self, Hashed},
    journal::{Identity, Journal, Log, MAX_LOG_BYTES},
    pieces::{Piece, Pieces},
    resume::Part,
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc::Receiver;

/// The journal is written after so many bytes or so long, whatever comes first.
const JOURNAL_BYTES: u64 = 8 << 20;
const JOURNAL_EVERY: Duration = Duration::from_secs(1);
/// Fast networks bring that many bytes in no time; flushing without end would hold up the writes.
const JOURNAL_PAUSE: Duration = Duration::from_millis(250);
/// Chunks that are written before they are noted, where so many wait.
const AT_ONCE: usize = 16;
/// Whoever hashes is woken after so many bytes: on fast networks waking costs more than it gains.
const WAKE_BYTES: u64 = 1 << 20;
/// Free space is looked at again after so many bytes.
const SPACE_BYTES: u64 = 8 << 20;

/// How far a transfer is, for those who watch it.
#[derive(Default)]
pub(super) struct Shared {
    /// Bytes in the part.
    pub(super) present: AtomicU64,
    /// Bytes that came over the network.
    pub(super) received: Arc<AtomicU64>,
    /// Bytes from the beginning that were hashed.
    pub(super) hashed: AtomicU64,
    /// Bytes from the beginning that were written.
    pub(super) frontier: AtomicU64,
    stopped: AtomicBool,
}

/// Bytes that arrived.
pub(super) struct Write {
    pub(super) at: u64,
    pub(super) bytes: Bytes,
}

/// Writes what arrives.
pub(super) struct Keeper {
    pub(super) target: PathBuf,
    /// `None` where the size is not known: such a file cannot be gone on with.
    pub(super) identity: Option<Identity>,
    pub(super) part: Part,
    pub(super) limits: Limits,
}

/// What is there at the end.
pub(super) struct Kept {
    /// Bytes from the beginning without a gap.
    pub(super) frontier: u64,
    /// Of those.
    pub(super) hashed: Hashed,
}

impl Shared {
    /// Counts what comes there, where there may be something already.
    pub(super) fn counting(received: Arc<AtomicU64>) -> Self {
        Self { received, ..Self::default() }
    }

    /// Nobody waits for the end any more.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    pub(super) fn begin_at(&self, pieces: &Pieces, hashed: &Hashed) {
        self.present.store(pieces.present(), Ordering::Relaxed);
        self.hashed.store(hashed.at, Ordering::Relaxed);
        self.frontier.store(pieces.frontier(), Ordering::Release);
    }
}

impl Keeper {
    /// Takes what arrives until nobody sends any more. What was written is flushed and in the journal at the end, however
    /// it ends. Blocks.
    pub(super) fn keep(self, mut arriving: Receiver<Write>, shared: &Shared) -> Result<Kept, TransferError> {
        let Self { target, identity, part, limits } = self;
        let Part { file, log, run, pieces, hashed, identity: before } = part;
        let is_new = before.is_none();
        let disk =
            Disk { file: &file, target: &target, identity: identity.as_ref(), run, limits: &limits, shared };
        if is_new {
            // The journal tells which file the log is about.
            disk.flush(&[])?;
        }
        let (wake, moved) = mpsc::sync_channel(1);
        let (tell, told) = mpsc::sync_channel(1);
        thread::scope(|scope| {
            let (file, disk) = (&file, &disk);
            let hashing = scope.spawn(move || hashing::follow(file, hashed, &moved, shared));
            let flushing = scope.spawn(move || told.iter().try_for_each(|snapshot| disk.take(snapshot)));
            let mut writer = Writer::new(disk, log, pieces, wake, tell);
            let wrote = writer.take_all(&mut arriving);
            if wrote.is_err() {
                // Nobody needs the digest of a part.
                shared.stop();
            }
            // Whoever still sends is told by this that it is over.
            arriving.close();
            let pieces = writer.end();
            let flushed = flushing.join().unwrap_or_else(|_| Err(disk.died()));
            let last = disk.flush(&pieces.list());
            let hashed = hashing.join().unwrap_or_else(|_| Err(io::Error::other("hashing ended")));
            flushed.and(wrote).and(last)?;
            let hashed = hashed.map_err(TransferError::file(&disk::part(&target)))?;
            Ok(Kept { frontier: pieces.frontier(), hashed })
        })
    }
}

/// The stretches at a moment, for the journal.
struct Snapshot {
    pieces: Vec<Piece>,
    /// Told when the disk has it.
    done: Option<SyncSender<()>>,
}

/// What both threads that write know.
struct Disk<'a> {
    file: &'a File,
    target: &'a Path,
    identity: Option<&'a Identity>,
    run: u64,
    limits: &'a Limits,
    shared: &'a Shared,
}

impl Disk<'_> {
    fn take(&self, snapshot: Snapshot) -> Result<(), TransferError> {
        self.flush(&snapshot.pieces)?;
        if let Some(done) = snapshot.done {
            // Who asked may have ended meanwhile.
            let _ = done.send(());
        }
        Ok(())
    }

    /// First the bytes, then the journal that says that they are there.
    fn flush(&self, pieces: &[Piece]) -> Result<(), TransferError> {
        if !pieces.is_empty() {
            self.file.sync_data().map_err(|err| self.problem(&disk::part(self.target), err))?;
        }
        let Some(identity) = self.identity else { return Ok(()) };
        let journal = Journal::new(identity.clone(), self.run, pieces);
        journal.save(self.target).map_err(|err| self.problem(&disk::journal(self.target), err))
    }

    fn problem(&self, path: &Path, err: io::Error) -> TransferError {
        if disk::is_full(&err) {
            return self.no_space(self.limits.free_bytes.beside(self.target).unwrap_or(0));
        }
        TransferError::file(path)(err)
    }

    fn no_space(&self, free: u64) -> TransferError {
        let size = self.identity.map_or(0, |identity| identity.size);
        let missing = size.saturating_sub(self.shared.present.load(Ordering::Relaxed));
        TransferError::NoSpace { needed: missing.saturating_add(self.limits.reserve_bytes), free }
    }

    fn died(&self) -> TransferError {
        TransferError::file(self.target)(io::Error::other("writing ended"))
    }
}

/// The thread that writes.
struct Writer<'a> {
    disk: &'a Disk<'a>,
    log: Log,
    pieces: Pieces,
    /// Wakes who hashes.
    wake: SyncSender<()>,
    /// How far the frontier was then.
    woken_at: u64,
    /// To who flushes.
    tell: SyncSender<Snapshot>,
    /// Bytes since the journal was last written.
    unflushed: u64,
    flushed_at: Instant,
    /// Bytes since the free space was last looked at.
    unlooked: u64,
}

impl<'a> Writer<'a> {
    fn new(
        disk: &'a Disk<'a>,
        log: Log,
        pieces: Pieces,
        wake: SyncSender<()>,
        tell: SyncSender<Snapshot>,
    ) -> Self {
        let (woken_at, unflushed, flushed_at, unlooked) = (0, 0, Instant::now(), 0);
        Self { disk, log, pieces, wake, woken_at, tell, unflushed, flushed_at, unlooked }
    }

    fn take_all(&mut self, arriving: &mut Receiver<Write>) -> Result<(), TransferError> {
        self.publish();
        // What came while the disk was busy is noted at once.
        let mut writes = Vec::with_capacity(AT_ONCE);
        while arriving.blocking_recv_many(&mut writes, AT_ONCE) > 0 {
            let mut grown = BTreeMap::new();
            for write in writes.drain(..) {
                let piece = self.write(&write)?;
                grown.insert(piece.start, piece);
            }
            self.note(grown.into_values())?;
        }
        Ok(())
    }

    fn write(&mut self, write: &Write) -> Result<Piece, TransferError> {
        let n = write.bytes.len() as u64;
        self.look_at_space(n)?;
        let part = || disk::part(self.disk.target);
        disk::write_at(self.disk.file, &write.bytes, write.at)
            .map_err(|err| self.disk.problem(&part(), err))?;
        self.unflushed += n;
        Ok(self.pieces.write(write.at, &write.bytes))
    }

    /// Tells the log and the other threads how far stretches reach now.
    fn note(&mut self, grown: impl Iterator<Item = Piece>) -> Result<(), TransferError> {
        if self.disk.identity.is_some() {
            let appended = self.log.append(self.disk.run, grown);
            appended.map_err(|err| self.disk.problem(&disk::log(self.disk.target), err))?;
        }
        self.publish();
        self.flush_sometimes()
    }

    fn publish(&mut self) {
        let frontier = self.pieces.frontier();
        self.disk.shared.present.store(self.pieces.present(), Ordering::Relaxed);
        self.disk.shared.frontier.store(frontier, Ordering::Release);
        // What is left at the end is hashed when nobody sends any more.
        if frontier - self.woken_at >= WAKE_BYTES {
            self.woken_at = frontier;
            // One that waits already is enough.
            let _ = self.wake.try_send(());
        }
    }

    fn look_at_space(&mut self, n: u64) -> Result<(), TransferError> {
        self.unlooked += n;
        if self.unlooked < SPACE_BYTES {
            return Ok(());
        }
        self.unlooked = 0;
        let limits = self.disk.limits;
        match limits.free_bytes.beside(self.disk.target) {
            Some(free) if free < limits.reserve_bytes.saturating_add(n) => Err(self.disk.no_space(free)),
            _ => Ok(()),
        }
    }

    fn flush_sometimes(&mut self) -> Result<(), TransferError> {
        let passed = self.flushed_at.elapsed();
        let is_due = passed >= JOURNAL_EVERY || (self.unflushed >= JOURNAL_BYTES && passed >= JOURNAL_PAUSE);
        if !is_due {
            return Ok(());
        }
        match self.tell.try_send(Snapshot { pieces: self.pieces.list(), done: None }) {
            Ok(()) => {
                self.unflushed = 0;
                self.flushed_at = Instant::now();
            }
            // It is still busy with the last one; the bytes that came since are in the log.
            Err(TrySendError::Full(_)) => {}
            // It ended with an error, which counts more than this one.
            Err(TrySendError::Disconnected(_)) => return Err(self.disk.died()),
        }
        if self.log.len() > MAX_LOG_BYTES { self.shorten_log() } else { Ok(()) }
    }

    /// Waits until the journal has everything, since what is in the log is forgotten.
    fn shorten_log(&mut self) -> Result<(), TransferError> {
        let (done, is_done) = mpsc::sync_channel(1);
        let sent = self.tell.send(Snapshot { pieces: self.pieces.list(), done: Some(done) });
        sent.map_err(|_| self.disk.died())?;
        is_done.recv().map_err(|_| self.disk.died())?;
        self.clear_log()
    }

    fn clear_log(&mut self) -> Result<(), TransferError> {
        self.log.clear().map_err(TransferError::file(&disk::log(self.disk.target)))
    }

    /// Lets the other threads end, and gives back what is there.
    fn end(self) -> Pieces {
        self.pieces
    }
}

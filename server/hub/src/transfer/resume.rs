//! What an earlier download left, and whether it is to be believed.

use super::{
    Request, TransferError, disk, git,
    hashing::{self, Hashed},
    journal::{Identity, Journal, Log},
    keeper::Shared,
    pieces::{Piece, Pieces},
};
use std::{collections::BTreeMap, fs::File, io, path::Path, sync::atomic::Ordering};

const BLOCK_BYTES: u64 = 256 << 10;

/// What there is before anything is asked.
pub(super) enum Before {
    /// The target, with its size and digest.
    Target { bytes: u64, sha256: String },
    /// A part, maybe an empty one.
    Part(Box<Part>),
}

/// A file to go on with.
pub(super) struct Part {
    pub(super) file: File,
    pub(super) log: Log,
    /// Which file it is the beginning of; `None` where it is empty.
    pub(super) identity: Option<Identity>,
    pub(super) run: u64,
    pub(super) pieces: Pieces,
    pub(super) hashed: Hashed,
}

/// How much of an unfinished `target` is there, as was noted beside it: what comes by several connections has gaps, so the
/// length of the file says less. No byte of it is read, so that some may turn out to be wrong when it is gone on with. Blocks.
pub fn arrived_bytes(target: &Path) -> u64 {
    let length = std::fs::metadata(disk::part(target)).map_or(0, |meta| meta.len());
    let Some(journal) = Journal::load(target) else { return 0 };
    let mut pieces = Pieces::default();
    let longest =
        claims(&journal, Log::look(target, journal.run)).into_values().filter_map(|mut it| it.pop());
    for piece in longest {
        pieces.insert(Piece { end: piece.end.min(length), ..piece });
    }
    pieces.present()
}

/// Looks at the target and at what is left of an earlier download, and reads all of it. Blocks.
pub(super) fn look(request: &Request, url: &str, shared: &Shared) -> Result<Before, TransferError> {
    if let Some(target) = whole_target(request, shared).map_err(TransferError::file(&request.target))? {
        return Ok(target);
    }
    let target = &request.target;
    if !request.replaces && is_taken(target, request.size).map_err(TransferError::file(target))? {
        return Err(TransferError::Taken(target.clone()));
    }
    let log = Log::open(target).map_err(TransferError::file(&disk::log(target)))?;
    let mut log = log.ok_or(TransferError::Busy)?;
    let path = disk::part(target);
    let journal = Journal::load(target).filter(|it| fits(&it.identity, request, url));
    let Some(journal) = journal.filter(|_| path.is_file()) else {
        return empty(target, log)
            .map(|part| Before::Part(Box::new(part)))
            .map_err(TransferError::file(&path));
    };
    let file = File::options().read(true).write(true).open(&path).map_err(TransferError::file(&path))?;
    let claims = claims(&journal, log.read(journal.run).map_err(TransferError::file(&disk::log(target)))?);
    let (pieces, hashed) = verify(&file, &claims, shared).map_err(TransferError::file(&path))?;
    if !shared.is_stopped() {
        settle(target, &file, &mut log, &journal, &pieces).map_err(TransferError::file(&path))?;
    }
    shared.begin_at(&pieces, &hashed);
    let part = Part { file, log, run: journal.run, identity: Some(journal.identity), pieces, hashed };
    Ok(Before::Part(Box::new(part)))
}

/// The target, if it is what is wanted. Without a digest its size has to do.
fn whole_target(request: &Request, shared: &Shared) -> io::Result<Option<Before>> {
    let file = match File::open(&request.target) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let meta = file.metadata()?;
    let has_size = request.size.is_none_or(|size| size == meta.len());
    let is_known = request.size.is_some() || request.sha256.is_some();
    if !meta.is_file() || !has_size || !is_known {
        return Ok(None);
    }
    let sha256 = hashing::of_file(&file, meta.len(), shared)?.digest();
    let is_digest = request.sha256.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(&sha256));
    let is_wanted = is_digest && git::is_wanted(request, &request.target)?;
    shared.hashed.store(0, Ordering::Relaxed);
    Ok(is_wanted.then_some(Before::Target { bytes: meta.len(), sha256 }))
}

/// Whether something that is not wanted has the name. A name that was only kept free is none: where a disk knows no second names, an
/// empty file has it until the part gets it.
fn is_taken(target: &Path, size: Option<u64>) -> io::Result<bool> {
    let Ok(meta) = target.symlink_metadata() else { return Ok(false) };
    if meta.is_file() && meta.len() == 0 && size != Some(0) && is_arriving(target) {
        std::fs::remove_file(target)?;
        return Ok(false);
    }
    Ok(true)
}

/// Whether there is an unfinished file for `target`: what has that name is then something else. Blocks, for a moment.
pub fn is_arriving(target: &Path) -> bool {
    disk::part(target).symlink_metadata().is_ok()
}

/// Whether a part of the file that the journal names is a part of the wanted one. What the server says about it comes
/// later. Without a mark and without a digest nobody could tell.
fn fits(identity: &Identity, request: &Request, url: &str) -> bool {
    let has_digest = identity.sha256.is_some() && identity.sha256 == request.sha256;
    let contradicts = request.sha256.is_some() && identity.sha256.is_some() && !has_digest;
    let has_size = request.size.is_none_or(|size| size == identity.size);
    let is_marked = identity.url == url && identity.etag.is_some();
    has_size && !contradicts && (has_digest || is_marked)
}

/// A new part, and nothing left of an old one.
fn empty(target: &Path, mut log: Log) -> io::Result<Part> {
    disk::remove(&disk::journal(target))?;
    log.clear()?;
    let path = disk::part(target);
    // Where the last process ended between giving the file its name and taking this one away, both are of one file, which keeps
    // what it has.
    if path.symlink_metadata().is_ok_and(|it| it.is_file()) {
        disk::remove(&path)?;
    }
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
    Ok(Part {
        file,
        log,
        identity: None,
        run: fastrand::u64(..),
        pieces: Pieces::default(),
        hashed: Hashed::default(),
    })
}

/// Puts into the journal what only the log knew, so that the log can begin anew.
fn settle(target: &Path, file: &File, log: &mut Log, journal: &Journal, pieces: &Pieces) -> io::Result<()> {
    let pieces = pieces.list();
    if journal.pieces().ne(pieces.iter().copied()) {
        file.sync_data()?;
        Journal::new(journal.identity.clone(), journal.run, &pieces).save(target)?;
    }
    log.clear()
}

/// By their starts, the ends that a stretch may have: the journal's, and the log's, which may be ahead of the disk.
type Claims = BTreeMap<u64, Vec<Piece>>;

fn claims(journal: &Journal, log: Vec<Piece>) -> Claims {
    let mut claims = Claims::new();
    let fits = |piece: &Piece| piece.start < piece.end && piece.end <= journal.identity.size;
    for piece in journal.pieces().chain(log).filter(fits) {
        claims.entry(piece.start).or_default().push(piece);
    }
    for ends in claims.values_mut() {
        ends.sort_by_key(|piece| piece.end);
    }
    claims
}

/// Reads every stretch and keeps those with the bytes that were written. Hashes what has nothing missing before it.
fn verify(file: &File, claims: &Claims, shared: &Shared) -> io::Result<(Pieces, Hashed)> {
    let mut pieces = Pieces::default();
    let mut hashed = Hashed::default();
    let mut end = 0;
    for (start, ends) in claims {
        if shared.is_stopped() {
            break;
        }
        if *start < end {
            continue;
        }
        let begun = (*start == hashed.at).then_some(&hashed);
        let (piece, hashed_there) = longest(file, ends, begun, shared)?;
        if let Some(piece) = piece {
            pieces.insert(piece);
            end = piece.end;
        }
        hashed = hashed_there.unwrap_or(hashed);
    }
    Ok((pieces, hashed))
}

/// The longest of the stretches (which start at the same place, shorter ones first) that has its checksum.
fn longest(
    file: &File,
    ends: &[Piece],
    hashed: Option<&Hashed>,
    shared: &Shared,
) -> io::Result<(Option<Piece>, Option<Hashed>)> {
    let (mut piece, mut hashed_there) = (None, None);
    let mut hashed = hashed.cloned();
    let mut crc = crc32fast::Hasher::new();
    let mut buffer = vec![0; BLOCK_BYTES as usize];
    let mut at = ends.first().map_or(0, |piece| piece.start);
    for claim in ends {
        while at < claim.end && !shared.is_stopped() {
            let block = &mut buffer[..BLOCK_BYTES.min(claim.end - at) as usize];
            match disk::read_at(file, block, at) {
                Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => return Ok((piece, hashed_there)),
                read => read?,
            }
            crc.update(block);
            if let Some(hashed) = &mut hashed {
                hashed.update(block);
                shared.hashed.store(hashed.at, Ordering::Relaxed);
            }
            at += block.len() as u64;
        }
        if at == claim.end && crc.clone().finalize() == claim.crc {
            piece = Some(*claim);
            hashed_there = hashed.clone();
        }
    }
    Ok((piece, hashed_there))
}

#[cfg(test)]
mod tests;

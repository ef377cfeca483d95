//! How a state lies in its file: a magic number, the header's length in four bytes (little-endian) and the header in
//! postcard, its BLAKE3 hash; the state and the states at places to go back to, one behind the other, the BLAKE3 hash of these.

use crate::{
    adapters::SetId,
    llama::{PartState, SequenceState},
    scheduler::window::Gaps,
};
use protocol::{KvFiles, Tenant};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, Metadata},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
    sync::Arc,
    time::UNIX_EPOCH,
};

/// Changes with the format.
const MAGIC: [u8; 8] = *b"CHAOSKV2";

const HASH_BYTES: usize = 32;

/// A header is mostly tokens; no context is so long.
const MAX_HEADER_BYTES: u32 = 64 * 1024 * 1024;

/// How the name of a file ends that is whole, and of one that is being written.
pub(super) const WHOLE: &str = "kv";
pub(super) const UNFINISHED: &str = "part";

/// A model's file of at most so many bytes is read as a whole.
const WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// Parts of a larger one that stand for all of it, together with which file it is and when it was written: reading gigabytes would
/// take longer than what it saves.
const N_SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 64 * 1024;
const FIRST_BYTES: u64 = 4 * 1024 * 1024;

/// Whose state a file holds, and of which tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::scheduler) struct Header {
    pub(in crate::scheduler) tenant: Tenant,
    /// The adapters that it was computed with.
    pub(in crate::scheduler) set: SetId,
    pub(in crate::scheduler) tokens: Vec<i32>,
    /// What of them is forgotten.
    pub(in crate::scheduler) gaps: Gaps,
    /// The first token that can still be attended to.
    pub(in crate::scheduler) first: u64,
    /// The states at places to go back to that it holds as well, in their order in the file.
    pub(in crate::scheduler) parts: Vec<PartFacts>,
}

/// A state at a place to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::scheduler) struct PartFacts {
    /// Tokens up to the place.
    pub(in crate::scheduler) n_tokens: usize,
    pub(in crate::scheduler) n_bytes: u64,
}

/// What a file holds behind its header.
pub(in crate::scheduler) struct Body {
    pub(in crate::scheduler) state: SequenceState,
    /// With how many tokens each.
    pub(in crate::scheduler) parts: Vec<(usize, PartState)>,
}

/// Stands for the model in the file at `path` and for `rest`: all of a small file; of a larger one its size, its beginning, where
/// names and shapes are, samples of its weights, and what tells it from another file. A model of which only some weights are
/// other ones has the same samples perhaps, but not that. Copied or written anew, a large file is another one.
pub(super) fn key(path: &Path, rest: &str) -> io::Result<blake3::Hash> {
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    let size = facts.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&MAGIC).update(rest.as_bytes()).update(&size.to_le_bytes());
    if size <= WHOLE_BYTES {
        hasher.update_reader(&mut file)?;
        return Ok(hasher.finalize());
    }
    hasher.update(&identity(&facts));
    hasher.update_reader((&mut file).take(FIRST_BYTES))?;
    for i in 0..=N_SAMPLES {
        let place = size.saturating_sub(SAMPLE_BYTES) / N_SAMPLES * i;
        file.seek(SeekFrom::Start(place))?;
        hasher.update_reader((&mut file).take(SAMPLE_BYTES))?;
    }
    Ok(hasher.finalize())
}

/// When a file was written, and where the system numbers files, its number.
fn identity(facts: &Metadata) -> Vec<u8> {
    let written = facts.modified().ok().and_then(|it| it.duration_since(UNIX_EPOCH).ok());
    let written = written.unwrap_or_default().as_nanos().to_le_bytes();
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(facts);
    #[cfg(not(unix))]
    let number = 0_u64;
    [&written[..], &number.to_le_bytes()].concat()
}

/// The same tokens of the same tenant, computed with the same adapters and with the same of them forgotten, have the same
/// name. It says whose they are and how many.
pub(super) fn file_name(header: &Header) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&encode(&(header.set, &header.gaps))?);
    for token in &header.tokens {
        hasher.update(&token.to_le_bytes());
    }
    let (prefix, hash) = (KvFiles::name_prefix(header.tenant), hasher.finalize().to_hex());
    Ok(format!("{prefix}{}-{}.{WHOLE}", header.tokens.len(), &hash[..32]))
}

/// The tokens of a file, by its name.
pub(super) fn n_tokens(path: &Path) -> Option<u64> {
    // From the end: a tenant's number may be negative.
    path.file_stem()?.to_str()?.rsplit('-').nth(1)?.parse().ok()
}

/// Bytes of the file.
pub(super) fn n_bytes(header: &Header, state: &SequenceState) -> io::Result<u64> {
    let n_header = MAGIC.len() + size_of::<u32>() + encode(header)?.len();
    let n_parts: u64 = header.parts.iter().map(|part| part.n_bytes).sum();
    Ok((n_header + 2 * HASH_BYTES + state.bytes().len()) as u64 + n_parts)
}

/// Writes a state, and of `parts` what the header says.
pub(super) fn write(
    file: impl Write,
    header: &Header,
    state: &SequenceState,
    parts: &[Arc<PartState>],
) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    let header = encode(header)?;
    let header_bytes = u32::try_from(header.len()).map_err(io::Error::other)?;
    file.write_all(&MAGIC)?;
    file.write_all(&header_bytes.to_le_bytes())?;
    file.write_all(&header)?;
    file.write_all(blake3::hash(&header).as_bytes())?;
    let mut hasher = blake3::Hasher::new();
    for bytes in std::iter::once(state.bytes()).chain(parts.iter().map(|part| part.bytes())) {
        hasher.update(bytes);
        file.write_all(bytes)?;
    }
    file.write_all(hasher.finalize().as_bytes())?;
    file.flush()
}

pub(super) fn read_header(path: &Path) -> io::Result<Header> {
    if path.extension().is_none_or(|extension| extension != WHOLE) {
        return Err(invalid("it was never finished"));
    }
    header_of(&mut File::open(path)?)
}

/// The states, with every byte as it was written.
pub(super) fn read_body(path: &Path) -> io::Result<Body> {
    let mut file = File::open(path)?;
    let header = header_of(&mut file)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let hash = split_off_last(&mut bytes, HASH_BYTES)?;
    if blake3::hash(&bytes).as_bytes()[..] != hash[..] {
        return Err(invalid("its state has changed"));
    }
    let mut parts = Vec::with_capacity(header.parts.len());
    for PartFacts { n_tokens, n_bytes } in header.parts.into_iter().rev() {
        let n_bytes = usize::try_from(n_bytes).map_err(io::Error::other)?;
        let part = split_off_last(&mut bytes, n_bytes)?;
        parts.push((n_tokens, PartState::from_checked_bytes(part)));
    }
    Ok(Body { state: SequenceState::from_checked_bytes(bytes), parts })
}

fn split_off_last(bytes: &mut Vec<u8>, n: usize) -> io::Result<Vec<u8>> {
    let end = bytes.len().checked_sub(n).ok_or_else(|| invalid("it ends early"))?;
    Ok(bytes.split_off(end))
}

fn header_of(file: &mut impl Read) -> io::Result<Header> {
    let mut magic = MAGIC;
    file.read_exact(&mut magic)?;
    let mut size = [0; size_of::<u32>()];
    file.read_exact(&mut size)?;
    let size = u32::from_le_bytes(size);
    if magic != MAGIC || size > MAX_HEADER_BYTES {
        return Err(invalid("it is no such file"));
    }
    let mut header = Vec::new();
    file.take(u64::from(size)).read_to_end(&mut header)?;
    let mut hash = [0; HASH_BYTES];
    file.read_exact(&mut hash)?;
    if *blake3::hash(&header).as_bytes() != hash {
        return Err(invalid("its header has changed"));
    }
    postcard::from_bytes(&header).map_err(io::Error::other)
}

fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(value).map_err(io::Error::other)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

//! How a state lies in its file: a magic number, the header's length in four bytes (little-endian) and the header in
//! postcard, its BLAKE3 hash, the state, its BLAKE3 hash.

use crate::llama::SequenceState;
use protocol::{KvFiles, Tenant};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// Changes with the format.
const MAGIC: [u8; 8] = *b"CHAOSKV1";

const HASH_BYTES: usize = 32;

/// A header is mostly tokens; no context is so long.
const MAX_HEADER_BYTES: u32 = 64 * 1024 * 1024;

/// How the name of a file ends that is whole, and of one that is being written.
pub(super) const WHOLE: &str = "kv";
pub(super) const UNFINISHED: &str = "part";

/// Parts of a model's file that stand for all of it: reading gigabytes would take longer than what it saves.
const N_SAMPLES: u64 = 16;
const SAMPLE_BYTES: u64 = 64 * 1024;
const FIRST_BYTES: u64 = 4 * 1024 * 1024;

/// Whose state a file holds, and of which tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::scheduler) struct Header {
    pub(in crate::scheduler) tenant: Tenant,
    pub(in crate::scheduler) tokens: Vec<i32>,
    /// The first token that can still be attended to.
    pub(in crate::scheduler) first: u64,
}

/// Stands for the model in the file at `path` and for `rest`: its size, its beginning, where names and shapes are, and
/// samples of its weights.
pub(super) fn key(path: &Path, rest: &str) -> io::Result<blake3::Hash> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&MAGIC).update(rest.as_bytes()).update(&size.to_le_bytes());
    hasher.update_reader((&mut file).take(FIRST_BYTES))?;
    for i in 0..=N_SAMPLES {
        let place = size.saturating_sub(SAMPLE_BYTES) / N_SAMPLES * i;
        file.seek(SeekFrom::Start(place))?;
        hasher.update_reader((&mut file).take(SAMPLE_BYTES))?;
    }
    Ok(hasher.finalize())
}

/// The same tokens of the same tenant have the same name. It says whose they are and how many.
pub(super) fn file_name(header: &Header) -> String {
    let mut hasher = blake3::Hasher::new();
    for token in &header.tokens {
        hasher.update(&token.to_le_bytes());
    }
    let (prefix, hash) = (KvFiles::name_prefix(header.tenant), hasher.finalize().to_hex());
    format!("{prefix}{}-{}.{WHOLE}", header.tokens.len(), &hash[..32])
}

/// The tokens of a file, by its name.
pub(super) fn n_tokens(path: &Path) -> Option<u64> {
    // From the end: a tenant's number may be negative.
    path.file_stem()?.to_str()?.rsplit('-').nth(1)?.parse().ok()
}

/// Bytes of the file.
pub(super) fn n_bytes(header: &Header, state: &SequenceState) -> io::Result<u64> {
    let header = encode(header)?;
    Ok((MAGIC.len() + size_of::<u32>() + header.len() + 2 * HASH_BYTES + state.bytes().len()) as u64)
}

pub(super) fn write(path: &Path, header: &Header, state: &SequenceState) -> io::Result<()> {
    let header = encode(header)?;
    let header_bytes = u32::try_from(header.len()).map_err(io::Error::other)?;
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&MAGIC)?;
    file.write_all(&header_bytes.to_le_bytes())?;
    file.write_all(&header)?;
    file.write_all(blake3::hash(&header).as_bytes())?;
    file.write_all(state.bytes())?;
    file.write_all(blake3::hash(state.bytes()).as_bytes())?;
    file.flush()
}

pub(super) fn read_header(path: &Path) -> io::Result<Header> {
    if path.extension().is_none_or(|extension| extension != WHOLE) {
        return Err(invalid("it was never finished"));
    }
    header_of(&mut File::open(path)?)
}

/// The state, with every byte as it was written.
pub(super) fn read_state(path: &Path) -> io::Result<SequenceState> {
    let mut file = File::open(path)?;
    header_of(&mut file)?;
    let mut state = Vec::new();
    file.read_to_end(&mut state)?;
    let Some(end) = state.len().checked_sub(HASH_BYTES) else { return Err(invalid("it ends early")) };
    let hash = state.split_off(end);
    if blake3::hash(&state).as_bytes()[..] != hash[..] {
        return Err(invalid("its state has changed"));
    }
    Ok(SequenceState::from_checked_bytes(state))
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

fn encode(header: &Header) -> io::Result<Vec<u8>> {
    postcard::to_stdvec(header).map_err(io::Error::other)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

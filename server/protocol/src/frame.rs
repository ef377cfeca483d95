//! Framing: a little-endian `u32` byte count, then that many bytes of postcard.
//!
//! The blocking pair [`read_frame`] and [`write_frame`] is for the worker. A side that reads asynchronously uses
//! the same rules through [`encode`], [`body_len`] and [`decode`].

use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};

/// The longest frame body. A frame that says it is longer is refused before memory is taken for it.
pub const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;

/// Bytes in front of every body.
pub const PREFIX_BYTES: usize = 4;

/// Why a frame could not be moved. After any of these the stream's position is unknown: give it up.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated,
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("a frame of {n_bytes} bytes is over the limit of {MAX_FRAME_BYTES}")]
    TooLarge {
        /// What the prefix says, or what the message takes.
        n_bytes: usize,
    },
    /// The bytes are not the message they should be.
    #[error("a frame does not decode: {0}")]
    Malformed(#[from] postcard::Error),
    /// The stream itself failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The bytes of one frame, prefix included.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let bytes = postcard::to_extend(message, vec![0; PREFIX_BYTES])?;
    seal(bytes)
}

/// Writes the prefix into the place kept for it.
fn seal(mut bytes: Vec<u8>) -> Result<Vec<u8>, FrameError> {
    let n_bytes = bytes.len() - PREFIX_BYTES;
    let prefix = match u32::try_from(n_bytes) {
        Ok(n) if n_bytes <= MAX_FRAME_BYTES => n.to_le_bytes(),
        _ => return Err(FrameError::TooLarge { n_bytes }),
    };
    bytes[..PREFIX_BYTES].copy_from_slice(&prefix);
    Ok(bytes)
}

/// How many bytes follow `prefix`.
pub fn body_len(prefix: [u8; PREFIX_BYTES]) -> Result<usize, FrameError> {
    let n_bytes = u32::from_le_bytes(prefix) as usize;
    if n_bytes > MAX_FRAME_BYTES { Err(FrameError::TooLarge { n_bytes }) } else { Ok(n_bytes) }
}

/// The message in a frame's body.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, FrameError> {
    Ok(postcard::from_bytes(body)?)
}

/// Reads one frame; `None` where the stream ends cleanly between two.
pub fn read_frame<T: DeserializeOwned>(reader: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut prefix = [0; PREFIX_BYTES];
    match fill(reader, &mut prefix)? {
        0 => return Ok(None),
        PREFIX_BYTES => {}
        _ => return Err(FrameError::Truncated),
    }
    let mut body = vec![0; body_len(prefix)?];
    if fill(reader, &mut body)? < body.len() {
        return Err(FrameError::Truncated);
    }
    decode(&body).map(Some)
}

/// Writes one frame in a single write and flushes it.
pub fn write_frame<T: Serialize>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    writer.write_all(&encode(message)?)?;
    Ok(writer.flush()?)
}

/// Reads until `buffer` is full or the stream ends, and says how far it came.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;

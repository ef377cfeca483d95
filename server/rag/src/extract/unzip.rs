//! Archives that do not unpack to more than there may be.

use super::Unreadable;
use std::io::{Cursor, Read};
use zip::{ZipArchive, result::ZipError};

/// All that is unpacked of an archive together. Less in tests, which have to make such an archive first.
const MAX_UNPACKED_BYTES: u64 = if cfg!(test) { 3_000_000 } else { 300_000_000 };

/// An archive with a budget.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(unreadable)?;
        Ok(Self { zip, left: MAX_UNPACKED_BYTES })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// A file as text; `None` where there is none.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Unreadable> {
        let bytes = self.bytes(name)?;
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
        };
        Ok(bytes.map(text))
    }

    pub(super) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let file = match self.zip.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(err) => return Err(unreadable(err)),
        };
        let mut bytes = Vec::new();
        // What the archive says about sizes is not believed.
        file.take(self.left + 1).read_to_end(&mut bytes).map_err(Unreadable::broken)?;
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .ok_or(Unreadable::Bomb { limit: MAX_UNPACKED_BYTES })?;
        Ok(Some(bytes))
    }

    /// Makes sure that all of it together is within the budget, for libraries that unpack by themselves.
    pub(super) fn check_all(&mut self) -> Result<(), Unreadable> {
        for idx in 0..self.zip.len() {
            let mut file = self.zip.by_index(idx).map_err(unreadable)?;
            let n = std::io::copy(&mut (&mut file).take(self.left + 1), &mut std::io::sink())
                .map_err(Unreadable::broken)?;
            self.left = self.left.checked_sub(n).ok_or(Unreadable::Bomb { limit: MAX_UNPACKED_BYTES })?;
        }
        Ok(())
    }
}

fn unreadable(err: ZipError) -> Unreadable {
    match err {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => {
            Unreadable::Encrypted
        }
        err => Unreadable::broken(err),
    }
}

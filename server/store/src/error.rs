//! Why the database could not do it.

use sqlx::migrate::MigrateError;

/// `Display` is a sentence a person can read, with what to do where there is something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("it does not exist")]
    NotFound,
    #[error("it is in use or exists already")]
    Conflict,
    #[error("the disk is full; free some space and try again")]
    DiskFull,
    #[error("the database is locked by another program; end that program and try again")]
    Locked,
    #[error("the database was written by a newer version of this program; start that version")]
    Newer,
    #[error("the database file is damaged or no database; restore a backup or move it away")]
    Damaged,
    #[error("the database folder cannot be written")]
    ReadOnly,
    #[error("the database failed: {0}")]
    Other(String),
}

/// Primary result codes of SQLite, <https://www.sqlite.org/rescode.html>.
mod code {
    pub(super) const BUSY: i32 = 5;
    pub(super) const LOCKED: i32 = 6;
    pub(super) const READONLY: i32 = 8;
    pub(super) const CORRUPT: i32 = 11;
    pub(super) const FULL: i32 = 13;
    pub(super) const CANTOPEN: i32 = 14;
    pub(super) const CONSTRAINT: i32 = 19;
    pub(super) const NOTADB: i32 = 26;
}

impl From<sqlx::Error> for StoreError {
    fn from(err: sqlx::Error) -> Self {
        if matches!(err, sqlx::Error::RowNotFound) {
            return Self::NotFound;
        }
        let extended = err.as_database_error().and_then(|err| err.code()?.parse::<i32>().ok());
        // The low byte of an extended code is its primary code.
        match extended.map(|extended| extended & 0xff) {
            Some(code::BUSY | code::LOCKED) => Self::Locked,
            Some(code::READONLY | code::CANTOPEN) => Self::ReadOnly,
            Some(code::CORRUPT | code::NOTADB) => Self::Damaged,
            Some(code::FULL) => Self::DiskFull,
            Some(code::CONSTRAINT) => Self::Conflict,
            _ => Self::Other(err.to_string()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(err: MigrateError) -> Self {
        match err {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer,
            MigrateError::Execute(err) | MigrateError::ExecuteMigration(err, _) => err.into(),
            err => Self::Other(err.to_string()),
        }
    }
}

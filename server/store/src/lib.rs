//! Everything that is kept: sessions, messages, documents, settings, jobs, in one SQLite file.
//!
//! The only crate that knows SQL. One function per intention, each takes the person whose rows it may touch,
//! and returns plain data; no type of the database library leaves it. A function that returned has committed.

mod attached;
mod calls;
mod collections;
mod compare;
mod copies;
mod documents;
mod downloads;
mod draft_measures;
mod error;
mod filing;
mod folders;
mod images;
mod imports;
mod insist;
mod jobs;
mod kv_measures;
mod launch_profiles;
mod listed_models;
mod messages;
mod model_library;
mod passages;
mod probabilities;
mod prompts;
mod quant_measures;
mod samplers;
mod sampling_presets;
mod seen_prompts;
mod sessions;
mod settings;
mod sources;
mod speed_measures;
mod threads;
mod titles;
mod toolbox;
mod unspaced;
mod variants;
mod written;

pub use attached::{AttachedRow, PaperRow};
pub use calls::{CallResult, CallRow};
pub use collections::CollectionRow;
pub use compare::{ContestantRow, NewRun, RunRow, SlotRow, TallyRow};
pub use copies::{ForkedFrom, NewSession};
pub use documents::{Added, DocumentRow, IndexWork, Indexed, LackingVectors, NewDocument};
pub use downloads::{DownloadFile, DownloadRow, NewDownload};
pub use error::StoreError;
pub use folders::{WatchedFile, WatchedFolder};
pub use images::ImageRow;
pub use imports::{Choices, ImportCounts, ImportWork, ImportedSession};
pub use insist::{PAUSES, insist};
pub use jobs::{JobEnd, JobRow};
pub use messages::{LeftOutRow, MessageRow, NewTurn, Outcome, ThoughtRow, ThreadRows, TurnIds};
pub use model_library::{FileFact, FileStamp, ModelFolderRow, NewTrash, TrashRow, TrashedFile};
pub use passages::{NewPassage, PassageRow, Reading};
pub use probabilities::ProbabilityRow;
pub use sessions::SessionRow;
pub use sources::{CitedRow, Sources};
pub use toolbox::ServerRow;

use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use types::ids::TEMPORARY;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Long enough for another process's checkpoint, short enough to be told about.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;

/// The open database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    /// One connection: SQLite has one writer, and waiting in our queue is fairer than in its lock.
    write: SqlitePool,
    read: SqlitePool,
}

impl Store {
    /// Opens or creates the database and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let write = pool(1).connect_with(options.clone()).await?;
        MIGRATIONS.run(&write).await?;
        let read = pool(READERS).connect_with(options.read_only(true)).await?;
        Ok(Self { write, read })
    }

    /// A database that nothing is written of: it is gone with this process. Its sessions, messages and images have ids above
    /// [`TEMPORARY`].
    pub async fn open_in_memory() -> Result<Self, StoreError> {
        let options =
            SqliteConnectOptions::new().in_memory(true).foreign_keys(true).pragma("temp_store", "memory");
        // One connection, for reading too: every other one would be another database.
        let write = pool(1).min_connections(1).connect_with(options).await?;
        MIGRATIONS.run(&write).await?;
        for table in ["session", "message", "image"] {
            sqlx::query("insert into sqlite_sequence (name, seq) values (?, ?)")
                .bind(table)
                .bind(TEMPORARY)
                .execute(&write)
                .await?;
        }
        Ok(Self { read: write.clone(), write })
    }

    /// Waits for running statements and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(BUSY_TIMEOUT * 2)
        .idle_timeout(None)
        .max_lifetime(None)
}

#[cfg(test)]
mod tests;

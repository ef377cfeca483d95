//! Models that a browser sends. What arrived is kept when the connection breaks, and goes on from there.
//!
//! A file is told apart by its name, its length and when it was changed last. It has its name in our folder when it is whole and its header could be
//! read; until then it is in a folder that nothing looks into. There it keeps the time when it was changed last, so that whoever sends it again, since
//! an answer was lost, is told that it is here.

use crate::{
    Models, ModelsError,
    bring::safe_name,
    files::{self, Writers, check_space},
};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use types::shelf::MAX_UPLOAD_BYTES;

/// Where files are until they are whole.
const FOLDER: &str = ".uploads";
/// What nobody went on with for so long is thrown away.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked for that, beside whenever another file begins.
const LOOK: Duration = Duration::from_secs(3600);
/// More files that are not whole are not kept at once.
const MAX_UPLOADS: usize = 32;
/// Disks round times, some of them to so much.
const ROUNDED: Duration = Duration::from_secs(2);
const ENDINGS: [&str; 2] = ["gguf", "safetensors"];

/// Which file a browser sends.
#[derive(Clone, Copy, Debug)]
pub struct SentFile<'a> {
    pub name: &'a str,
    /// All of it, in bytes.
    pub size: u64,
    /// When it was changed last, in milliseconds since 1970.
    pub changed_ms: u64,
}

/// Where it is until it is whole, and then.
struct Upload {
    part: PathBuf,
    target: PathBuf,
    /// All of it is here, under its name.
    is_done: bool,
}

impl Models {
    /// How many bytes of a file are here, so that whoever sends it goes on from there.
    pub async fn upload_state(&self, file: SentFile<'_>) -> Result<u64, ModelsError> {
        let upload = self.upload(file).await?;
        if upload.is_done {
            return Ok(file.size);
        }
        let arrived = tokio::fs::metadata(&upload.part).await.map_or(0, |it| it.len());
        Ok(arrived.min(file.size))
    }

    /// Takes a part of a file, which begins at `offset`, and says how many bytes of it are here then; what arrived stays,
    /// whatever ends the part. When the last byte is there, the file is looked at and gets its name; until this has said so, a
    /// file is not done. An empty part at its end does the same for a file whose bytes are all here.
    pub async fn receive<E>(
        &self,
        sent: SentFile<'_>,
        offset: u64,
        mut body: impl Stream<Item = Result<impl AsRef<[u8]>, E>> + Unpin,
    ) -> Result<u64, ModelsError> {
        let SentFile { size, changed_ms: sent_ms, .. } = sent;
        let upload = self.upload(sent).await?;
        if upload.is_done {
            // Whoever sends it is not to take an answer in the middle for a broken connection.
            while let Some(Ok(_)) = body.next().await {}
            return Ok(size);
        }
        let writer = self.writers.begin(&upload.part).ok_or(ModelsError::BeingSent)?;
        let failed = |err| ModelsError::file(&upload.part)(err);
        let mut file = self.open_part(&upload, size, offset).await?;
        let mut n_bytes = offset;
        while let Some(Ok(part)) = body.next().await {
            let part = part.as_ref();
            if part.len() as u64 > size - n_bytes {
                return Err(ModelsError::WrongBytes { what: "more arrived than the file has" });
            }
            file.write_all(part).await.map_err(failed)?;
            n_bytes += part.len() as u64;
        }
        file.flush().await.map_err(failed)?;
        if n_bytes < size {
            // What is told of as here is here after a loss of power, too.
            file.sync_data().await.map_err(failed)?;
            return Ok(n_bytes);
        }
        drop(file);
        let finished = tokio::task::spawn_blocking(move || {
            // Also when nobody waits for it any more.
            let _writer = writer;
            finish(&upload, sent_ms)
        });
        let finished = finished.await;
        finished.unwrap_or_else(|err| Err(ModelsError::file("")(io::Error::other(err.to_string()))))?;
        Ok(n_bytes)
    }

    /// Throws away what nobody goes on with, now and again from now on, until the runtime ends.
    pub(crate) fn purge_uploads_hourly(&self) {
        let models = self.clone();
        tokio::spawn(async move {
            loop {
                models.purge_uploads().await;
                tokio::time::sleep(LOOK).await;
            }
        });
    }

    /// Throws away what nobody goes on with.
    pub(crate) async fn purge_uploads(&self) {
        let (folder, writers) = (self.library.folder().join(FOLDER), self.writers.clone());
        let purged = tokio::task::spawn_blocking(move || match purge(&folder, None, &writers) {
            // Nothing was ever sent.
            Err(err) if err.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(error = %err, "could not look for what was sent in part");
            }
            _ => {}
        });
        _ = purged.await;
    }

    async fn open_part(
        &self,
        upload: &Upload,
        size: u64,
        offset: u64,
    ) -> Result<tokio::fs::File, ModelsError> {
        let failed = |err| ModelsError::file(&upload.part)(err);
        let folder = self.library.folder().join(FOLDER);
        let (part, writers) = (upload.part.clone(), self.writers.clone());
        let left = size
            .checked_sub(offset)
            .ok_or(ModelsError::WrongBytes { what: "a part begins behind its end" })?;
        let room = tokio::task::spawn_blocking(move || {
            make_room(&folder, &part, &writers).map_err(ModelsError::file(&part))?;
            // What is whole needs no more.
            if left > 0 { check_space(&folder, left) } else { Ok(()) }
        });
        room.await.unwrap_or_else(|err| Err(failed(io::Error::other(err.to_string()))))?;
        let mut options = tokio::fs::OpenOptions::new();
        let mut file =
            options.create(true).write(true).truncate(false).open(&upload.part).await.map_err(failed)?;
        let arrived = file.metadata().await.map_err(failed)?.len();
        if offset > arrived {
            return Err(ModelsError::WrongBytes { what: "a part is missing before it" });
        }
        // What an earlier part still writes, whose sender has left, it writes where it belongs; so does this one.
        file.seek(SeekFrom::Start(offset)).await.map_err(failed)?;
        Ok(file)
    }

    async fn upload(&self, file: SentFile<'_>) -> Result<Upload, ModelsError> {
        let SentFile { name, size, changed_ms } = file;
        let ending = Path::new(name).extension().and_then(|it| it.to_str()).unwrap_or_default();
        let Some(ending) = ENDINGS.into_iter().find(|it| ending.eq_ignore_ascii_case(it)) else {
            return Err(ModelsError::Folder("a model is a GGUF or safetensors file".to_owned()));
        };
        if !(1..=MAX_UPLOAD_BYTES).contains(&size) {
            return Err(ModelsError::Folder("a file of that length is no model".to_owned()));
        }
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        let name = format!("{}.{ending}", safe_name(&stem));
        let own = self.library.folder();
        let target = own.join(&name);
        let there = tokio::fs::symlink_metadata(&target).await.ok();
        let is_done = there.as_ref().is_some_and(|there| is_it(there, file));
        if there.is_some() && !is_done {
            return Err(ModelsError::NameTaken(name));
        }
        let key = Sha256::digest(format!("{name} {size} {changed_ms}"));
        let key: String = key.iter().take(16).map(|it| format!("{it:02x}")).collect();
        Ok(Upload { part: own.join(FOLDER).join(key), target, is_done })
    }
}

/// Throws away what nobody goes on with, and says whether there is room for one more.
fn make_room(folder: &Path, part: &Path, writers: &Writers) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    if purge(folder, Some(part), writers)? >= MAX_UPLOADS {
        return Err(io::Error::other("too many files are being sent; let one of them end first"));
    }
    Ok(())
}

/// Throws away what nobody goes on with, but for `part`; gives how many others are left.
fn purge(folder: &Path, part: Option<&Path>, writers: &Writers) -> io::Result<usize> {
    let mut n_left = 0;
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if part.is_some_and(|part| part == path) {
            continue;
        }
        let changed = entry.metadata().and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let is_old = changed.elapsed().is_ok_and(|age| age > KEPT);
        // What is being written stays, however slow it is, and nobody begins to write what is removed.
        let writer = if is_old { writers.begin(&path) } else { None };
        if writer.is_none() {
            n_left += 1;
        } else if let Err(err) = fs::remove_file(&path) {
            tracing::warn!(error = %err, "what was sent in part is still there");
            n_left += 1;
        }
    }
    Ok(n_left)
}

/// Whether a file that has the name already is the one that is sent.
fn is_it(there: &fs::Metadata, sent: SentFile<'_>) -> bool {
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(sent.changed_ms));
    let is_time = |it: SystemTime| {
        let between = changed.map(|changed| it.duration_since(changed).unwrap_or_else(|err| err.duration()));
        between.is_some_and(|between| between < ROUNDED)
    };
    // Of a file without a time nobody can tell.
    let is_known = sent.changed_ms > 0 && there.is_file() && there.len() == sent.size;
    is_known && there.modified().is_ok_and(is_time)
}

/// A file that is no model goes: sending it again would not help.
fn finish(upload: &Upload, changed_ms: u64) -> Result<(), ModelsError> {
    let Upload { part, target, .. } = upload;
    let is_gguf = target.extension().is_some_and(|it| it == "gguf");
    let read = match is_gguf {
        true => gguf::read_header(part).map(drop).map_err(|err| err.to_string()),
        false => weights::read_header(part).map(drop).map_err(|err| err.to_string()),
    };
    if let Err(problem) = read {
        fs::remove_file(part).map_err(ModelsError::file(part))?;
        return Err(ModelsError::Broken { path: target.file_name().unwrap_or_default().into(), problem });
    }
    // Another file of that name may have come meanwhile.
    files::finish(part, target).map_err(files::not_placed(target))?;
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(changed_ms));
    let file = fs::File::options().write(true).open(target);
    // Without its time it is here all the same; sending it again is refused then.
    _ = file.and_then(|file| changed.filter(|_| changed_ms > 0).map_or(Ok(()), |it| file.set_modified(it)));
    Ok(())
}

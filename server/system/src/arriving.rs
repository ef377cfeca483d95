//! Files that arrive piece by piece: there only when they are whole, and never in memory.

use futures::{Stream, StreamExt};
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{fs::File, io::AsyncWriteExt};

/// Why a file did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    #[error("the file is empty")]
    Empty,
    #[error("the file is too large")]
    TooLarge,
    #[error("the file did not arrive whole")]
    BrokeOff,
    #[error("the file could not be kept: {0}")]
    File(#[source] io::Error),
}

/// A file that is whole and on the disk, and goes unless it is given its name.
#[derive(Debug)]
pub struct Arrived {
    path: PathBuf,
    /// How many bytes it has.
    pub n_bytes: u64,
}

impl Arrived {
    /// Writes what `bytes` gives into a new file, and shows `look` every piece. Nothing is left of what does not come to its end, is
    /// empty, or has more than `most_bytes`.
    pub async fn receive<B: AsRef<[u8]>, E>(
        path: PathBuf,
        bytes: impl Stream<Item = Result<B, E>>,
        most_bytes: u64,
        mut look: impl FnMut(&[u8]),
    ) -> Result<Self, ArrivalError> {
        let mut file = File::create_new(&path).await.map_err(ArrivalError::File)?;
        let mut arrived = Self { path, n_bytes: 0 };
        let mut bytes = std::pin::pin!(bytes);
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|_| ArrivalError::BrokeOff)?;
            arrived.n_bytes += piece.as_ref().len() as u64;
            if arrived.n_bytes > most_bytes {
                return Err(ArrivalError::TooLarge);
            }
            look(piece.as_ref());
            file.write_all(piece.as_ref()).await.map_err(ArrivalError::File)?;
        }
        if arrived.n_bytes == 0 {
            return Err(ArrivalError::Empty);
        }
        file.sync_all().await.map_err(ArrivalError::File)?;
        Ok(arrived)
    }

    /// Gives it its name, in the place of what had that.
    pub async fn keep_as(self, path: &Path) -> Result<(), ArrivalError> {
        tokio::fs::rename(&self.path, path).await.map_err(ArrivalError::File)
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{ArrivalError, Arrived};
    use futures::stream;

    async fn receive(folder: &std::path::Path, pieces: &[Result<&str, ()>]) -> Result<Arrived, ArrivalError> {
        Arrived::receive(folder.join("x.part"), stream::iter(pieces.to_vec()), 6, |_| ()).await
    }

    #[tokio::test]
    async fn a_file_is_kept_whole_and_nothing_is_left_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let n_files = || std::fs::read_dir(folder.path()).unwrap().count();
        let arrived = receive(folder.path(), &[Ok("one"), Ok("two")]).await.unwrap();
        assert_eq!(arrived.n_bytes, 6);
        arrived.keep_as(&folder.path().join("whole")).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("whole")).unwrap(), "onetwo");
        drop(receive(folder.path(), &[Ok("one")]).await.unwrap());
        let check = async |pieces: &[Result<&str, ()>], expected: &str| {
            let err = receive(folder.path(), pieces).await.unwrap_err();
            assert!(err.to_string().contains(expected), "{err}");
        };
        check(&[], "empty").await;
        check(&[Ok("")], "empty").await;
        check(&[Ok("one"), Ok("more")], "too large").await;
        check(&[Ok("one"), Err(())], "whole").await;
        assert_eq!(n_files(), 1);
    }
}

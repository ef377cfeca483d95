//! The official Python client, unchanged, against this server.

use crate::support::{Server, command};
use std::{env, path::PathBuf};

const CLIENT: &str = "openai==3.54.0";
const SCRIPT: &str = include_str!("openai_client.py");

/// The system's Python.
pub(crate) fn python() -> PathBuf {
    let names: &'static [&str] =
        if cfg!(windows) { &["python.exe", "python3.exe"] } else { &["python3", "python"] };
    let folders = env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        env::split_paths(&folders).flat_map(|folder| names.iter().map(move |name| folder.join(name)));
    candidates
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("this test needs Python 3 on the search path"))
}

/// An environment with the client in it, kept in the build folder.
async fn python_with_client() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("openai-client");
    let inside = if cfg!(windows) { folder.join("Scripts/python.exe") } else { folder.join("bin/python") };
    let asks = ["-c", "import openai; print(openai.__version__)"];
    let present = command(&inside).args(asks).output().await;
    if present.is_ok_and(|output| output.status.success() && CLIENT.ends_with(text(&output.stdout).trim())) {
        return inside;
    }
    let made = command(python()).args(["-m", "venv", "--clear"]).arg(&folder).output().await.unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let installed = command(&inside)
        .args(["-m", "pip", "install", "--quiet", "--prefer-binary", CLIENT])
        .output()
        .await
        .unwrap();
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    inside
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn the_official_client_works_unchanged() {
    let python = python_with_client().await;
    let server = Server::with_model().await;
    let output = command(python).args(["-c", SCRIPT, &server.address]).output().await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).trim(), "ok");
    server.stop().await;
}

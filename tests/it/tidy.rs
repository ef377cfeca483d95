//! Rules about the code itself that no compiler holds: which crate may use which, and what is said where.

use cargo_metadata::{Metadata, MetadataCommand, Package};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Crates by level: a crate may use those of lower levels.
const LEVELS: &[&[&str]] = &[
    &["types"],
    &["store", "system", "protocol", "markup", "gguf", "weights"],
    &["jobs", "inference", "prompts", "engine", "candle", "transcripts", "tools", "hub", "convert"],
    &["models", "compare", "sandbox", "toolbox"],
    &["rag"],
    &["chat"],
    &["state"],
    &["api", "app"],
    &["server"],
];
/// The workers' crates: they see the vocabulary and the frames, and only the binary sees them.
const WORKERS: &[&str] = &["engine", "candle"];
const WORKERS_MAY_USE: &[&str] = &["types", "protocol", "candle", "gguf"];
/// Not part of the product's layers.
const OUTSIDE: &[&str] = &["xtask", "tests"];
/// The crates whose code runs while somebody waits for an answer.
const REQUEST_PATHS: &[&str] = &["app", "server"];
/// Where memory safety is argued by hand.
const UNSAFE_FILES: &[&str] = &[
    "server/engine/src/llama/raw.rs",
    "server/engine/src/llama/raw/heads.rs",
    "server/engine/src/llama/raw/projector.rs",
    "server/engine/src/llama/raw/pulse.rs",
    "server/engine/src/llama/raw/recurrent.rs",
    "server/engine/src/llama/raw/sizes.rs",
];

fn metadata() -> Metadata {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap()
}

fn root() -> PathBuf {
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    here.parent().unwrap().to_owned()
}

fn level_of(name: &str) -> usize {
    let level = LEVELS.iter().position(|level| level.contains(&name));
    level.unwrap_or_else(|| {
        panic!("crate {name} has no level: give it one in this test and in ARCHITECTURE.md")
    })
}

#[test]
fn dependencies_point_down() {
    let metadata = metadata();
    let local: Vec<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|package| !OUTSIDE.contains(&package.name.as_str())) {
        for used in uses(package).filter(|used| local.contains(used)) {
            if !may_use(package.name.as_str(), used) {
                wrong.push(format!("{} → {used}", package.name));
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the architecture does not have: {wrong:?}");
}

fn uses(package: &Package) -> impl Iterator<Item = &str> {
    let normal =
        package.dependencies.iter().filter(|used| used.kind == cargo_metadata::DependencyKind::Normal);
    normal.map(|used| used.name.as_str())
}

fn may_use(user: &str, used: &str) -> bool {
    match user {
        // In the browser there is the app and nothing below it; what the app uses on the server is optional.
        "frontend" => ["app", "types"].contains(&used),
        "server" => true,
        _ if WORKERS.contains(&user) => WORKERS_MAY_USE.contains(&used),
        _ => !WORKERS.contains(&used) && level_of(used) < level_of(user),
    }
}

#[test]
fn the_browsers_side_of_the_app_has_no_server_in_it() {
    let metadata = metadata();
    let app = metadata.packages.iter().find(|package| package.name.as_str() == "app").unwrap();
    let always: Vec<&str> = app
        .dependencies
        .iter()
        .filter(|used| used.path.is_some() && !used.optional)
        .filter(|used| used.kind == cargo_metadata::DependencyKind::Normal)
        .map(|used| used.name.as_str())
        .collect();
    assert_eq!(always, ["types"]);
}

#[test]
fn sql_is_written_in_the_store_only() {
    let wrong = lines_of(&["app", "server"], |file, line| {
        let line = line.to_lowercase();
        let speaks_sql = line.contains("sqlx::")
            || ["\"select ", "\"insert into ", "\"update ", "\"delete from ", "\"create table "]
                .iter()
                .any(|start| line.contains(start));
        speaks_sql && !file.starts_with("server/store/")
    });
    assert!(wrong.is_empty(), "SQL outside server/store: {wrong:#?}");
}

#[test]
fn request_paths_do_not_panic_on_purpose() {
    let wrong = lines_of(REQUEST_PATHS, |_, line| {
        [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("]
            .iter()
            .any(|call| line.contains(call))
    });
    assert!(wrong.is_empty(), "code that panics: {wrong:#?}");
}

#[test]
fn unsafe_code_is_where_it_is_expected_and_says_why() {
    let wrong = lines_of(&["app", "frontend", "server", "xtask"], |file, line| {
        let is_unsafe =
            line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl");
        is_unsafe && !UNSAFE_FILES.contains(&file)
    });
    assert!(wrong.is_empty(), "unsafe code outside {UNSAFE_FILES:?}: {wrong:#?}");
    for file in UNSAFE_FILES {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let blocks = text.matches("unsafe {").count() + text.matches("unsafe impl").count();
        let reasons = text.matches("SAFETY:").count();
        assert!(reasons >= blocks, "{file}: {blocks} unsafe blocks, {reasons} reasons");
    }
}

#[test]
fn every_crate_opens_with_its_purpose() {
    for package in metadata().packages {
        for target in package.targets.iter().filter(|target| !target.is_custom_build()) {
            let text = fs::read_to_string(&target.src_path).unwrap();
            assert!(text.starts_with("//! "), "{} does not say what it is for", target.src_path);
        }
    }
}

#[test]
fn the_list_of_crates_is_complete() {
    let known: usize = LEVELS.iter().map(|level| level.len()).sum();
    let local = metadata().packages.len() - OUTSIDE.len() - 1;
    assert_eq!(known, local, "a crate is missing from the levels, or one of them is gone");
}

/// Lines of code (tests and comments left out) in which `is_wrong`, as `file:line: text`.
fn lines_of(folders: &[&str], is_wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, text) in sources(folders) {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            let line = line.trim_start();
            if !line.starts_with("//") && is_wrong(&file, line) {
                wrong.push(format!("{file}:{}: {line}", number + 1));
            }
        }
    }
    wrong
}

/// Rust files below `folders` by their path from the root, `/` between its parts; test files left out.
fn sources(folders: &[&str]) -> BTreeMap<String, String> {
    let root = root();
    let mut found = BTreeMap::new();
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") && !is_test(&path) {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(found.len() > 3, "no sources found below {}", root.display());
    found
}

/// Tests, and what runs while the product is built.
fn is_test(path: &Path) -> bool {
    let in_tests = path.components().any(|part| part.as_os_str() == "tests");
    in_tests || path.file_stem().is_some_and(|stem| stem == "tests" || stem == "build")
}

//! Bringing a model that is on this machine already into our own folder: as a link, as one file under two names, as a copy,
//! or by moving it. What is there is never written over, and a copy has its name when it is whole.

use crate::{
    Models, ModelsError,
    files::{self, Writer, check_space},
    library::walk::{Found, Layout, layout_of},
    naming, projectors,
};
use jobs::{JobHandle, Progress};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use types::{
    ids::{ModelId, UserId},
    job::JobKind,
    shelf::Bringing,
};

const PART_BYTES: usize = 4 << 20;
/// How often it is looked how far it is.
const TELL: Duration = Duration::from_millis(300);
/// More files are no model.
const MAX_FILES: usize = 4_000;
const MAX_DEPTH: usize = 6;
/// Begins the names of folders in which something is until it is whole. They are not looked into.
const STAGE: &str = ".bringing-";
/// The longest name that a file gets, in bytes.
const MAX_NAME_BYTES: usize = 180;

/// Which file becomes which; targets are below our folder.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    files: Vec<(PathBuf, PathBuf)>,
    /// A folder that is brought as a whole, and what it becomes.
    folder: Option<(PathBuf, PathBuf)>,
    n_bytes: u64,
}

impl Models {
    /// Brings a file or folder of this machine into our own folder, as a job. Returns when it has started.
    pub async fn bring(&self, user: UserId, path: &str, how: Bringing) -> Result<(), ModelsError> {
        let path = PathBuf::from(path.trim());
        self.start_bringing(user, how, move |own| plan_of_path(&path, own)).await
    }

    /// Likewise a model of the library that is in another program's folder. What that program keeps a list of is not moved
    /// away from it.
    pub async fn adopt(&self, user: UserId, id: &ModelId, how: Bringing) -> Result<(), ModelsError> {
        let (library, wanted) = (self.library.clone(), id.clone());
        let shelved = tokio::task::spawn_blocking(move || library.shelved_one(&wanted)).await.ok().flatten();
        let (found, known) = shelved.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        if found.label.is_none() {
            return Err(ModelsError::Kept("it is in our own folder already"));
        }
        if let Some(problem) = found.problem {
            return Err(ModelsError::Broken { path: found.path, problem });
        }
        if found.listed_by.is_some() && how == Bringing::Move {
            return Err(ModelsError::Kept("the other program would look for it: link or copy it instead"));
        }
        let projector = found.projector.clone().or_else(|| known.ok().and_then(|it| it.projector));
        self.start_bringing(user, how, move |own| plan_of_found(&found, projector.as_deref(), own)).await
    }

    /// Clears away what was half brought when the last process ended: whatever is in there is where it came from, too.
    pub(crate) async fn clear_half_brought(&self) {
        let own = self.library.folder().to_owned();
        let clear = move || {
            let entries = fs::read_dir(&own).into_iter().flatten().flatten();
            for entry in entries.filter(|it| it.file_name().to_string_lossy().starts_with(STAGE)) {
                if let Err(err) = fs::remove_dir_all(entry.path()) {
                    tracing::warn!(error = %err, "what was half brought is still there");
                }
            }
        };
        _ = tokio::task::spawn_blocking(clear).await;
    }

    async fn start_bringing(
        &self,
        user: UserId,
        how: Bringing,
        plan: impl FnOnce(&Path) -> Result<Plan, ModelsError> + Send + 'static,
    ) -> Result<(), ModelsError> {
        let own = self.library.folder().to_owned();
        let planned = tokio::task::spawn_blocking(move || {
            let plan = plan(&own)?;
            check(&plan, how, &own)?;
            Ok(plan)
        });
        let plan = planned.await.unwrap_or_else(|err| Err(died(&err)))?;
        let target = plan.target().to_owned();
        let name = name_of(&target);
        let writer = self.writers.begin(&target).ok_or(ModelsError::Kept("it is being brought already"))?;
        let job = self.jobs.start(user, JobKind::BringModel, &name).await?;
        tokio::spawn(run(plan, how, job, writer));
        Ok(())
    }
}

impl Plan {
    /// The folder that comes of it, or the first file.
    fn target(&self) -> &Path {
        self.folder.as_ref().or(self.files.first()).map_or(Path::new(""), |(_, target)| target)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether it can be done without losing anything.
fn check(plan: &Plan, how: Bringing, own: &Path) -> Result<(), ModelsError> {
    if let Some(target) = taken(plan) {
        return Err(ModelsError::NameTaken(name_of(target)));
    }
    // What links lead to belongs to whoever made them: a model would be torn from its files.
    let is_link = |path: &Path| fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    let is_behind_link = |(source, _): &(PathBuf, PathBuf)| {
        let top = plan.folder.as_ref().map_or(source.as_path(), |(folder, _)| folder);
        source.ancestors().take_while(|it| it.starts_with(top)).any(is_link)
    };
    if how == Bringing::Move && plan.folder.iter().chain(&plan.files).any(is_behind_link) {
        return Err(ModelsError::Kept("its files are links into another folder: link or copy it instead"));
    }
    match how {
        Bringing::Copy => check_space(own, plan.n_bytes),
        _ => Ok(()),
    }
}

async fn run(plan: Plan, how: Bringing, job: JobHandle, writer: Writer) {
    let n_bytes = plan.n_bytes;
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let watched = (done.clone(), stop.clone());
    let mut work = tokio::task::spawn_blocking(move || bring(&plan, how, &watched.0, &watched.1));
    let cancelled = job.cancellation();
    let mut tell = tokio::time::interval(TELL);
    let brought = loop {
        tokio::select! {
            brought = &mut work => break brought,
            () = cancelled.cancelled(), if !stop.load(Ordering::Relaxed) => stop.store(true, Ordering::Relaxed),
            _ = tell.tick() => {
                let fraction = (n_bytes > 0).then(|| done.load(Ordering::Relaxed) as f32 / n_bytes as f32);
                job.progress(Progress { fraction, ..Progress::default() });
            }
        }
    };
    // Whoever hears of the end may bring it again.
    drop(writer);
    match brought {
        Ok(Ok(())) => job.done().await,
        Ok(Err(ModelsError::Kept(_))) if stop.load(Ordering::Relaxed) => {}
        Ok(Err(err)) => job.failed(err.to_string()).await,
        Err(err) => job.failed(died(&err).to_string()).await,
    }
}

fn died(err: &tokio::task::JoinError) -> ModelsError {
    ModelsError::file("")(io::Error::other(err.to_string()))
}

/// What is at a path that a person named.
fn plan_of_path(path: &Path, own: &Path) -> Result<Plan, ModelsError> {
    let refused = |why: &str| Err(ModelsError::Folder(why.to_owned()));
    if !path.is_absolute() {
        return refused("its whole path is needed, from the root on");
    }
    let real = fs::canonicalize(path).map_err(ModelsError::file(path))?;
    if fs::canonicalize(own).is_ok_and(|own| real.starts_with(&own) || path.starts_with(&own)) {
        return refused("it is in our own folder already");
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if real.is_dir() {
        let Some(layout) = layout_of(&real) else {
            return refused("there is no model in that folder; add it as a folder of models instead");
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return plan_of_found(&Found::new(ModelId(name), layout, real), None, own);
    }
    let ends_in = |ending: &str| real.extension().is_some_and(|it| it.eq_ignore_ascii_case(ending));
    let found = if ends_in("gguf") || path.extension().is_some_and(|it| it.eq_ignore_ascii_case("gguf")) {
        gguf::read_header(&real)
            .map_err(|err| ModelsError::Broken { path: path.into(), problem: err.to_string() })?;
        let parts = parts_beside(path);
        Found { parts, ..Found::new(ModelId(name), Layout::Gguf, path.to_owned()) }
    } else if ends_in("safetensors") {
        let read = weights::read_header(&real);
        read.map_err(|err| ModelsError::Broken { path: path.into(), problem: err.to_string() })?;
        Found::new(ModelId(name), Layout::Checkpoint, path.to_owned())
    } else {
        return refused("a model is a GGUF or safetensors file, or a folder of one");
    };
    plan_of_found(&found, None, own)
}

/// All files of the model of which `path` is one; nothing where it is the only one.
fn parts_beside(path: &Path) -> Vec<PathBuf> {
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let whole = stem(path);
    let Some(part) = gguf::part_of(&whole) else { return Vec::new() };
    let entries = path.parent().and_then(|it| fs::read_dir(it).ok()).into_iter().flatten().flatten();
    let is_part = |other: &PathBuf| {
        let stem = stem(other);
        gguf::part_of(&stem).is_some_and(|it| it.name == part.name && it.n_files == part.n_files)
    };
    let mut parts: Vec<_> = entries.map(|it| it.path()).filter(is_part).take(MAX_FILES).collect();
    parts.sort();
    parts
}

/// Under the model's name, or where that is taken, with its folder's before it.
fn plan_of_found(found: &Found, projector: Option<&Path>, own: &Path) -> Result<Plan, ModelsError> {
    let [name, longer] = naming::file_names(&found.id);
    let plan = plan_named(found, projector, own, &name)?;
    if taken(&plan).is_none() {
        return Ok(plan);
    }
    let other = plan_named(found, projector, own, &longer)?;
    Ok(if taken(&other).is_none() { other } else { plan })
}

fn plan_named(found: &Found, projector: Option<&Path>, own: &Path, name: &str) -> Result<Plan, ModelsError> {
    let ending = match found.layout {
        Layout::Gguf => "gguf",
        Layout::Checkpoint => "safetensors",
        Layout::Folder | Layout::Pipeline => {
            let target = own.join(name);
            let files = files_below(&found.path, &target)?;
            let n_bytes = sum(&files);
            return Ok(Plan { files, folder: Some((found.path.clone(), target)), n_bytes });
        }
    };
    let mut files: Vec<(PathBuf, PathBuf)> = match found.files() {
        [one] => vec![(one.clone(), own.join(format!("{name}.{ending}")))],
        several => {
            // Who names one of the parts means all of them.
            let name = gguf::part_of(name).map_or(name, |it| it.name);
            let named = |part: &PathBuf| {
                let stem = part.file_stem().unwrap_or_default().to_string_lossy();
                let number = gguf::part_of(&stem);
                let number = number.map(|it| format!("-{:05}-of-{:05}", it.number, it.n_files));
                let number = number.unwrap_or_default();
                (part.clone(), own.join(format!("{name}{number}.{ending}")))
            };
            several.iter().map(named).collect()
        }
    };
    files.extend(projector.map(|it| (it.to_owned(), own.join(projectors::name_for(name)))));
    let n_bytes = sum(&files);
    Ok(Plan { files, folder: None, n_bytes })
}

/// Where something is already of what is to be written.
fn taken(plan: &Plan) -> Option<&Path> {
    let targets = plan.folder.iter().chain(&plan.files).map(|(_, target)| target.as_path());
    targets.into_iter().find(|target| fs::symlink_metadata(target).is_ok())
}

fn sum(files: &[(PathBuf, PathBuf)]) -> u64 {
    files.iter().map(|(source, _)| fs::metadata(source).map_or(0, |it| it.len())).sum()
}

/// A name that every system takes as a file's: nothing that leads elsewhere, and nothing that a shell or a disk minds.
pub(crate) fn safe_name(name: &str) -> String {
    let kept = |char: char| if char.is_alphanumeric() || "-_. +()[]".contains(char) { char } else { '-' };
    let mut safe: String = name.chars().map(kept).collect();
    safe.truncate(safe.floor_char_boundary(MAX_NAME_BYTES));
    let safe = safe.trim_matches(|char: char| char == '.' || char.is_whitespace());
    if safe.is_empty() { "model".to_owned() } else { safe.to_owned() }
}

/// Every file below a folder, and where it goes.
fn files_below(folder: &Path, target: &Path) -> Result<Vec<(PathBuf, PathBuf)>, ModelsError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), target.to_owned(), 0)];
    while let Some((folder, target, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(ModelsError::file(&folder))? {
            let entry = entry.map_err(ModelsError::file(&folder))?;
            let (path, target) = (entry.path(), target.join(entry.file_name()));
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            if path.is_dir() && depth < MAX_DEPTH && !is_hidden {
                folders.push((path, target, depth + 1));
            } else if path.is_file() {
                files.push((path, target));
            }
            if files.len() > MAX_FILES {
                return Err(ModelsError::Folder(format!("it has more than {MAX_FILES} files")));
            }
        }
    }
    Ok(files)
}

fn bring(plan: &Plan, how: Bringing, done: &AtomicU64, stop: &AtomicBool) -> Result<(), ModelsError> {
    let Some((folder, target)) = &plan.folder else {
        return if how == Bringing::Link { link_files(plan) } else { bring_files(plan, how, done, stop) };
    };
    let as_one = match how {
        Bringing::Link => system::links::link_folder(folder, target),
        Bringing::Move => fs::rename(folder, target),
        Bringing::HardLink | Bringing::Copy => return bring_files(plan, how, done, stop),
    };
    match as_one {
        Err(err) if err.kind() == io::ErrorKind::CrossesDevices => bring_files(plan, how, done, stop),
        as_one => as_one.map_err(files::not_placed(target)),
    }
}

/// A link is whole at once.
fn link_files(plan: &Plan) -> Result<(), ModelsError> {
    let mut named = Named::default();
    for (source, target) in &plan.files {
        // What a link leads to, so that the entry goes on without the link.
        let real = fs::canonicalize(source).map_err(ModelsError::file(source))?;
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(ModelsError::file(folder))?;
        }
        system::links::link_file(&real, target).map_err(files::not_placed(target))?;
        named.0.push(target.clone());
    }
    named.0.clear();
    Ok(())
}

/// File by file. What is moved is taken away when all of it is here.
fn bring_files(plan: &Plan, how: Bringing, done: &AtomicU64, stop: &AtomicBool) -> Result<(), ModelsError> {
    let stage = Stage::begin(plan.target())?;
    let places = stage.places(plan);
    for ((source, _), place) in plan.files.iter().zip(&places) {
        bring_one(source, place, how, done, stop)?;
    }
    stage.give_names(plan, &places)?;
    if how == Bringing::Move {
        take_away(plan);
    }
    Ok(())
}

/// Only what is here: a folder goes if nothing is left in it.
fn take_away(plan: &Plan) {
    for (source, _) in &plan.files {
        // What cannot be taken away is there twice, which loses nothing.
        _ = fs::remove_file(source);
    }
    let Some((root, _)) = &plan.folder else { return };
    let folders = plan.files.iter().flat_map(|(source, _)| source.ancestors().skip(1));
    let folders: BTreeSet<_> = folders.filter(|it| it.starts_with(root)).collect();
    for folder in folders.into_iter().rev() {
        _ = fs::remove_dir(folder);
    }
}

fn bring_one(
    source: &Path,
    place: &Path,
    how: Bringing,
    done: &AtomicU64,
    stop: &AtomicBool,
) -> Result<(), ModelsError> {
    if let Some(folder) = place.parent() {
        fs::create_dir_all(folder).map_err(ModelsError::file(folder))?;
    }
    // What a link leads to, so that the entry goes on without the link.
    let real = fs::canonicalize(source).map_err(ModelsError::file(source))?;
    let brought = match how {
        Bringing::Link => system::links::link_file(&real, place),
        Bringing::HardLink => fs::hard_link(&real, place),
        Bringing::Copy => return copy(&real, place, done, stop),
        // Under both names at first, where that can be.
        Bringing::Move => match fs::hard_link(&real, place) {
            Err(_) => return copy(&real, place, done, stop),
            linked => linked,
        },
    };
    brought.map_err(ModelsError::file(place))
}

fn copy(source: &Path, place: &Path, done: &AtomicU64, stop: &AtomicBool) -> Result<(), ModelsError> {
    let mut from = File::open(source).map_err(ModelsError::file(source))?;
    let size = from.metadata().map_err(ModelsError::file(source))?.len();
    check_space(place.parent().unwrap_or(place), size)?;
    let mut to = File::create_new(place).map_err(ModelsError::file(place))?;
    let mut buffer = vec![0; PART_BYTES];
    let mut n_copied = 0;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(ModelsError::Kept("bringing it was cancelled"));
        }
        let n = from.read(&mut buffer).map_err(ModelsError::file(source))?;
        if n == 0 {
            break;
        }
        to.write_all(buffer.get(..n).unwrap_or_default()).map_err(ModelsError::file(place))?;
        n_copied += n as u64;
        done.fetch_add(n as u64, Ordering::Relaxed);
    }
    if n_copied != size {
        return Err(ModelsError::WrongBytes { what: "it changed while it was copied" });
    }
    to.sync_all().map_err(ModelsError::file(place))
}

/// Where something is until all of it is whole. What is left there goes.
struct Stage(PathBuf);

impl Stage {
    /// Beside what comes of it, so that it is on the same disk.
    fn begin(target: &Path) -> Result<Self, ModelsError> {
        let stage = Self(target.with_file_name(format!("{STAGE}{}", name_of(target))));
        // What an earlier one could not remove would be in the way.
        _ = fs::remove_dir_all(&stage.0);
        fs::create_dir_all(&stage.0).map_err(ModelsError::file(&stage.0))?;
        Ok(stage)
    }

    /// Where each file of a plan is until then.
    fn places(&self, plan: &Plan) -> Vec<PathBuf> {
        let place = |(_, target): &(PathBuf, PathBuf)| match &plan.folder {
            Some((_, folder)) => self.0.join(target.strip_prefix(folder).unwrap_or(target)),
            None => self.0.join(name_of(target)),
        };
        plan.files.iter().map(place).collect()
    }

    /// Gives what is whole its name, or its names: all of them, or where somebody has one of them by now, none.
    fn give_names(&self, plan: &Plan, places: &[PathBuf]) -> Result<(), ModelsError> {
        if let Some((_, target)) = &plan.folder {
            return self.become_folder(target, places);
        }
        let mut named = Named::default();
        for ((_, target), place) in plan.files.iter().zip(places) {
            system::names::place(place, target).map_err(files::not_placed(target))?;
            named.0.push(target.clone());
        }
        named.0.clear();
        Ok(())
    }

    fn become_folder(&self, target: &Path, places: &[PathBuf]) -> Result<(), ModelsError> {
        let folders = places.iter().flat_map(|it| it.ancestors().skip(1));
        let folders: BTreeSet<_> = folders.filter(|it| it.starts_with(&self.0)).collect();
        for folder in folders {
            system::names::sync_folder_of(&folder.join("file")).map_err(ModelsError::file(folder))?;
        }
        fs::rename(&self.0, target).map_err(files::not_placed(target))?;
        system::names::sync_folder_of(target).map_err(ModelsError::file(target))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Files that lose their names again, unless all got theirs.
#[derive(Default)]
struct Named(Vec<PathBuf>);

impl Drop for Named {
    fn drop(&mut self) {
        for path in &self.0 {
            _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::walk::models_in;

    #[test]
    fn what_is_moved_file_by_file_takes_nothing_away_that_is_not_here() {
        let home = tempfile::tempdir().unwrap();
        let (source, target) = (home.path().join("there"), home.path().join("own").join("model"));
        for place in ["config.json", "vae/weights", ".cache/kept", "a/b/c/d/e/f/g/deep"] {
            let path = place.split('/').fold(source.clone(), |path, name| path.join(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, place).unwrap();
        }
        let files = files_below(&source, &target).unwrap();
        let plan = Plan { n_bytes: sum(&files), files, folder: Some((source.clone(), target.clone())) };
        bring_files(&plan, Bringing::Move, &AtomicU64::new(0), &AtomicBool::new(false)).unwrap();
        assert_eq!(fs::read(target.join("vae").join("weights")).unwrap(), b"vae/weights");
        assert!(!source.join("vae").exists() && !source.join("config.json").exists());
        // Neither is a part of the model.
        assert_eq!(fs::read(source.join(".cache").join("kept")).unwrap(), b".cache/kept");
        let deep =
            ["a", "b", "c", "d", "e", "f", "g", "deep"].iter().fold(source, |path, name| path.join(name));
        assert!(deep.exists());
    }

    #[test]
    fn what_is_half_here_is_no_model_and_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let [source, own] = ["there", "own"].map(|name| home.path().join(name));
        fs::create_dir_all(source.join("vae")).unwrap();
        for place in ["model_index.json", "config.json"] {
            fs::write(source.join(place), "{}").unwrap();
        }
        fs::write(source.join("vae").join("model.safetensors"), "weights").unwrap();
        let target = own.join("sky");
        let files = files_below(&source, &target).unwrap();
        let plan = Plan { n_bytes: sum(&files), files, folder: Some((source.clone(), target.clone())) };
        let stage = Stage::begin(&target).unwrap();
        let places = stage.places(&plan);
        let (done, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        for ((source, _), place) in plan.files.iter().zip(&places) {
            bring_one(source, place, Bringing::Copy, &done, &stop).unwrap();
            assert!(models_in(&own, None).is_empty() && !target.exists());
        }
        drop(stage);
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
        // The same where somebody has the name by now.
        fs::write(&target, "sent meanwhile").unwrap();
        let brought = bring(&plan, Bringing::Copy, &done, &stop);
        assert!(matches!(brought, Err(ModelsError::NameTaken(name)) if name == "sky"));
        assert_eq!(fs::read(&target).unwrap(), b"sent meanwhile");
        assert_eq!(fs::read_dir(&own).unwrap().count(), 1);
    }

    #[test]
    fn what_came_while_it_was_copied_is_not_replaced() {
        for how in Bringing::ALL {
            let home = tempfile::tempdir().unwrap();
            let [source, target] = ["there.gguf", "here.gguf"].map(|name| home.path().join(name));
            fs::write(&source, "of another program").unwrap();
            fs::write(&target, "sent meanwhile").unwrap();
            let files = vec![(source.clone(), target.clone())];
            let plan = Plan { n_bytes: sum(&files), files, folder: None };
            let brought = bring(&plan, how, &AtomicU64::new(0), &AtomicBool::new(false));
            assert!(matches!(brought, Err(ModelsError::NameTaken(name)) if name == "here.gguf"), "{how:?}");
            assert_eq!(fs::read(&target).unwrap(), b"sent meanwhile", "{how:?}");
            assert!(source.exists() && fs::read_dir(home.path()).unwrap().count() == 2, "{how:?}");
        }
    }

    #[test]
    fn names_lead_nowhere_else() {
        let check = |name: &str, expected: &str| assert_eq!(safe_name(name), expected);
        check("Qwen3-4B-Q4_K_M", "Qwen3-4B-Q4_K_M");
        check("llama3:8b", "llama3-8b");
        check("..", "model");
        check("../x", "-x");
        check("a\\b\0c", "a-b-c");
        check(" trailing. ", "trailing");
        check("模型 1", "模型 1");
        assert_eq!(safe_name(&"ü".repeat(200)).len(), 180);
    }
}

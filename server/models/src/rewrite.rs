//! Writing a model anew: folders of safetensors as GGUF or for MLX, and GGUF files with fewer bits. What comes of it is a model
//! of our own folder beside the first.

use crate::{
    Models, ModelsError, ended,
    files::{self, Gone, Writer, beside, check_space},
    library::{
        size_of,
        walk::{Found, Layout},
    },
    naming::file_names,
    projectors, until_cancelled,
};
use inference::{EngineError, LlamaConfig, TensorType};
use jobs::{JobHandle, Progress};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};
use types::{
    ids::{ModelId, UserId},
    job::{JobKind, JobStep},
    shelf::Rewrite,
};

/// Where what was written anew is, in our folder.
pub(crate) const FOLDER: &str = "converted";
/// How often it is looked how far it is.
const TELL: Duration = Duration::from_millis(300);
/// How often it is looked whether threads that were told to end have let go, and how long at most: each looks up after a tensor.
const LOOK: Duration = Duration::from_millis(20);
const LET_GO: Duration = Duration::from_secs(60);

/// Beside what the types of matrices say there are headers and what is never rounded.
const OVERHEAD: f64 = 1.06;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// By our own converter, as a GGUF file.
    Gguf(convert::OutType),
    /// Likewise, and then with fewer bits by llama.cpp.
    Rounded(TensorType),
    /// As a folder for MLX with so many bits.
    Mlx(u32),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) found: Found,
    way: Way,
    pub(crate) target: PathBuf,
    /// What comes of it, as far as numbers tell.
    n_bytes: u64,
    /// What lies beside it on the way there, and goes again.
    n_between: u64,
    /// What matters, where that is given.
    imatrix: Option<PathBuf>,
    /// What lets the source look at images.
    projector: Option<PathBuf>,
    /// What comes of the weights by which the source looks at images itself.
    n_projector: u64,
}

impl Models {
    /// Writes a model anew as a job. Returns when it has started.
    /// By what an importance matrix says, if its path is given.
    pub async fn rewrite(
        &self,
        user: UserId,
        id: &ModelId,
        to: Rewrite,
        imatrix: &str,
    ) -> Result<(), ModelsError> {
        let imatrix = chosen_imatrix(to, imatrix).await?;
        let (library, wanted) = (self.library.clone(), id.clone());
        let find = move || {
            let (found, known) = library.shelved_one(&wanted)?;
            let n_projector = projector_bytes(&found);
            let name = name_among(&found, &library.found());
            Some((found, known.ok(), n_projector, name))
        };
        let looked = tokio::task::spawn_blocking(find).await.ok().flatten();
        let (found, known, n_projector, name) = looked.ok_or_else(|| ModelsError::NotFound(id.clone()))?;
        if to.needs_experts() && known.as_ref().is_some_and(|it| it.experts.is_none()) {
            return Err(ModelsError::Kept("that type is for mixtures of experts"));
        }
        let n_parameters = known.as_ref().and_then(|it| it.n_parameters);
        let projector = known.and_then(|it| it.projector);
        let planned = plan(found, &name, to, n_parameters, self.library.folder())?;
        let mut plan = Plan { imatrix, projector, ..planned };
        if plan.makes_projector() {
            plan.n_projector = n_projector;
        }
        check_space(self.library.folder(), plan.needed_bytes())?;
        let writer = self.only_writer(&plan.target)?;
        let name = plan.target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let job = self.jobs.start(user, JobKind::QuantizeModel, &name).await?;
        let models = self.clone();
        tokio::spawn(async move { models.run_rewrite(user, plan, writer, job).await });
        Ok(())
    }

    /// The right to write a file of the library that is not there yet. Threads that write hold it, too, so that nobody else
    /// begins before the last of them has let go.
    pub(crate) fn only_writer(&self, target: &Path) -> Result<Arc<Writer>, ModelsError> {
        let writer = self.writers.begin(target).ok_or(ModelsError::Kept("it is being written already"))?;
        // It may have appeared since that was looked at.
        match target.exists() {
            true => Err(ModelsError::Kept("there is one already; delete that first")),
            false => Ok(Arc::new(writer)),
        }
    }

    async fn run_rewrite(&self, user: UserId, plan: Plan, writer: Arc<Writer>, job: JobHandle) {
        let work = async {
            self.write_anew(&plan, &writer, &job).await?;
            projectors::keep(plan.projector.clone(), plan.projector_target()).await
        };
        let written = until_cancelled(&job, work).await;
        let writing = Arc::downgrade(&writer);
        drop(writer);
        all_let_go(&writing).await;
        let is_there = matches!(written, Some(Ok(()) | Err(ModelsError::Blind(_))));
        // Whoever hears of the end finds noted where it came from.
        let noted = if is_there { self.note_written(&plan).await } else { Ok(None) };
        ended(job, written).await;
        let begun = match noted {
            Ok(Some(noted)) => self.compare_with_source(user, plan, noted).await,
            Ok(None) => Ok(()),
            Err(err) => Err(err),
        };
        if let Err(error) = begun {
            tracing::warn!(%error, "what writing a model anew cost is not known");
        }
    }

    async fn write_anew(
        &self,
        plan: &Plan,
        writer: &Arc<Writer>,
        job: &JobHandle,
    ) -> Result<(), ModelsError> {
        if let Some(folder) = plan.target.parent() {
            tokio::fs::create_dir_all(folder).await.map_err(ModelsError::file(folder))?;
        }
        let run = Run { plan, writer, job };
        match plan.way {
            Way::Gguf(out) => {
                let [first, last] = Stretch::in_turn([(plan.n_bytes, None), (plan.n_projector, None)]);
                run.by_converter(plan.target.clone(), Some(out), first).await?;
                run.projector(last).await
            }
            Way::Mlx(_) => run.by_converter(plan.target.clone(), None, Stretch::default()).await,
            Way::Rounded(tensor_type) if plan.found.layout == Layout::Folder => {
                // Nothing is lost on the way to what is rounded: numbers stay as they are.
                let between = beside(&plan.target, "between");
                // What a run left that was killed would be in the way; nobody else writes it.
                _ = tokio::fs::remove_file(&between).await;
                let gone = Gone(between.clone());
                let [first, second, last] = Stretch::in_turn([
                    (plan.n_between, Some(JobStep::Converting)),
                    (plan.n_bytes, Some(JobStep::Quantising)),
                    (plan.n_projector, Some(JobStep::Converting)),
                ]);
                run.by_converter(between.clone(), None, first).await?;
                run.by_quantiser(&self.worker, &between, tensor_type, second).await?;
                drop(gone);
                run.projector(last).await
            }
            Way::Rounded(tensor_type) => {
                let source = &plan.found.path;
                run.by_quantiser(&self.worker, source, tensor_type, Stretch::default()).await
            }
        }
    }
}

impl Plan {
    /// Where the projector of what is written is looked for.
    fn projector_target(&self) -> PathBuf {
        let stem = self.target.file_stem().unwrap_or_default().to_string_lossy();
        let name = if self.makes_projector() { projectors::made_name_for } else { projectors::name_for };
        self.target.with_file_name(name(&stem))
    }

    /// Whether what lets it look at images is made of the source's own weights, if those have it: no other file does it, and
    /// what runs folders for MLX reads none.
    fn makes_projector(&self) -> bool {
        self.found.layout == Layout::Folder && !matches!(self.way, Way::Mlx(_)) && self.projector.is_none()
    }

    /// What has to be free on the disk.
    fn needed_bytes(&self) -> u64 {
        self.n_bytes.saturating_add(self.n_between).saturating_add(self.n_projector)
    }
}

/// A model that is being written.
struct Run<'a> {
    plan: &'a Plan,
    writer: &'a Arc<Writer>,
    job: &'a JobHandle,
}

impl Run<'_> {
    /// `out` is `None` for MLX, and for numbers as the source has them.
    async fn by_converter(
        &self,
        target: PathBuf,
        out: Option<convert::OutType>,
        stretch: Stretch,
    ) -> Result<(), ModelsError> {
        let (folder, way, id) = (self.plan.found.path.clone(), self.plan.way, self.plan.found.id.0.clone());
        let writer = self.writer.clone();
        convert_watched(self.job, stretch, move |watch| {
            let _writer = writer;
            match way {
                Way::Mlx(bits) => {
                    let options = convert::MlxOptions { bits, ..convert::MlxOptions::default() };
                    convert::to_mlx(&folder, &target, &options, watch).map(drop)
                }
                _ => {
                    let options = convert::Options { id: Some(id), out };
                    convert::hf_to_gguf(&folder, &target, &options, watch).map(drop)
                }
            }
        })
        .await
    }

    /// Makes what lets the model look at images of the source's weights, where those have it. One that is there stays.
    async fn projector(&self, stretch: Stretch) -> Result<(), ModelsError> {
        if !self.plan.makes_projector() {
            return Ok(());
        }
        let (folder, id) = (self.plan.found.path.clone(), self.plan.found.id.0.clone());
        let (target, writer) = (self.plan.projector_target(), self.writer.clone());
        let made = convert_watched(self.job, stretch, move |watch| {
            let _writer = writer;
            if target.exists() {
                return Ok(());
            }
            convert::hf_to_projector(&folder, &target, Some(&id), watch).map(drop)
        });
        made.await.map_err(|err| ModelsError::Blind(Box::new(err)))
    }

    async fn by_quantiser(
        &self,
        worker: &LlamaConfig,
        source: &Path,
        tensor_type: TensorType,
        stretch: Stretch,
    ) -> Result<(), ModelsError> {
        let (plan, job) = (self.plan, self.job);
        let part = beside(&plan.target, "part");
        let _gone = Gone(part.clone());
        let imatrix = plan.imatrix.as_deref();
        let work = inference::quantize(worker, source, &part, tensor_type, imatrix);
        write_watched(job, stretch, (&part, plan.n_bytes), work).await?;
        let (part, target, writer) = (part.clone(), plan.target.clone(), self.writer.clone());
        let finish = move || -> Result<(), ModelsError> {
            let _writer = writer;
            gguf::read_header(&part).map_err(|err| ModelsError::Convert(err.to_string()))?;
            files::finish(&part, &target).map_err(files::not_placed(&target))
        };
        let done = tokio::task::spawn_blocking(finish).await;
        done.unwrap_or_else(|err| Err(ModelsError::Convert(err.to_string())))
    }
}

/// Waits until the threads that write have let go: whoever hears of the end may begin again.
pub(crate) async fn all_let_go(writing: &Weak<Writer>) {
    let let_go = async {
        while writing.strong_count() > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    _ = tokio::time::timeout(LET_GO, let_go).await;
}

/// Which part of a job something is, in what is told of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    from: f32,
    to: f32,
    step: Option<JobStep>,
}

impl Default for Stretch {
    /// All of it.
    fn default() -> Self {
        Self { from: 0.0, to: 1.0, step: None }
    }
}

impl Stretch {
    /// Some that follow each other, as long as what they write.
    fn in_turn<const N: usize>(all: [(u64, Option<JobStep>); N]) -> [Self; N] {
        let total: f32 = all.iter().map(|(n_bytes, _)| *n_bytes as f32).sum();
        let mut end = 0.0_f32;
        all.map(|(n_bytes, step)| {
            let share = if total > 0.0 { n_bytes as f32 / total } else { 1.0 / N as f32 };
            let from = end;
            end = (end + share).min(1.0);
            Self { from, to: end, step }
        })
    }

    /// The part of it that is one of `n` that follow each other.
    pub(crate) fn one_of(self, at: usize, n: usize) -> Self {
        let place = |at: usize| self.from + (self.to - self.from) * at as f32 / n.max(1) as f32;
        Self { from: place(at), to: place(at + 1), step: self.step }
    }

    pub(crate) fn named(self, step: JobStep) -> Self {
        Self { step: Some(step), ..self }
    }

    pub(crate) fn at(self, fraction: f32) -> Progress {
        let fraction = Some(self.from + (self.to - self.from) * fraction.clamp(0.0, 1.0));
        Progress { fraction, step: self.step, ..Progress::default() }
    }
}

/// Waits for the quantiser, which writes about so many bytes into a file, and tells how far it is.
pub(crate) async fn write_watched(
    job: &JobHandle,
    stretch: Stretch,
    (file, n_bytes): (&Path, u64),
    work: impl Future<Output = Result<(), EngineError>>,
) -> Result<(), EngineError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            written = &mut work => return written,
            () = tokio::time::sleep(TELL) => {
                let n = tokio::fs::metadata(file).await.map_or(0, |meta| meta.len());
                job.progress(stretch.at((n as f32 / n_bytes.max(1) as f32).min(0.99)));
            }
        }
    }
}

/// Runs our own converter on a thread that may block, and tells how far it is. Dropping this ends it.
pub(crate) async fn convert_watched(
    job: &JobHandle,
    stretch: Stretch,
    work: impl FnOnce(&mut convert::Watch<'_>) -> Result<(), convert::ConvertError> + Send + 'static,
) -> Result<(), ModelsError> {
    let stop = Stop::default();
    let done = Arc::new(AtomicU32::new(0));
    let watched = (stop.0.clone(), done.clone());
    let mut work = tokio::task::spawn_blocking(move || {
        let mut watch = move |progress: convert::Progress<'_>| {
            watched.1.store((progress.fraction * 1e6) as u32, Ordering::Relaxed);
            if watched.0.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        work(&mut watch)
    });
    let written = loop {
        tokio::select! {
            written = &mut work => break written,
            () = tokio::time::sleep(TELL) => {
                job.progress(stretch.at(done.load(Ordering::Relaxed) as f32 / 1e6));
            }
        }
    };
    // Dropped earlier, it tells the work to end.
    drop(stop);
    match written {
        Ok(written) => written.map_err(|err| ModelsError::Convert(err.to_string())),
        Err(_) => Err(ModelsError::Convert("the converter ended unexpectedly".to_owned())),
    }
}

/// Tells work on another thread to end when it is dropped.
#[derive(Default)]
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The file that was named, if one was and it can be used.
async fn chosen_imatrix(to: Rewrite, path: &str) -> Result<Option<PathBuf>, ModelsError> {
    let imatrix = imatrix_at(path).await?;
    if imatrix.is_none() && to.needs_imatrix() {
        return Err(ModelsError::Kept("that type needs an importance matrix"));
    }
    if imatrix.is_some() && tensor_type(to).is_none() {
        return Err(ModelsError::Kept("an importance matrix is for types of GGUF files"));
    }
    Ok(imatrix)
}

/// The importance matrix that was named, if one was and it can be used.
pub(crate) async fn imatrix_at(path: &str) -> Result<Option<PathBuf>, ModelsError> {
    let path = PathBuf::from(path.trim());
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    if !path.is_absolute() {
        return Err(ModelsError::Folder("the whole path of the importance matrix is needed".to_owned()));
    }
    let file = path.clone();
    let read = tokio::task::spawn_blocking(move || gguf::read_imatrix(&file).map(drop)).await;
    match read {
        Ok(Ok(())) => Ok(Some(path)),
        Ok(Err(err)) => Err(ModelsError::Broken { path, problem: err.to_string() }),
        Err(err) => Err(ModelsError::Convert(err.to_string())),
    }
}

/// What lets a folder's model look at images takes so much once it is written; nothing where that cannot be.
fn projector_bytes(found: &Found) -> u64 {
    let is_folder = found.layout == Layout::Folder;
    let found = is_folder.then(|| convert::projector_bytes(&found.path).ok().flatten());
    found.flatten().unwrap_or(0)
}

/// What a model is called where it is written anew: with its folder's name where another source is called so, too.
fn name_among(found: &Found, all: &[Found]) -> String {
    let [name, longer] = file_names(&found.id);
    let is_written = |other: &Found| other.label.is_none() && other.id.0.starts_with(&format!("{FOLDER}/"));
    let is_alike = |other: &Found| {
        other.path != found.path && !is_written(other) && file_names(&other.id)[0].eq_ignore_ascii_case(&name)
    };
    if all.iter().any(is_alike) { longer } else { name }
}

fn plan(
    found: Found,
    name: &str,
    to: Rewrite,
    n_parameters: Option<u64>,
    own: &Path,
) -> Result<Plan, ModelsError> {
    let is_folder = match found.layout {
        Layout::Folder => true,
        Layout::Gguf if found.parts.len() < 2 => false,
        Layout::Gguf => {
            return Err(ModelsError::Kept(
                "models of several files are not written anew; put them together first",
            ));
        }
        _ => return Err(ModelsError::Kept("only language models are written anew")),
    };
    let way =
        way(to, is_folder).ok_or(ModelsError::Kept("for MLX the model has to be a folder of safetensors"))?;
    let stem = format!("{}-{}", without_type(name), to.word());
    let file = if matches!(way, Way::Mlx(_)) { stem } else { format!("{stem}.gguf") };
    let target = own.join(FOLDER).join(file);
    if target.exists() {
        return Err(ModelsError::Kept("there is one already; delete that first"));
    }
    // Where nobody knows how many numbers there are, it is as if it stayed as large as it is.
    let size = size_of(&found.path);
    let by_numbers = |bits: f64| n_parameters.map_or(size, |n| (n as f64 * bits / 8.0 * OVERHEAD) as u64);
    let has_between = is_folder && matches!(way, Way::Rounded(_));
    let n_between = if has_between { by_numbers(Rewrite::F16.bits()).max(size) } else { 0 };
    let n_bytes = by_numbers(to.bits());
    Ok(Plan { n_bytes, n_between, found, way, target, imatrix: None, projector: None, n_projector: 0 })
}

fn way(to: Rewrite, is_folder: bool) -> Option<Way> {
    use convert::OutType;
    let direct = match to {
        Rewrite::Mlx4 => return is_folder.then_some(Way::Mlx(4)),
        Rewrite::Mlx8 => return is_folder.then_some(Way::Mlx(8)),
        Rewrite::F32 => Some(OutType::F32),
        Rewrite::F16 => Some(OutType::F16),
        Rewrite::Bf16 => Some(OutType::Bf16),
        Rewrite::Q8_0 => Some(OutType::Q8_0),
        _ => None,
    };
    if let Some(out) = direct.filter(|_| is_folder) {
        return Some(Way::Gguf(out));
    }
    tensor_type(to).map(Way::Rounded)
}

/// What llama.cpp calls it; nothing of what it does not write.
pub(crate) fn tensor_type(to: Rewrite) -> Option<TensorType> {
    Some(match to {
        Rewrite::F32 => TensorType::F32,
        Rewrite::F16 => TensorType::F16,
        Rewrite::Bf16 => TensorType::Bf16,
        Rewrite::Q8_0 => TensorType::Q8_0,
        Rewrite::Q6K => TensorType::Q6K,
        Rewrite::Q5KM => TensorType::Q5KM,
        Rewrite::Q4KM => TensorType::Q4KM,
        Rewrite::Iq4Xs => TensorType::Iq4Xs,
        Rewrite::Q3KM => TensorType::Q3KM,
        Rewrite::Q2K => TensorType::Q2K,
        Rewrite::Q5KS => TensorType::Q5KS,
        Rewrite::Q5_1 => TensorType::Q5_1,
        Rewrite::Q5_0 => TensorType::Q5_0,
        Rewrite::Q4KS => TensorType::Q4KS,
        Rewrite::Q4_1 => TensorType::Q4_1,
        Rewrite::Iq4Nl => TensorType::Iq4Nl,
        Rewrite::Q4_0 => TensorType::Q4_0,
        Rewrite::Q3KL => TensorType::Q3KL,
        Rewrite::Iq3M => TensorType::Iq3M,
        Rewrite::Q3KS => TensorType::Q3KS,
        Rewrite::Iq3Xxs => TensorType::Iq3Xxs,
        Rewrite::Iq2M => TensorType::Iq2M,
        Rewrite::Iq2Xxs => TensorType::Iq2Xxs,
        Rewrite::Iq1M => TensorType::Iq1M,
        Rewrite::Q2KS => TensorType::Q2KS,
        Rewrite::Iq3S => TensorType::Iq3S,
        Rewrite::Iq3Xs => TensorType::Iq3Xs,
        Rewrite::Iq2S => TensorType::Iq2S,
        Rewrite::Iq2Xs => TensorType::Iq2Xs,
        Rewrite::Iq1S => TensorType::Iq1S,
        Rewrite::Tq2_0 => TensorType::Tq2_0,
        Rewrite::Tq1_0 => TensorType::Tq1_0,
        Rewrite::Mxfp4Moe => TensorType::Mxfp4Moe,
        Rewrite::Mlx4 | Rewrite::Mlx8 => return None,
    })
}

/// A name without the type that it ends in.
fn without_type(name: &str) -> &str {
    let endings = Rewrite::ALL.map(Rewrite::word);
    let ending = endings.iter().find_map(|word| {
        let at = name.len().checked_sub(word.len() + 1)?;
        let (stem, end) = name.split_at_checked(at)?;
        let is_it = end.get(1..)?.eq_ignore_ascii_case(word) && end.starts_with(['-', '.', '_']);
        (is_it && !stem.is_empty()).then_some(stem)
    });
    ending.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_name_says_one_type() {
        let check = |name: &str, expected: &str| assert_eq!(without_type(name), expected, "{name}");
        check("SmolLM2-135M-Instruct.Q8_0", "SmolLM2-135M-Instruct");
        check("Qwen3-4B-q4_k_m", "Qwen3-4B");
        check("gemma-3-4b-it", "gemma-3-4b-it");
        check("Q8_0", "Q8_0");
    }

    #[test]
    fn models_of_one_name_are_written_under_several() {
        let found = |id: &str| {
            let path = id.split('/').fold(PathBuf::new(), |path, name| path.join(name));
            Found::new(ModelId(id.into()), Layout::Gguf, path)
        };
        let all = ["jan/a/model", "jan/b/model", "x/tiny", "y/tiny", "converted/alone", "z/alone"].map(found);
        let names: Vec<_> = all.iter().map(|it| name_among(it, &all)).collect();
        assert_eq!(names, ["a", "b", "x-tiny", "y-tiny", "converted-alone", "alone"]);
    }

    #[test]
    fn a_plan_counts_all_that_is_written() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("m");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("model.safetensors"), vec![0; 5000]).unwrap();
        let check = |to, n_parameters, expected: (u64, u64)| {
            let found = Found::new(ModelId("m".into()), Layout::Folder, folder.clone());
            let plan = plan(found, "m", to, n_parameters, home.path()).unwrap();
            assert_eq!((plan.n_bytes, plan.n_between), expected, "{to:?}");
        };
        // In between numbers are as large as they were, or as halves where they were smaller.
        check(Rewrite::Q4_0, Some(10_000), (5962, 21200));
        check(Rewrite::Q8_0, Some(1000), (1126, 0));
        check(Rewrite::Q4_0, Some(1000), (596, 5000));
        // Where its numbers are not known it is the weights that count, never the folder's entry.
        check(Rewrite::F16, None, (5000, 0));
        check(Rewrite::Q4_0, None, (5000, 5000));
    }

    #[test]
    fn a_projector_is_looked_for_beside_what_is_written() {
        let check = |id: &str, expected: &str| {
            let found = Found::new(ModelId(id.into()), Layout::Gguf, PathBuf::from("x.gguf"));
            let name = name_among(&found, &[]);
            let plan = plan(found, &name, Rewrite::Q4KM, Some(1000), Path::new("own")).unwrap();
            assert_eq!(plan.projector_target(), Path::new("own").join(FOLDER).join(expected), "{id}");
        };
        check("google/gemma-3-4b-it-Q8_0", "mmproj-gemma-3-4b-it-Q4_K_M.gguf");
        check("SmolVLM-2.2B", "mmproj-SmolVLM-2.2B-Q4_K_M.gguf");
    }

    #[test]
    fn a_projector_is_made_of_a_folder_that_has_no_other() {
        let check = |to, projector: Option<&str>, expected: bool| {
            let found = Found::new(ModelId("m".into()), Layout::Folder, PathBuf::from("m"));
            let plan = plan(found, "m", to, Some(1000), Path::new("own")).unwrap();
            let plan = Plan { projector: projector.map(PathBuf::from), n_projector: 70, ..plan };
            assert_eq!(plan.makes_projector(), expected, "{to:?}");
            assert_eq!(plan.needed_bytes(), plan.n_bytes + plan.n_between + 70);
            let name = plan.projector_target().file_name().unwrap().to_string_lossy().into_owned();
            assert_eq!(name.ends_with("-F16.gguf"), expected, "{name}");
        };
        check(Rewrite::Q8_0, None, true);
        check(Rewrite::Q4KM, None, true);
        check(Rewrite::Q8_0, Some("mmproj.gguf"), false);
        check(Rewrite::Mlx4, None, false);
    }

    #[test]
    fn every_type_is_one_of_llama_cpps_or_for_mlx() {
        let types: Vec<_> = Rewrite::ALL.into_iter().filter_map(tensor_type).collect();
        for (i, tensor_type) in types.iter().enumerate() {
            assert!(!types[..i].contains(tensor_type), "{tensor_type:?} twice");
        }
        assert_eq!(types.len(), Rewrite::ALL.len() - 2);
    }

    #[test]
    fn how_far_it_is_never_runs_backwards() {
        let steps = [(3000, Some(JobStep::Converting)), (1000, Some(JobStep::Quantising)), (0, None)];
        let [first, second, nothing] = Stretch::in_turn(steps);
        assert_eq!((nothing.at(0.0).fraction, nothing.at(1.0).fraction), (Some(1.0), Some(1.0)));
        let all =
            [first.at(0.0), first.at(0.5), first.at(1.2), second.at(0.0), second.at(0.5), second.at(1.0)];
        let fractions: Vec<_> = all.iter().filter_map(|it| it.fraction).collect();
        assert_eq!(fractions, [0.0, 0.375, 0.75, 0.75, 0.875, 1.0]);
        assert_eq!((all[2].step, all[3].step), (Some(JobStep::Converting), Some(JobStep::Quantising)));
    }

    #[test]
    fn what_can_be_written_depends_on_what_there_is() {
        let check = |to, is_folder, expected: Option<Way>| assert_eq!(way(to, is_folder), expected, "{to:?}");
        check(Rewrite::Q8_0, true, Some(Way::Gguf(convert::OutType::Q8_0)));
        check(Rewrite::F32, true, Some(Way::Gguf(convert::OutType::F32)));
        check(Rewrite::F32, false, Some(Way::Rounded(TensorType::F32)));
        check(Rewrite::Q8_0, false, Some(Way::Rounded(TensorType::Q8_0)));
        check(Rewrite::Q4KM, true, Some(Way::Rounded(TensorType::Q4KM)));
        check(Rewrite::Mlx4, true, Some(Way::Mlx(4)));
        check(Rewrite::Mlx4, false, None);
    }
}

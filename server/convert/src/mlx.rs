//! A folder of Hugging Face as a folder of MLX, its matrices rounded in groups.

mod quantise;
mod write;

use crate::{
    ConvertError, Watch,
    config::Config,
    error::{tensor as wrong, unreadable, unwritable},
    experts::Experts,
    family::{Family, Fate},
    hf::check_complete,
    numbers,
    part::open_alone,
    source::{Source, SourceTensor},
};
use quantise::{Rounding, kept_as};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
};

/// How large a file of weights becomes before another is begun.
const MAX_SHARD_BYTES: u64 = 5_000_000_000;

/// How MLX rounds what chooses among experts, where it has a rule of its own for that.
const CHOOSING: Rounding = Rounding { bits: 8, group: 64 };

/// What says that a folder is being written.
const LOCK: &str = "lock";

/// What is copied as it is, where it is there.
const COPIED: [&str; 13] = [
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "README.md",
    "LICENSE",
    "LICENSE.txt",
];

/// How numbers are rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MlxOptions {
    /// Bits of a number: 4 or 8.
    pub bits: u32,
    /// Numbers that share a scale: 32, 64 or 128.
    pub group_size: u32,
}

impl Default for MlxOptions {
    fn default() -> Self {
        Self { bits: 4, group_size: 64 }
    }
}

impl MlxOptions {
    fn rounding(&self) -> Rounding {
        Rounding { bits: self.bits, group: self.group_size as usize }
    }
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlxReport {
    /// How many tensors, before they were rounded. Those of a layer's experts count as one of each kind.
    pub n_tensors: usize,
    /// How many of them were rounded.
    pub n_rounded: usize,
    /// How long the files of weights are together.
    pub n_bytes: u64,
    /// How many there are.
    pub n_files: usize,
}

/// Writes the model in `folder` as a folder `target` for MLX, with what its tokenizer needs.
///
/// `target` must not exist; it gets its name when all in it is complete and on the disk. Whoever watches may stop it;
/// then, and when it fails, nothing of it stays. Values are those that MLX's own rounding gives.
pub fn to_mlx(
    folder: &Path,
    target: &Path,
    options: &MlxOptions,
    watch: &mut Watch<'_>,
) -> Result<MlxReport, ConvertError> {
    let config = Config::read(folder)?;
    // What runs these in MLX wants what sees images in the same folder.
    if matches!(config.family, Family::SmolVlm | Family::Qwen2Vl | Family::Qwen3Vl) {
        return Err(ConvertError::NotForMlx(crate::error::shown(config.class())));
    }
    if !matches!(options.bits, 4 | 8) || !matches!(options.group_size, 32 | 64 | 128) {
        return Err(config.malformed("it can be rounded to 4 or 8 bits in groups of 32, 64 or 128 only"));
    }
    let mut source = Source::open(folder)?;
    let plans = plan(&config, &source, options)?;
    let work = WorkFolder::create(target)?;
    let shards = write::shards(&plans, MAX_SHARD_BYTES);
    source.set_total(plans.iter().flat_map(|plan| &plan.parts));
    let mut n_bytes = 0;
    for (i, shard) in shards.iter().enumerate() {
        let path = work.path.join(write::shard_name(i, shards.len()));
        n_bytes += write::shard(&path, shard, &mut source, watch)?;
    }
    write::index(&work.path, &shards)?;
    write_config(&work.path, &config, options, &plans)?;
    for name in COPIED {
        let from = folder.join(name);
        if from.is_file() {
            write::synced_copy(&from, &work.path.join(name))?;
        }
    }
    work.finish()?;
    Ok(MlxReport {
        n_tensors: plans.len(),
        n_rounded: plans.iter().filter(|plan| plan.rounding.is_some()).count(),
        n_bytes,
        n_files: shards.len(),
    })
}

/// A tensor that will be written.
struct Plan {
    name: String,
    /// What is written one after another. There is one at least, and all are of one shape and type.
    parts: Vec<SourceTensor>,
    /// The outermost first.
    shape: Vec<u64>,
    /// `None` where it is kept as it is.
    rounding: Option<Rounding>,
}

fn plan(config: &Config, source: &Source, options: &MlxOptions) -> Result<Vec<Plan>, ConvertError> {
    let is_tied = config.get("tie_word_embeddings") == Some(Value::Bool(true));
    let has_vision = config.whole.contains_key("text_config");
    let mut plans = Vec::new();
    let mut names = HashSet::new();
    let mut experts = Experts::new(config)?;
    for from in &source.tensors {
        let fate = config.fate(&from.name);
        if fate == Fate::LeftOut || (is_tied && from.name.ends_with("lm_head.weight")) {
            continue;
        }
        if fate == Fate::Unknown {
            return Err(wrong(&from.name, "is none that this family has"));
        }
        if !numbers::is_float(from.dtype) {
            return Err(ConvertError::Quantised(from.dtype.name().to_owned()));
        }
        for it in experts.add(from, &fate)? {
            let name = config.family.name_in_mlx(it.layer, it.matrix);
            let shape = [&[it.parts.len() as u64], it.parts[0].shape.as_slice()].concat();
            plans.push(Plan::new(name, it.parts, shape, options.rounding())?);
            names.insert(it.name);
        }
        if let Fate::Written(known_as, _) = fate {
            let name =
                if has_vision { name_beside_vision(config.family, &from.name) } else { from.name.clone() };
            let rounding = rounding_of(config.family, &known_as, options);
            plans.push(Plan::new(name, vec![from.clone()], from.shape.clone(), rounding)?);
            names.insert(known_as);
        }
    }
    experts.finish()?;
    check_complete(config, &names)?;
    Ok(plans)
}

impl Plan {
    /// Matrices are rounded, those of experts too, if their rows are whole groups.
    fn new(
        name: String,
        parts: Vec<SourceTensor>,
        shape: Vec<u64>,
        rounding: Rounding,
    ) -> Result<Self, ConvertError> {
        let first = &parts[0];
        if let Some(other) = parts.iter().find(|part| kept_as(part.dtype) != kept_as(first.dtype)) {
            return Err(wrong(&other.name, "is of another type than the first expert's"));
        }
        let is_matrix = first.shape.len() == 2 && name.ends_with(".weight");
        let rounding = Some(rounding).filter(|it| is_matrix && it.fits(first.shape[1]));
        Ok(Self { name, parts, shape, rounding })
    }
}

/// What chooses among the experts of Qwen 3 gets more bits, as MLX itself does it.
fn rounding_of(family: Family, known_as: &str, options: &MlxOptions) -> Rounding {
    let is_choosing = family == Family::Qwen3Moe && known_as.ends_with(".ffn_gate_inp.weight");
    if is_choosing { CHOOSING } else { options.rounding() }
}

/// MLX has what writes in a part of its own where a model sees images too.
fn name_beside_vision(family: Family, name: &str) -> String {
    match name.strip_prefix("model.language_model.") {
        Some(rest) if family == Family::Gemma3 => format!("language_model.model.{rest}"),
        _ => name.to_owned(),
    }
}

fn write_config(
    folder: &Path,
    config: &Config,
    options: &MlxOptions,
    plans: &[Plan],
) -> Result<(), ConvertError> {
    let mut whole = config.whole.clone();
    let mut stated = json!({"group_size": options.group_size, "bits": options.bits, "mode": "affine"});
    let usual = options.rounding();
    for plan in plans {
        if let Some(own) = plan.rounding.filter(|own| *own != usual) {
            let layer = plan.name.strip_suffix(".weight").unwrap_or(&plan.name);
            stated[layer] = json!({"group_size": own.group, "bits": own.bits});
        }
    }
    whole.insert("quantization".to_owned(), stated.clone());
    whole.insert("quantization_config".to_owned(), stated);
    let text = serde_json::to_vec_pretty(&whole).map_err(|error| config.malformed(error))?;
    write::synced(&folder.join("config.json"), &text)
}

/// A folder that is being written under another name; gone when it is dropped before it is finished.
struct WorkFolder {
    path: PathBuf,
    /// Held while it is written.
    lock: Option<File>,
    target: PathBuf,
    is_done: bool,
}

impl WorkFolder {
    fn create(target: &Path) -> Result<Self, ConvertError> {
        if target.symlink_metadata().is_ok() {
            return Err(ConvertError::Exists(target.to_owned()));
        }
        // Hidden, so that nobody takes the finished parts of it for a model.
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".part");
        let path = target.with_file_name(name);
        if !path.is_dir() {
            fs::create_dir(&path).map_err(unwritable(&path))?;
        }
        let lock = Some(open_alone(&path.join(LOCK))?);
        let work = Self { path, lock, target: target.to_owned(), is_done: false };
        work.clear().map_err(unwritable(&work.path))?;
        Ok(work)
    }

    /// Removes the files that it, or an earlier attempt, wrote. There are no folders among them.
    fn clear(&self) -> std::io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let is_held = self.lock.is_some() && entry.file_name() == LOCK;
            if entry.file_type()?.is_file() && !is_held {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), ConvertError> {
        for entry in fs::read_dir(&self.path).map_err(unreadable(&self.path))?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "safetensors") {
                weights::read_header(&path).map_err(|error| ConvertError::Unverified(error.to_string()))?;
            }
        }
        if self.target.symlink_metadata().is_ok() {
            return Err(ConvertError::Exists(self.target.clone()));
        }
        self.lock = None;
        let lock = self.path.join(LOCK);
        fs::remove_file(&lock).map_err(unwritable(&lock))?;
        fs::rename(&self.path, &self.target).map_err(unwritable(&self.target))?;
        self.is_done = true;
        system::names::sync_folder_of(&self.target).map_err(unwritable(&self.target))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        self.lock = None;
        if !self.is_done && self.clear().is_ok() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

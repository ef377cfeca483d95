//! GGUF files in parts, and parts as one file again, in the way of llama.cpp.

use crate::{
    ConvertError, Progress, Watch,
    container::{
        self, ALIGNMENT, TensorInfo, Value,
        reader::{Container, TensorAt, refused},
        write_key, write_start, write_tensors,
    },
    error::unreadable,
    part::PartFile,
};
use std::{
    collections::HashSet,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

const NO: &str = "split.no";
const COUNT: &str = "split.count";
const TENSORS: &str = "split.tensors.count";
/// What is copied at once.
const PIECE: u64 = 1 << 20;

/// When a part is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitLimit {
    /// By so many bytes of tensors; one that is larger has a part of its own.
    Bytes(u64),
    /// By so many tensors.
    Tensors(usize),
}

/// What was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeReport {
    /// Of how many parts.
    pub n_parts: usize,
    /// How many tensors.
    pub n_tensors: usize,
    /// How long the file is.
    pub n_bytes: u64,
}

/// Divides the GGUF file `source` into parts `prefix-00001-of-00005.gguf` and so on, and gives their paths.
///
/// None of them may exist. llama.cpp reads the first one and finds the others. When it is stopped or fails, no part stays.
pub fn split(
    source: &Path,
    prefix: &Path,
    limit: SplitLimit,
    watch: &mut Watch<'_>,
) -> Result<Vec<PathBuf>, ConvertError> {
    let whole = Container::open(source)?;
    if whole.keys.iter().any(|it| it.key.starts_with("split.")) {
        return Err(refused(source, "it is a part already; put all parts together first"));
    }
    let parts = divide(&whole.tensors, limit, whole.alignment);
    let (Ok(n_parts), Ok(n_tensors)) = (u16::try_from(parts.len()), i32::try_from(whole.tensors.len()))
    else {
        return Err(refused(source, format!("it would have {} parts", parts.len())));
    };
    let mut copy = Copier::of(&whole.tensors, watch);
    let mut written = Written::default();
    for (i, tensors) in parts.into_iter().enumerate() {
        let target = part_path(prefix, i, n_parts.into());
        let mut file = PartFile::create(&target)?;
        let has_alignment = whole.alignment != ALIGNMENT;
        // All that is known of the model is in the first part; the others have what is needed to read them.
        let kept = whole.keys.iter().filter(|it| i == 0 || (has_alignment && it.key == "general.alignment"));
        let kept: Vec<_> = kept.collect();
        write_start(&mut file, tensors.len(), kept.len() + 3)?;
        for key in kept {
            write_text(&mut file, &key.key)?;
            copy.bytes(source, key.at, key.n_bytes, &mut file)?;
        }
        write_key(&mut file, NO, &Value::U16(i as u16).bytes())?;
        write_key(&mut file, COUNT, &Value::U16(n_parts).bytes())?;
        write_key(&mut file, TENSORS, &Value::I32(n_tensors).bytes())?;
        write_tensors(&mut file, &infos(tensors), whole.alignment)?;
        for tensor in tensors {
            copy.tensor(source, tensor, whole.alignment, &mut file)?;
        }
        file.finish(|part| verify(part, tensors.len()))?;
        written.0.push(target);
    }
    Ok(std::mem::take(&mut written.0))
}

/// Puts the parts of which `first` is the first together as `target`, which must not exist.
///
/// The others are beside it; those that are missing are named. Keys and tensors are those of the file that was
/// divided, in their order.
pub fn merge(first: &Path, target: &Path, watch: &mut Watch<'_>) -> Result<MergeReport, ConvertError> {
    let parts = open_parts(first)?;
    let tensors: Vec<(&Path, &TensorAt)> =
        parts.iter().flat_map(|part| part.tensors.iter().map(|it| (part.path.as_path(), it))).collect();
    let mut names = HashSet::new();
    if let Some((path, tensor)) = tensors.iter().find(|(_, it)| !names.insert(it.info.name.as_str())) {
        return Err(refused(
            path,
            format!("the tensor “{}” is in two parts", crate::error::shown(&tensor.info.name)),
        ));
    }
    if parts[0].number(TENSORS).is_some_and(|n| usize::try_from(n) != Ok(tensors.len())) {
        return Err(refused(first, "its parts have not all the tensors that it states"));
    }
    let alignment = parts[0].alignment;
    let mut copy = Copier::of(tensors.iter().map(|(_, tensor)| *tensor), watch);
    let mut file = PartFile::create(target)?;
    let keys: Vec<_> = parts[0].keys.iter().filter(|it| !it.key.starts_with("split.")).collect();
    write_start(&mut file, tensors.len(), keys.len())?;
    for key in keys {
        write_text(&mut file, &key.key)?;
        copy.bytes(first, key.at, key.n_bytes, &mut file)?;
    }
    write_tensors(&mut file, &tensors.iter().map(|(_, it)| &it.info).collect::<Vec<_>>(), alignment)?;
    for (path, tensor) in &tensors {
        copy.tensor(path, tensor, alignment, &mut file)?;
    }
    let n_bytes = file.finish(|part| verify(part, tensors.len()))?;
    Ok(MergeReport { n_parts: parts.len(), n_tensors: tensors.len(), n_bytes })
}

/// All parts, each found to be the one that it should be.
fn open_parts(first: &Path) -> Result<Vec<Container>, ConvertError> {
    let begin = Container::open(first)?;
    let n = begin.number(COUNT).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let n = n.ok_or_else(|| refused(first, "it is no part of a file"))?;
    let name = first.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let prefix = name.strip_suffix(&format!("-00001-of-{n:05}.gguf"));
    let prefix =
        prefix.ok_or_else(|| refused(first, format!("its name does not end in -00001-of-{n:05}.gguf")))?;
    let prefix = first.with_file_name(prefix);
    let paths: Vec<PathBuf> = (0..n).map(|i| part_path(&prefix, i, n)).collect();
    let missing: Vec<String> = paths
        .iter()
        .filter(|path| !path.is_file())
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    if !missing.is_empty() {
        return Err(weights::ShardError::Missing { names: missing, n_all: n }.into());
    }
    let mut parts = vec![begin];
    for path in &paths[1..] {
        parts.push(Container::open(path)?);
    }
    for (i, part) in parts.iter().enumerate() {
        let is_it = part.number(NO).and_then(|no| usize::try_from(no).ok()) == Some(i)
            && part.number(COUNT).and_then(|count| usize::try_from(count).ok()) == Some(n);
        if !is_it || part.alignment != parts[0].alignment {
            return Err(refused(&part.path, "it is not the part that its name says"));
        }
    }
    Ok(parts)
}

/// Which tensors come together, in their order. There is one part at least.
fn divide(tensors: &[TensorAt], limit: SplitLimit, alignment: u64) -> Vec<&[TensorAt]> {
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut n_bytes = 0_u64;
    for (i, tensor) in tensors.iter().enumerate() {
        let size = tensor.info.n_bytes.next_multiple_of(alignment);
        let is_full = match limit {
            SplitLimit::Bytes(most) => n_bytes + size > most,
            SplitLimit::Tensors(most) => i - begin >= most.max(1),
        };
        if is_full && i > begin {
            parts.push(&tensors[begin..i]);
            begin = i;
            n_bytes = 0;
        }
        n_bytes += size;
    }
    parts.push(&tensors[begin..]);
    parts
}

fn part_path(prefix: &Path, i: usize, n: usize) -> PathBuf {
    let mut name = prefix.file_name().unwrap_or_default().to_owned();
    name.push(format!("-{:05}-of-{n:05}.gguf", i + 1));
    prefix.with_file_name(name)
}

fn infos(tensors: &[TensorAt]) -> Vec<&TensorInfo> {
    tensors.iter().map(|tensor| &tensor.info).collect()
}

fn write_text(file: &mut PartFile, text: &str) -> Result<(), ConvertError> {
    write_key(file, text, &[])
}

/// Reads it back as everybody else will.
fn verify(part: &Path, n_tensors: usize) -> Result<(), ConvertError> {
    gguf::read_header(part).map_err(|error| ConvertError::Unverified(error.to_string()))?;
    let found = container::reader::Container::open(part)?;
    if found.tensors.len() == n_tensors {
        return Ok(());
    }
    Err(ConvertError::Unverified("its header is not what was written".to_owned()))
}

/// Parts that are complete, and go when not all of them are.
#[derive(Default)]
struct Written(Vec<PathBuf>);

impl Drop for Written {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// What is copied from file to file, and who watches.
struct Copier<'a, 'b> {
    open: Option<(PathBuf, File)>,
    buffer: Vec<u8>,
    n_bytes: u64,
    n_done: u64,
    watch: &'a mut Watch<'b>,
}

impl<'a, 'b> Copier<'a, 'b> {
    fn of<'c>(tensors: impl IntoIterator<Item = &'c TensorAt>, watch: &'a mut Watch<'b>) -> Self {
        let n_bytes = tensors.into_iter().map(|tensor| tensor.info.n_bytes).sum();
        Self { open: None, buffer: Vec::new(), n_bytes, n_done: 0, watch }
    }

    fn tensor(
        &mut self,
        from: &Path,
        tensor: &TensorAt,
        alignment: u64,
        file: &mut PartFile,
    ) -> Result<(), ConvertError> {
        let mut at = tensor.at;
        let end = at + tensor.info.n_bytes;
        loop {
            let n = PIECE.min(end - at);
            self.bytes(from, at, n, file)?;
            at += n;
            self.n_done += n;
            let fraction = if self.n_bytes == 0 { 1.0 } else { self.n_done as f64 / self.n_bytes as f64 };
            if (self.watch)(Progress { fraction, tensor: &tensor.info.name }).is_break() {
                return Err(ConvertError::Stopped);
            }
            if at == end {
                return file.pad(alignment);
            }
        }
    }

    fn bytes(&mut self, from: &Path, at: u64, n: u64, file: &mut PartFile) -> Result<(), ConvertError> {
        if self.open.as_ref().is_none_or(|(path, _)| path != from) {
            self.open = Some((from.to_owned(), File::open(from).map_err(unreadable(from))?));
        }
        let Some((_, source)) = &mut self.open else { return Ok(()) };
        source.seek(SeekFrom::Start(at)).map_err(unreadable(from))?;
        let mut left = n;
        while left > 0 {
            self.buffer.resize(left.min(PIECE) as usize, 0);
            source.read_exact(&mut self.buffer).map_err(unreadable(from))?;
            file.put(&self.buffer)?;
            left -= self.buffer.len() as u64;
        }
        Ok(())
    }
}

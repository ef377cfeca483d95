//! The weights of a folder, over all its files.

use crate::{
    ConvertError, Progress, Watch,
    error::{tensor as wrong, unreadable},
    numbers,
};
use std::{
    collections::HashMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use weights::Dtype;

/// Numbers that are held at once, unless a single row has more.
const PIECE: u64 = 1 << 20;
/// More numbers than a row of any matrix has.
const MAX_ROW: u64 = 1 << 24;

/// A tensor, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct SourceTensor {
    pub(crate) name: String,
    pub(crate) dtype: Dtype,
    /// The outermost first.
    pub(crate) shape: Vec<u64>,
    file: usize,
    at: u64,
}

impl SourceTensor {
    /// How many numbers it has.
    pub(crate) fn n_elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// `n` rows from `from` on of the `i`th matrix, where it has several. They must be there.
    pub(crate) fn rows_of(&self, i: u64, from: u64, n: u64) -> Self {
        let (n_rows, width) = (self.shape[1], self.shape[2]);
        let at = self.at + (i * n_rows + from) * width * self.dtype.width();
        Self { shape: vec![n, width], at, ..self.clone() }
    }

    /// The `i`th of `n` parts of its rows. They must be equally long.
    pub(crate) fn part(&self, i: u64, n: u64) -> Self {
        let mut part = self.clone();
        part.shape.iter_mut().take(1).for_each(|n_rows| *n_rows /= n);
        part.at += i * part.n_bytes();
        part
    }

    /// As `n_rows` rows of `width` numbers, which are all or some of what it has.
    pub(crate) fn with_rows(&self, n_rows: u64, width: u64) -> Self {
        Self { shape: vec![n_rows, width], ..self.clone() }
    }

    fn n_bytes(&self) -> u64 {
        self.n_elements() * self.dtype.width()
    }
}

/// All tensors of a folder.
pub(crate) struct Source {
    files: Vec<PathBuf>,
    /// By file, and by name in each.
    pub(crate) tensors: Vec<SourceTensor>,
    /// The file that was read last.
    open: Option<(usize, File)>,
    n_bytes: u64,
    n_read: u64,
}

impl Source {
    /// Finds the weights in `folder` and reads what they hold.
    pub(crate) fn open(folder: &Path) -> Result<Self, ConvertError> {
        let files = weights::sharded(folder)?;
        let mut tensors = Vec::new();
        let mut names = HashMap::new();
        for (file, path) in files.iter().enumerate() {
            let header = weights::read_header(path)
                .map_err(|source| ConvertError::Weights { path: path.clone(), source })?;
            for (name, it) in header.tensors {
                if names.insert(name.clone(), file).is_some() {
                    return Err(wrong(&name, "is in two files of weights"));
                }
                let at = header.data_start + it.begin;
                tensors.push(SourceTensor { name, dtype: it.dtype, shape: it.shape, file, at });
            }
        }
        Ok(Self { files, tensors, open: None, n_bytes: 0, n_read: 0 })
    }

    /// Begins to count what is read: all of these tensors will be.
    pub(crate) fn set_total<'a>(&mut self, tensors: impl Iterator<Item = &'a SourceTensor>) {
        self.n_bytes = tensors.map(SourceTensor::n_bytes).sum();
        self.n_read = 0;
    }

    /// Gives the bytes of a tensor in pieces.
    pub(crate) fn bytes(
        &mut self,
        tensor: &SourceTensor,
        watch: &mut Watch<'_>,
        mut take: impl FnMut(&[u8]) -> Result<(), ConvertError>,
    ) -> Result<(), ConvertError> {
        let mut bytes = Vec::new();
        let n = tensor.n_elements();
        let mut at = 0;
        loop {
            let n_now = PIECE.min(n - at);
            self.read(tensor, at, n_now, &mut bytes)?;
            take(&bytes)?;
            at += n_now;
            self.tell(&tensor.name, watch)?;
            if at == n {
                return Ok(());
            }
        }
    }

    /// Gives the numbers of a tensor in pieces. Each but the last is a multiple of what any type has in a block.
    pub(crate) fn pieces(
        &mut self,
        tensor: &SourceTensor,
        watch: &mut Watch<'_>,
        mut take: impl FnMut(&mut Vec<f32>) -> Result<(), ConvertError>,
    ) -> Result<(), ConvertError> {
        let mut numbers = Vec::new();
        self.bytes(tensor, watch, |bytes| {
            numbers::read(tensor.dtype, bytes, &mut numbers);
            take(&mut numbers)
        })
    }

    /// Likewise, with the rows of the tensor in another order: row `i` of what is given is `row(i)` of the tensor.
    pub(crate) fn rows(
        &mut self,
        tensor: &SourceTensor,
        row: impl Fn(u64) -> u64,
        watch: &mut Watch<'_>,
        mut take: impl FnMut(&mut Vec<f32>) -> Result<(), ConvertError>,
    ) -> Result<(), ConvertError> {
        let n_rows = tensor.shape.first().copied().unwrap_or(1);
        let width: u64 = tensor.shape.iter().skip(1).product();
        if width > MAX_ROW {
            return Err(wrong(&tensor.name, "has longer rows than any model"));
        }
        let n_together = (PIECE / width.max(1)).max(1);
        let (mut bytes, mut one, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = 0;
        while at < n_rows {
            let end = (at + n_together).min(n_rows);
            bytes.clear();
            for i in at..end {
                self.read(tensor, row(i) * width, width, &mut one)?;
                bytes.extend_from_slice(&one);
            }
            numbers::read(tensor.dtype, &bytes, &mut numbers);
            take(&mut numbers)?;
            at = end;
            self.tell(&tensor.name, watch)?;
        }
        Ok(())
    }

    fn read(
        &mut self,
        tensor: &SourceTensor,
        from: u64,
        n: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), ConvertError> {
        let path = &self.files[tensor.file];
        if self.open.as_ref().is_none_or(|(file, _)| *file != tensor.file) {
            self.open = Some((tensor.file, File::open(path).map_err(unreadable(path))?));
        }
        let Some((_, file)) = &mut self.open else { return Err(ConvertError::Missing(path.clone())) };
        let width = tensor.dtype.width();
        // The header was checked against the file, so none of this overflows; a file that shrank meanwhile ends early.
        bytes.resize((n * width) as usize, 0);
        file.seek(SeekFrom::Start(tensor.at + from * width))
            .and_then(|_| file.read_exact(bytes))
            .map_err(unreadable(path))?;
        self.n_read += n * width;
        Ok(())
    }

    fn tell(&self, tensor: &str, watch: &mut Watch<'_>) -> Result<(), ConvertError> {
        let fraction = if self.n_bytes == 0 { 1.0 } else { self.n_read as f64 / self.n_bytes as f64 };
        if watch(Progress { fraction: fraction.min(1.0), tensor }).is_break() {
            return Err(ConvertError::Stopped);
        }
        Ok(())
    }
}

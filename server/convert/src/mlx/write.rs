//! Files of weights as MLX reads them.

use super::{
    Plan,
    quantise::{Rounded, kept_as, write},
};
use crate::{
    ConvertError, Watch,
    error::{malformed, unreadable, unwritable},
    part::PartFile,
    source::Source,
};
use serde_json::{Map, Value, json};
use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};
use weights::Dtype;

/// The header is filled up to a multiple of this, so that numbers lie at places where they can be read at once.
const HEADER_ALIGNMENT: usize = 8;

/// Something of a tensor that is written: itself, or one of the three that it becomes.
struct Piece {
    name: String,
    dtype: Dtype,
    shape: Vec<u64>,
}

impl Piece {
    fn n_bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.dtype.width()
    }
}

/// What a tensor becomes, in the order in which it is written.
fn pieces(plan: &Plan) -> Vec<Piece> {
    let dtype = kept_as(plan.parts[0].dtype);
    let (Some(rounding), [outer @ .., width]) = (plan.rounding, plan.shape.as_slice()) else {
        return vec![Piece { name: plan.name.clone(), dtype, shape: plan.shape.clone() }];
    };
    let stem = plan.name.strip_suffix(".weight").unwrap_or(&plan.name);
    let with = |width: u64| [outer, &[width]].concat();
    let words = with(width * u64::from(rounding.bits) / 32);
    let groups = with(width / rounding.group as u64);
    vec![
        Piece { name: plan.name.clone(), dtype: Dtype::U32, shape: words },
        Piece { name: format!("{stem}.scales"), dtype, shape: groups.clone() },
        Piece { name: format!("{stem}.biases"), dtype, shape: groups },
    ]
}

/// Which tensors come together in a file of at most so many bytes, in their order.
pub(super) fn shards(plans: &[Plan], most: u64) -> Vec<&[Plan]> {
    let mut shards = Vec::new();
    let (mut begin, mut n_bytes) = (0, 0);
    for (i, plan) in plans.iter().enumerate() {
        let size: u64 = pieces(plan).iter().map(Piece::n_bytes).sum();
        if i > begin && n_bytes + size > most {
            shards.push(&plans[begin..i]);
            (begin, n_bytes) = (i, 0);
        }
        n_bytes += size;
    }
    shards.push(&plans[begin..]);
    shards
}

pub(super) fn shard_name(i: usize, n: usize) -> String {
    if n == 1 { "model.safetensors".to_owned() } else { format!("model-{:05}-of-{n:05}.safetensors", i + 1) }
}

/// Writes a file of weights and says how long it is.
pub(super) fn shard(
    path: &Path,
    plans: &[Plan],
    source: &mut Source,
    watch: &mut Watch<'_>,
) -> Result<u64, ConvertError> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "mlx"}));
    let mut at = 0;
    for piece in plans.iter().flat_map(pieces) {
        let end = at + piece.n_bytes();
        let entry = json!({"dtype": piece.dtype.name(), "shape": piece.shape, "data_offsets": [at, end]});
        if header.insert(piece.name.clone(), entry).is_some() {
            return Err(crate::error::tensor(&piece.name, "is there twice"));
        }
        at = end;
    }
    let mut text = serde_json::to_vec(&header).map_err(|error| malformed(path, error))?;
    text.resize(text.len().next_multiple_of(HEADER_ALIGNMENT), b' ');
    let mut file = PartFile::create(path)?;
    file.put(&(text.len() as u64).to_le_bytes())?;
    file.put(&text)?;
    let mut at = file.at();
    for plan in plans {
        at = tensor(plan, at, source, &mut file, watch)?;
    }
    file.finish(|_| Ok(()))?;
    Ok(at)
}

/// Writes what a tensor becomes from `at` on, and says where it ends.
fn tensor(
    plan: &Plan,
    at: u64,
    source: &mut Source,
    file: &mut PartFile,
    watch: &mut Watch<'_>,
) -> Result<u64, ConvertError> {
    let dtype = kept_as(plan.parts[0].dtype);
    let sizes: Vec<u64> = pieces(plan).iter().map(Piece::n_bytes).collect();
    let end = at + sizes.iter().sum::<u64>();
    let mut bytes = Vec::new();
    let Some(rounding) = plan.rounding else {
        let mut place = at;
        for part in &plan.parts {
            source.pieces(part, watch, |numbers| {
                write(dtype, numbers, &mut bytes);
                file.put_at(place, &bytes)?;
                place += bytes.len() as u64;
                Ok(())
            })?;
        }
        return Ok(end);
    };
    let mut rounded = Rounded::default();
    let mut places = [at, at + sizes[0], at + sizes[0] + sizes[1]];
    for part in &plan.parts {
        source.pieces(part, watch, |numbers| {
            rounding.round(numbers, &mut rounded);
            file.put_at(places[0], &rounded.words)?;
            places[0] += rounded.words.len() as u64;
            for (place, numbers) in places[1..].iter_mut().zip([&rounded.scales, &rounded.biases]) {
                write(dtype, numbers, &mut bytes);
                file.put_at(*place, &bytes)?;
                *place += bytes.len() as u64;
            }
            Ok(())
        })?;
    }
    Ok(end)
}

/// Writes the list of files.
pub(super) fn index(folder: &Path, shards: &[&[Plan]]) -> Result<(), ConvertError> {
    let mut weight_map = Map::new();
    let mut total = 0;
    for (i, shard) in shards.iter().enumerate() {
        for piece in shard.iter().flat_map(pieces) {
            total += piece.n_bytes();
            weight_map.insert(piece.name, Value::String(shard_name(i, shards.len())));
        }
    }
    let path = folder.join("model.safetensors.index.json");
    let index = json!({"metadata": {"total_size": total}, "weight_map": weight_map});
    let text = serde_json::to_vec_pretty(&index).map_err(|error| malformed(&path, error))?;
    synced(&path, &text)
}

/// Writes a small file and brings it to the disk.
pub(super) fn synced(path: &Path, bytes: &[u8]) -> Result<(), ConvertError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(unwritable(path))
}

/// Copies a file and brings the copy to the disk.
pub(super) fn synced_copy(from: &Path, to: &Path) -> Result<(), ConvertError> {
    let mut source = File::open(from).map_err(unreadable(from))?;
    let mut copy = || {
        let mut file = File::create(to)?;
        io::copy(&mut source, &mut file)?;
        file.sync_all()
    };
    copy().map_err(unwritable(to))
}

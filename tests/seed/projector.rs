//! Writes a small projector with random weights: what a model sees through it is noise, but it sees.

use std::{fs, io, path::Path};

const WIDTH: u64 = 32;
const N_FF: u64 = 48;
const N_LAYER: u32 = 2;
/// Pixels of an image's side, and of a patch's.
const SIDE: u32 = 64;
const PATCH: u32 = 8;

/// GGUF's numbers for types of values, and where tensors begin.
const U32: u32 = 4;
const F32: u32 = 6;
const BOOL: u32 = 7;
const STRING: u32 = 8;
const ARRAY: u32 = 9;
const ALIGNMENT: usize = 32;

/// A name, a shape with the fastest dimension first, and the weights.
type Tensor = (String, Vec<u64>, Vec<f32>);

/// Writes a projector for models whose tokens have vectors of `n_embd` numbers.
pub(crate) fn write(path: &Path, n_embd: u64) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(7);
    let tensors = tensors(n_embd, &mut random);
    let mut values = Vec::new();
    let mut n_values = 0_u64;
    let mut add = |name: &str, kind: u32, bytes: &[u8]| {
        n_values += 1;
        text(&mut values, name);
        values.extend(kind.to_le_bytes());
        values.extend(bytes);
    };
    let string = |value: &str| {
        let mut bytes = Vec::new();
        text(&mut bytes, value);
        bytes
    };
    add("general.architecture", STRING, &string("clip"));
    add("clip.projector_type", STRING, &string("mlp"));
    add("clip.has_vision_encoder", BOOL, &[1]);
    for (name, number) in [
        ("embedding_length", WIDTH as u32),
        ("attention.head_count", 2),
        ("feed_forward_length", N_FF as u32),
        ("block_count", N_LAYER),
        ("projection_dim", n_embd as u32),
        ("image_size", SIDE),
        ("patch_size", PATCH),
    ] {
        add(&format!("clip.vision.{name}"), U32, &number.to_le_bytes());
    }
    add("clip.vision.attention.layer_norm_epsilon", F32, &1e-5_f32.to_le_bytes());
    let halves: Vec<u8> = [F32.to_le_bytes().to_vec(), 3_u64.to_le_bytes().to_vec()]
        .into_iter()
        .chain([0.5_f32; 3].map(|half| half.to_le_bytes().to_vec()))
        .flatten()
        .collect();
    add("clip.vision.image_mean", ARRAY, &halves);
    add("clip.vision.image_std", ARRAY, &halves);
    fs::write(path, file(&tensors, n_values, values))
}

fn tensors(n_embd: u64, random: &mut fastrand::Rng) -> Vec<Tensor> {
    let n_patches = u64::from(SIDE / PATCH).pow(2);
    let patch = u64::from(PATCH);
    let mut tensors = vec![
        weights("v.patch_embd.weight", &[patch, patch, 3, WIDTH], random),
        weights("v.position_embd.weight", &[WIDTH, n_patches], random),
    ];
    for i in 0..N_LAYER {
        for (name, n_in, n_out) in [
            ("attn_q", WIDTH, WIDTH),
            ("attn_k", WIDTH, WIDTH),
            ("attn_v", WIDTH, WIDTH),
            ("attn_out", WIDTH, WIDTH),
            ("ffn_up", WIDTH, N_FF),
            ("ffn_down", N_FF, WIDTH),
        ] {
            tensors.extend(linear(&format!("v.blk.{i}.{name}"), n_in, n_out, random));
        }
        for name in ["ln1", "ln2"] {
            let width = WIDTH as usize;
            tensors.push((format!("v.blk.{i}.{name}.weight"), vec![WIDTH], vec![1.0; width]));
            tensors.push((format!("v.blk.{i}.{name}.bias"), vec![WIDTH], vec![0.0; width]));
        }
    }
    tensors.extend(linear("mm.0", WIDTH, n_embd, random));
    tensors.extend(linear("mm.2", n_embd, n_embd, random));
    tensors
}

fn linear(name: &str, n_in: u64, n_out: u64, random: &mut fastrand::Rng) -> [Tensor; 2] {
    let weight = weights(&format!("{name}.weight"), &[n_in, n_out], random);
    [weight, (format!("{name}.bias"), vec![n_out], vec![0.0; n_out as usize])]
}

fn weights(name: &str, shape: &[u64], random: &mut fastrand::Rng) -> Tensor {
    let n_in: u64 = shape[..shape.len() - 1].iter().product();
    let scale = (n_in as f32).sqrt().recip();
    let n: u64 = shape.iter().product();
    (name.to_owned(), shape.to_vec(), (0..n).map(|_| (random.f32() * 2.0 - 1.0) * scale).collect())
}

fn file(tensors: &[Tensor], n_values: u64, values: Vec<u8>) -> Vec<u8> {
    let mut file = b"GGUF".to_vec();
    file.extend(3_u32.to_le_bytes());
    file.extend((tensors.len() as u64).to_le_bytes());
    file.extend(n_values.to_le_bytes());
    file.extend(values);
    let mut offset = 0_u64;
    for (name, shape, weights) in tensors {
        text(&mut file, name);
        file.extend((shape.len() as u32).to_le_bytes());
        shape.iter().for_each(|n| file.extend(n.to_le_bytes()));
        // Type 0 is single precision.
        file.extend(0_u32.to_le_bytes());
        file.extend(offset.to_le_bytes());
        offset += (weights.len() * 4).next_multiple_of(ALIGNMENT) as u64;
    }
    for (_, _, weights) in tensors {
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        weights.iter().for_each(|weight| file.extend(weight.to_le_bytes()));
    }
    file
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

//! Rounded as MLX itself does. `tests/parity/mlx_expected.py` says how what is expected was made.

use crate::support::{digest, go_on, json, model, names, parity};
use convert::{MlxOptions, to_mlx};
use serde_json::Value;
use std::{collections::BTreeMap, env, ffi::OsStr, fs, process::Command};
use weights::folders::{Quantisation, mlx};

/// Compares all tensors of a model, and what is beside them.
#[track_caller]
fn check(name: &str, bits: u32) {
    let (work, folder) = model(name);
    let target = work.path().join("mlx");
    let report = to_mlx(&folder, &target, &MlxOptions { bits, group_size: 64 }, &mut go_on()).unwrap();
    let found = mlx(&target).unwrap().unwrap();
    assert_eq!(found.quantisation, Some(Quantisation { group_size: 64, bits }));
    let mut tensors = BTreeMap::new();
    for file in found.files {
        let header = weights::read_header(&file).unwrap();
        let bytes = fs::read(&file).unwrap();
        assert_eq!(header.data_start % 8, 0);
        for (name, it) in header.tensors {
            let (begin, end) =
                ((header.data_start + it.begin) as usize, (header.data_start + it.end) as usize);
            tensors.insert(name, (it.dtype.name().to_owned(), it.shape, digest(&bytes[begin..end])));
        }
    }
    let all = json(&parity().join("mlx_expected.json"));
    let expected: BTreeMap<String, (String, Vec<u64>, String)> =
        serde_json::from_value(all[name][bits.to_string()].clone()).unwrap();
    assert_eq!(tensors.len(), report.n_tensors + 2 * report.n_rounded);
    assert_eq!(tensors, expected, "{name} in {bits} bits");
    let config = json(&target.join("config.json"));
    assert_eq!(config["architectures"], json(&folder.join("config.json"))["architectures"]);
    assert!(names(&target).iter().any(|name| name.starts_with("tokenizer.")));
}

/// Compares every model of which it is known.
#[track_caller]
fn check_all(bits: u32) {
    let all = json(&parity().join("mlx_expected.json"));
    let models = all.as_object().unwrap();
    assert!(models.len() > 13);
    for name in models.keys() {
        check(name, bits);
    }
}

#[test]
fn all_families_in_four_bits() {
    check_all(4);
}

#[test]
fn all_families_in_eight_bits() {
    check_all(8);
}

/// Reads what was written of a model as MLX itself does.
#[track_caller]
fn check_read_back(packages: &OsStr, name: &str, bits: u32) {
    let (work, folder) = model(name);
    let target = work.path().join("mlx");
    let report = to_mlx(&folder, &target, &MlxOptions { bits, group_size: 64 }, &mut go_on()).unwrap();
    assert!(report.n_rounded > 0);
    #[expect(clippy::disallowed_methods, reason = "nothing of the product starts it")]
    let mut python = Command::new("python3");
    python.arg(parity().join("mlx_read_back.py")).args([&target, &folder]).env("PYTHONPATH", packages);
    let read = python.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    assert!(read.status.success(), "{name} in {bits} bits: {}", said(&read.stderr));
    assert_eq!(said(&read.stdout), report.n_rounded.to_string(), "{name} in {bits} bits");
}

#[test]
fn mlx_itself_reads_back_what_was_written() {
    let packages = env::var_os("CHAOSENGINE_TEST_MLX");
    let packages = packages.expect("CHAOSENGINE_TEST_MLX is not set: run the tests with `cargo xtask test`");
    if packages == "none" {
        return println!("there is no MLX for this system");
    }
    for name in ["gemma3", "llama3", "mistral-json", "qwen2", "qwen3"] {
        for bits in [4, 8] {
            check_read_back(&packages, name, bits);
        }
    }
}

#[test]
fn what_chooses_among_experts_is_rounded_as_mlx_does_and_said_to_be() {
    let check = |name: &str, layer: &str, expected: Value| {
        let (work, folder) = model(name);
        let target = work.path().join("mlx");
        to_mlx(&folder, &target, &MlxOptions::default(), &mut go_on()).unwrap();
        assert_eq!(json(&target.join("config.json"))["quantization"][layer], expected);
    };
    check("qwen3moe", "model.layers.1.mlp.gate", serde_json::json!({"bits": 8, "group_size": 64}));
    check("qwen2moe", "model.layers.1.mlp.gate", Value::Null);
    check("mixtral", "model.layers.1.block_sparse_moe.gate", Value::Null);
}

#[test]
fn roundings_that_there_are_not_are_refused() {
    let (work, folder) = model("llama3");
    for options in [MlxOptions { bits: 5, group_size: 64 }, MlxOptions { bits: 4, group_size: 7 }] {
        let refused = to_mlx(&folder, &work.path().join("x"), &options, &mut go_on());
        assert!(refused.unwrap_err().to_string().contains("4 or 8 bits"));
    }
    assert_eq!(names(work.path()), ["llama3"]);
}

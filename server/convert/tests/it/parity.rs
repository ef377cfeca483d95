//! The same model through the reference converter and through this one: the same file. `tests/parity/make.py` says how
//! what is expected was made.

use crate::{
    gguf_file::{GgufFile, read},
    support::{go_on, json, model, parity},
};
use convert::{Options, OutType, hf_to_gguf, hf_to_projector, projector_bytes};
use serde_json::Value;

/// What is the same for all types is there once.
fn expected(all: &Value, out: &str) -> GgufFile {
    let own = &all["types"][out];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut keys: Vec<(String, String)> = serde_json::from_value(all["keys"].clone()).unwrap();
    let file_type = keys.iter_mut().find(|(key, _)| key == "general.file_type").unwrap();
    file_type.1 = text(&own["file_type"]);
    let names: Vec<(String, Vec<u64>)> = serde_json::from_value(all["tensors"].clone()).unwrap();
    let digests: Vec<(String, String)> = serde_json::from_value(own["tensors"].clone()).unwrap();
    assert_eq!(names.len(), digests.len());
    let tensors = names.into_iter().zip(digests);
    let tensors = tensors.map(|((name, dimensions), (kind, digest))| (name, kind, dimensions, digest));
    GgufFile { file: text(&own["file"]), keys, tensors: tensors.collect() }
}

/// Compares a model in every type that is expected, but for the values of keys that are other on purpose.
#[track_caller]
fn check(name: &str, others: &[&str]) {
    let (_work, folder) = model(name);
    let all = json(&parity().join("expected.json"));
    let types = all[name]["types"].as_object().unwrap();
    assert!(!types.is_empty());
    for out in types.keys() {
        let option = match out.as_str() {
            "f32" => Some(OutType::F32),
            "f16" => Some(OutType::F16),
            "bf16" => Some(OutType::Bf16),
            "q8_0" => Some(OutType::Q8_0),
            _ => None,
        };
        let target = folder.with_file_name(format!("{out}.gguf"));
        let report = hf_to_gguf(&folder, &target, &Options { out: option, id: None }, &mut go_on()).unwrap();
        let (mut found, mut expected) = (read(&target), expected(&all[name], out));
        assert_eq!(report.n_tensors, expected.tensors.len());
        assert_eq!(found.tensors, expected.tensors, "{name} as {out}");
        for (key, value) in found.keys.iter_mut().chain(&mut expected.keys) {
            if others.contains(&key.as_str()) {
                value.clear();
            }
        }
        assert_eq!(found.keys, expected.keys, "{name} as {out}");
        if others.is_empty() {
            assert_eq!(found.file, expected.file, "{name} as {out}");
        }
    }
}

/// Compares what lets a model look at images.
#[track_caller]
fn check_projector(name: &str) {
    let (_work, folder) = model(name);
    let all = json(&parity().join("expected.json"));
    let target = folder.with_file_name("mmproj.gguf");
    let report = hf_to_projector(&folder, &target, None, &mut go_on()).unwrap().unwrap();
    let (found, expected) = (read(&target), expected(&all[name]["mmproj"], "f16"));
    assert_eq!(report.n_tensors, expected.tensors.len());
    assert_eq!(found.tensors, expected.tensors, "{name}");
    assert_eq!(found.keys, expected.keys, "{name}");
    assert_eq!(found.file, expected.file, "{name}");
    // What it takes is known before, but for its header.
    let n_bytes = projector_bytes(&folder).unwrap().unwrap();
    assert!(report.n_bytes / 2 < n_bytes && n_bytes < report.n_bytes, "{n_bytes} of {}", report.n_bytes);
}

#[test]
fn llama_with_sentencepiece_in_two_files() {
    check("llama-spm", &[]);
}

#[test]
fn llama_3_with_stretched_positions() {
    check("llama3", &[]);
}

#[test]
fn smollm_3() {
    check("smollm3", &[]);
}

#[test]
fn llama_with_biases_and_rows_that_are_no_whole_blocks() {
    check("llama-bias", &[]);
}

#[test]
fn mistral_whose_tokenizer_is_in_json_alone() {
    // The reference gives all tokens the same score, with which llama.cpp joins them in the wrong order.
    check("mistral-json", &["tokenizer.ggml.scores"]);
}

#[test]
fn smollm() {
    check("smollm", &[]);
}

#[test]
fn qwen_2_with_biases_and_several_templates() {
    check("qwen2", &[]);
}

#[test]
fn qwen_3_with_norms_of_heads() {
    check("qwen3", &[]);
}

#[test]
fn qwen_2_with_experts_in_several_files_and_one_that_all_share() {
    check("qwen2moe", &[]);
}

#[test]
fn qwen_3_with_experts_whose_rows_are_no_whole_blocks() {
    check("qwen3moe", &[]);
}

#[test]
fn qwen_3_whose_experts_lie_together() {
    check("qwen3moe-stacked", &[]);
}

#[test]
fn mixtral_with_experts_in_several_files() {
    check("mixtral", &[]);
}

#[test]
fn gemma() {
    check("gemma", &[]);
}

#[test]
fn gemma_2() {
    check("gemma2", &[]);
}

#[test]
fn gemma_3_whose_weights_are_in_half_precision() {
    check("gemma3", &[]);
}

#[test]
fn gemma_3_which_sees_images() {
    check("gemma3-vision", &[]);
}

#[test]
fn what_lets_gemma_3_look_at_images() {
    check_projector("gemma3-vision");
}

#[test]
fn smolvlm_whose_heads_are_not_counted() {
    check("smolvlm", &[]);
}

#[test]
fn what_lets_smolvlm_look_at_images() {
    check_projector("smolvlm");
}

#[test]
fn qwen_2_which_sees_images() {
    check("qwen2vl", &[]);
    check("qwen25vl", &[]);
}

#[test]
fn what_lets_qwen_2_look_at_images() {
    check_projector("qwen2vl");
    check_projector("qwen25vl");
}

#[test]
fn qwen_3_which_sees_images() {
    check("qwen3vl", &[]);
}

#[test]
fn what_lets_qwen_3_look_at_images() {
    check_projector("qwen3vl");
}

#[test]
fn a_name_that_is_given_counts_before_that_of_the_folder() {
    let (work, folder) = model("gemma");
    let target = work.path().join("x.gguf");
    let options = Options { id: Some("acme/Tiny-1B-Chat".to_owned()), ..Options::default() };
    hf_to_gguf(&folder, &target, &options, &mut go_on()).unwrap();
    assert_eq!(gguf::read_header(&target).unwrap().name.as_deref(), Some("Tiny 1B Chat"));
}

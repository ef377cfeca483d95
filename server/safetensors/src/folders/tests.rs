use super::{Quantisation, mlx, pipeline};
use std::{fs, path::Path};

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

const INDEX: &str = r#"{
    "_class_name": "FluxPipeline",
    "_diffusers_version": "0.30",
    "requires_safety_checker": true,
    "safety_checker": [null, null],
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "transformer": ["diffusers", "FluxTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"]
}"#;

const WHOLE: [(&str, &str); 9] = [
    ("model_index.json", INDEX),
    ("scheduler/scheduler_config.json", "{}"),
    ("text_encoder/config.json", "{}"),
    ("text_encoder/model.safetensors", ""),
    ("tokenizer/vocab.json", "{}"),
    ("transformer/config.json", "{}"),
    ("transformer/diffusion_pytorch_model.safetensors", ""),
    ("vae/config.json", "{}"),
    ("vae/diffusion_pytorch_model.fp16.safetensors", ""),
];

/// What is missing when these files are gone or others are there.
#[track_caller]
fn check(without: &[&str], with: &[(&str, &str)], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let kept: Vec<_> = WHOLE.into_iter().filter(|(name, _)| !without.contains(name)).collect();
    write(folder.path(), &kept);
    write(folder.path(), with);
    let found = match pipeline(folder.path()) {
        Ok(Some(found)) => {
            let missing = found.missing.iter().map(|it| format!("{}: {}", it.component, it.reason));
            missing.collect::<Vec<_>>().join("; ")
        }
        Ok(None) => "none".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found}");
}

#[test]
fn a_whole_pipeline_lists_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &WHOLE);
    let found = pipeline(folder.path()).unwrap().unwrap();
    assert_eq!((found.class.as_str(), found.missing.len()), ("FluxPipeline", 0));
    let names: Vec<_> = found.components.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"]);
}

#[test]
fn missing_parts_are_named() {
    check(&[], &[], "");
    check(&["model_index.json"], &[], "none");
    check(&["scheduler/scheduler_config.json"], &[], "scheduler: its folder is missing");
    check(&["vae/config.json"], &[], "vae: its config.json is missing");
    check(&["text_encoder/model.safetensors"], &[], "text_encoder: its weights are missing");
    let list = r#"{"weight_map": {"a": "diffusion_pytorch_model-1.safetensors", "b": "x.safetensors"}}"#;
    check(
        &[],
        &[
            ("transformer/diffusion_pytorch_model.safetensors.index.json", list),
            ("transformer/x.safetensors", ""),
        ],
        "transformer: 1 of 2 parts are missing: diffusion_pytorch_model-1.safetensors",
    );
}

#[test]
fn indices_that_are_none_are_refused() {
    check(&[], &[("model_index.json", "{")], "cannot be used");
    check(&[], &[("model_index.json", "[]")], "cannot be used");
    check(&[], &[("model_index.json", "{}")], "which pipeline");
    check(&[], &[("model_index.json", r#"{"_class_name": "A", "../x": ["a", "b"]}"#)], "no name of a part");
    let many: Vec<String> = (0..100).map(|i| format!(r#""c{i}": ["a", "b"]"#)).collect();
    let many = format!(r#"{{"_class_name": "A", {}}}"#, many.join(","));
    check(&[], &[("model_index.json", &many)], "more parts");
    check(&[], &[("model_index.json", &" ".repeat(2 << 20))], "longer than");
}

#[test]
fn models_of_mlx_say_how_they_are_rounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    assert_eq!(mlx(path).unwrap(), None);
    write(path, &[("config.json", r#"{"quantization": {"group_size": 64, "bits": 4}}"#)]);
    assert_eq!(mlx(path).unwrap(), None, "no weights");
    let header = br#"{"__metadata__":{"format":"mlx"}}"#;
    fs::write(path.join("model.safetensors"), [&(header.len() as u64).to_le_bytes()[..], header].concat())
        .unwrap();
    let found = mlx(path).unwrap().unwrap();
    assert_eq!(found.quantisation, Some(Quantisation { group_size: 64, bits: 4 }));
    write(path, &[("config.json", "{}")]);
    assert_eq!(mlx(path).unwrap().unwrap().quantisation, None);
    write(path, &[("config.json", r#"{"quantization": {"bits": 4}}"#)]);
    assert!(mlx(path).unwrap_err().to_string().contains("lacks"));
    write(path, &[("config.json", r#"{"quantization": {"group_size": 0, "bits": 400}}"#)]);
    assert!(mlx(path).is_err());
}

//! Models that are not whole, not known, or not wanted any more.

use crate::support::{go_on, json, model, names, write_weights};
use convert::{
    ConvertError, MlxOptions, Options, Progress, hf_to_gguf, hf_to_projector, projector_bytes, to_mlx,
};
use serde_json::{Value, json};
use std::{fs, ops::ControlFlow, path::Path};

/// What is said of a model that was changed when it becomes a GGUF file; nothing stays of it.
#[track_caller]
fn check(name: &str, change: impl Fn(&Path), expected: &str) {
    let (work, folder) = model(name);
    change(&folder);
    let gguf = hf_to_gguf(&folder, &work.path().join("x.gguf"), &Options::default(), &mut go_on());
    let found = gguf.map_or_else(|err| err.to_string(), |_| "ok".to_owned());
    assert!(found.contains(expected), "{found}");
    assert_eq!(names(work.path()), [name]);
}

/// Likewise, and the same when it becomes one of MLX.
#[track_caller]
fn check_both(name: &str, change: impl Fn(&Path), expected: &str) {
    check(name, &change, expected);
    check_mlx(name, &change, expected);
}

/// Likewise, when it becomes one of MLX alone.
#[track_caller]
fn check_mlx(name: &str, change: impl Fn(&Path), expected: &str) {
    let (work, folder) = model(name);
    change(&folder);
    let mlx = to_mlx(&folder, &work.path().join("x"), &MlxOptions::default(), &mut go_on());
    let found = mlx.map_or_else(|err| err.to_string(), |_| "ok".to_owned());
    assert!(found.contains(expected), "{found}");
    assert_eq!(names(work.path()), [name]);
}

/// Likewise, of what lets a model look at images, when it is written and when it is measured; what writes is written all the
/// same.
#[track_caller]
fn check_projector(name: &str, change: impl Fn(&Path), expected: &str) {
    let (work, folder) = model(name);
    change(&folder);
    let measured = projector_bytes(&folder).map(drop);
    let written = hf_to_projector(&folder, &work.path().join("x.gguf"), None, &mut go_on()).map(drop);
    for found in [measured, written] {
        let found = found.map_or_else(|err| err.to_string(), |()| "ok".to_owned());
        assert!(found.contains(expected), "{found}");
    }
    assert_eq!(names(work.path()), [name]);
    hf_to_gguf(&folder, &work.path().join("x.gguf"), &Options::default(), &mut go_on()).unwrap();
}

/// Changes a description.
fn set(file: &str, key: &str, value: Value) -> impl Fn(&Path) {
    move |folder| {
        let path = folder.join(file);
        let mut whole = json(&path);
        whole[key] = value.clone();
        fs::write(path, whole.to_string()).unwrap();
    }
}

/// Leaves tensors out, or writes others.
fn tensors(change: impl Fn(&mut Vec<(String, String, Vec<u64>)>)) -> impl Fn(&Path) {
    move |folder| {
        let listed = json(&folder.join("tensors.json"));
        let mut tensors = serde_json::from_value(listed["tensors"].clone()).unwrap();
        change(&mut tensors);
        write_weights(folder, &tensors, 1);
    }
}

#[test]
fn kinds_of_models_that_are_not_converted() {
    check_both("llama3", set("config.json", "architectures", json!(["BertModel"])), "the kind “BertModel”");
    let quantised = json!({"quant_method": "awq"});
    check_both("llama3", set("config.json", "quantization_config", quantised), "quantised already (awq)");
    check_both("llama3", tensors(|all| all[3].1 = "F8_E4M3".to_owned()), "quantised already (F8_E4M3)");
    check(
        "llama3",
        set("config.json", "rope_scaling", json!({"rope_type": "spiral", "factor": 2})),
        "spiral",
    );
    let other_layers = "other layers know no positions";
    check("smollm3", set("config.json", "no_rope_layers", json!([1, 0])), other_layers);
    let each_second = |folder: &Path| {
        set("config.json", "no_rope_layers", Value::Null)(folder);
        set("config.json", "no_rope_layer_interval", json!(2))(folder);
    };
    check("smollm3", each_second, other_layers);
}

#[test]
fn weights_that_are_not_whole() {
    check_both(
        "llama3",
        |folder| fs::remove_file(folder.join("model.safetensors")).unwrap(),
        "there are no weights",
    );
    let second = "model-00002-of-00002.safetensors";
    check_both("llama-spm", |folder| fs::remove_file(folder.join(second)).unwrap(), second);
    check_both(
        "llama3",
        |folder| {
            let path = folder.join("model.safetensors");
            let bytes = fs::read(&path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        },
        "cut off",
    );
    let down = "model.layers.1.mlp.down_proj.weight";
    check_both(
        "llama3",
        tensors(|all| all.retain(|it| it.0 != down)),
        "“blk.1.ffn_down.weight” is missing from",
    );
    let headless = |all: &mut Vec<(String, String, Vec<u64>)>| all.retain(|it| it.0 != "lm_head.weight");
    let untied = |folder: &Path| {
        tensors(headless)(folder);
        set("config.json", "tie_word_embeddings", json!(false))(folder);
    };
    check_both("qwen3moe", untied, "“output.weight” is missing from");
    check_both(
        "llama3",
        tensors(|all| all.push(("extra".into(), "F32".into(), vec![1]))),
        "“extra” is none that",
    );
    check("llama3", set("config.json", "num_attention_heads", json!(7)), "heads cannot share");
    check(
        "llama3",
        tensors(|all| {
            let embedding = all.iter_mut().find(|it| it.0.contains("embed_tokens")).unwrap();
            embedding.2[0] += 1;
        }),
        "a row of 64 for each of 304 tokens",
    );
}

#[test]
fn experts_that_are_not_whole() {
    let expert = "model.layers.1.mlp.experts.7.up_proj.weight";
    check_both(
        "qwen3moe",
        tensors(|all| all.retain(|it| it.0 != expert)),
        &format!("“{expert}” is missing from"),
    );
    check_both(
        "qwen3moe",
        tensors(|all| all.retain(|it| !it.0.contains("layers.1.mlp.experts"))),
        "“blk.1.ffn_gate_exps.weight” is missing from",
    );
    check_both(
        "qwen3moe",
        set("config.json", "num_experts", json!(12)),
        "experts.11.down_proj.weight” is missing",
    );
    check_both("qwen3moe", set("config.json", "num_experts", json!(10)), "an expert past the 10 that");
    check_both("qwen3moe", set("config.json", "num_experts", json!(0)), "number of experts");
    check("qwen3moe", set("config.json", "num_experts_per_tok", json!(12)), "num_experts_per_tok is");
    check_both(
        "qwen3moe",
        set("config.json", "num_hidden_layers", json!(1)),
        "layer that the description does not",
    );
    check_both(
        "qwen3moe-stacked",
        set("config.json", "num_experts", json!(4)),
        "which 4 experts cannot share",
    );
    let reshape = |name: &'static str, shape: Vec<u64>| {
        tensors(move |all| {
            let tensor = all.iter_mut().find(|it| it.0 == name).unwrap();
            tensor.2.clone_from(&shape);
        })
    };
    check_both(
        "qwen3moe",
        reshape(expert, vec![47, 64]),
        "“model.layers.1.mlp.experts.7.up_proj.weight” has the shape",
    );
    check_both("qwen3moe", reshape(expert, vec![1, 48, 64]), "has the shape [1, 48, 64]");
    let of_another_type = |all: &mut Vec<(String, String, Vec<u64>)>| {
        all.iter_mut().find(|it| it.0 == expert).unwrap().1 = "F16".into()
    };
    check_mlx("qwen3moe", tensors(of_another_type), "another type than the first");
}

#[test]
fn what_sees_images_is_not_whole_or_not_known() {
    check_projector("llama3", |_| (), "ok");
    let root = "vision_tower.vision_model.";
    let norm = "vision_tower.vision_model.encoder.layers.0.layer_norm2.bias";
    let missing = format!("“{norm}” is missing from");
    check_projector("gemma3-vision", tensors(|all| all.retain(|it| it.0 != norm)), &missing);
    check_projector(
        "gemma3-vision",
        tensors(|all| all.iter_mut().find(|it| it.0 == norm).unwrap().2 = vec![33]),
        "has the shape [33], and not [32]",
    );
    check_projector(
        "gemma3-vision",
        tensors(|all| all.push((format!("{root}more"), "BF16".into(), vec![1]))),
        "more” is none that what sees images has",
    );
    let rounded = |all: &mut Vec<(String, String, Vec<u64>)>| {
        all.iter_mut().find(|it| it.0 == norm).unwrap().1 = "F8_E4M3".into();
    };
    check_projector("gemma3-vision", tensors(rounded), "quantised already (F8_E4M3)");
    // What models do not read may be there.
    let pooled = format!("{root}head.probe");
    let (work, folder) = model("gemma3-vision");
    tensors(|all| all.push((pooled.clone(), "BF16".into(), vec![1])))(&folder);
    let written = hf_to_projector(&folder, &work.path().join("x.gguf"), None, &mut go_on()).unwrap();
    assert!(written.is_some_and(|report| report.n_tensors == 23));
    check_projector(
        "smolvlm",
        |folder| {
            fs::remove_file(folder.join("preprocessor_config.json")).unwrap();
            fs::remove_file(folder.join("processor_config.json")).unwrap();
        },
        "preprocessor_config.json is missing",
    );
    check_projector("smolvlm", set("config.json", "scale_factor", json!(2)), "and not [64, 128]");
    check_projector(
        "qwen2vl",
        tensors(|all| all.iter_mut().find(|it| it.0.contains("blocks.1.attn.qkv.w")).unwrap().2[0] = 95),
        "has the shape [95, 32], and not [96, 32]",
    );
    check_projector(
        "qwen2vl",
        tensors(|all| all.iter_mut().find(|it| it.0.contains("patch_embed")).unwrap().2[2] = 1),
        "has the shape [32, 3, 1, 14, 14], and not [32, 3, 2, 14, 14]",
    );
    check_projector(
        "llama3",
        |folder| {
            set("config.json", "vision_config", json!({"model_type": "clip_vision_model"}))(folder);
            tensors(|all| all.push((format!("{root}post_layernorm.bias"), "BF16".into(), vec![8])))(folder);
        },
        "in models of the kind “LlamaForCausalLM” cannot be converted here",
    );
}

#[test]
fn what_the_models_own_layers_hear_of_has_its_place_in_the_tower() {
    check_projector(
        "qwen3vl",
        tensors(|all| all.retain(|it| !it.0.contains("merger_list.1."))),
        "“visual.deepstack_merger_list.1.linear_fc1.bias” is missing from",
    );
    check_projector(
        "qwen3vl",
        tensors(|all| {
            all.push(("model.visual.deepstack_merger_list.2.norm.bias".into(), "BF16".into(), vec![128]))
        }),
        "is none that what sees images has",
    );
    check_projector(
        "qwen3vl",
        tensors(|all| all.iter_mut().find(|it| it.0.contains("pos_embed")).unwrap().2 = vec![25, 32]),
        "has the shape [25, 32], and not [16, 32]",
    );
    let deep = json!({"depth": 4, "deepstack_visual_indexes": [0, 1, 2]});
    check("qwen3vl", set("config.json", "vision_config", deep), "too few layers");
}

#[test]
fn what_sees_images_is_not_lost_for_mlx() {
    for name in ["smolvlm", "qwen2vl", "qwen3vl"] {
        check_mlx(name, |_| (), "cannot be written for MLX");
    }
}

#[test]
fn layers_without_experts_among_others_that_have_them() {
    check_both("qwen3moe", set("config.json", "mlp_only_layers", json!([0])), "in some layers only");
    let dense = "model.layers.0.mlp.gate_proj.weight";
    check_both(
        "qwen3moe",
        tensors(|all| all.push((dense.to_owned(), "BF16".to_owned(), vec![96, 64]))),
        &format!("“{dense}” is none that"),
    );
}

#[test]
fn tokenizers_that_are_not_whole() {
    check(
        "llama3",
        |folder| fs::remove_file(folder.join("tokenizer.json")).unwrap(),
        "tokenizer.json is missing",
    );
    check(
        "llama3",
        |folder| fs::write(folder.join("tokenizer.json"), "{").unwrap(),
        "tokenizer.json is not what",
    );
    check(
        "gemma",
        |folder| fs::write(folder.join("tokenizer.model"), "<html>").unwrap(),
        "tokenizer.model is not",
    );
    check(
        "llama3",
        set("tokenizer.json", "pre_tokenizer", json!({"type": "Whitespace"})),
        "the tokenizer cannot",
    );
    check("llama3", set("config.json", "vocab_size", json!(200)), "the tokenizer cannot");
}

#[test]
fn descriptions_that_are_none() {
    check_both(
        "llama3",
        |folder| fs::remove_file(folder.join("config.json")).unwrap(),
        "config.json is missing",
    );
    check_both(
        "llama3",
        |folder| fs::write(folder.join("config.json"), "[".repeat(100_000)).unwrap(),
        "not what",
    );
    check_both(
        "llama3",
        |folder| fs::write(folder.join("config.json"), " ".repeat(5 << 20)).unwrap(),
        "longer than",
    );
    check("llama3", set("config.json", "num_attention_heads", json!(0)), "no heads");
    check("llama3", set("config.json", "head_dim", json!(1 << 17)), "a width that no model has");
    check("llama3", set("config.json", "head_dim", json!(0)), "a width that no model has");
}

/// Whether whoever watches sees a conversion grow, and may stop it anywhere.
#[track_caller]
fn check_watched(name: &str) {
    let (work, folder) = model(name);
    let target = work.path().join("x.gguf");
    let mut seen = Vec::new();
    let mut watch = |progress: Progress<'_>| {
        seen.push(progress.fraction);
        ControlFlow::Continue(())
    };
    hf_to_gguf(&folder, &target, &Options::default(), &mut watch).unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&1.0) && seen.len() > 20, "{seen:?}");

    for stop_at in [1, 10, seen.len()] {
        let mut n = 0;
        let mut watch = |_: Progress<'_>| {
            n += 1;
            if n == stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let stopped = hf_to_gguf(&folder, &work.path().join("y.gguf"), &Options::default(), &mut watch);
        assert!(matches!(stopped, Err(ConvertError::Stopped)));
        let mut n = 0;
        let mut watch = |_: Progress<'_>| {
            n += 1;
            if n == stop_at.min(20) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let stopped = to_mlx(&folder, &work.path().join("y"), &MlxOptions::default(), &mut watch);
        assert!(matches!(stopped, Err(ConvertError::Stopped)));
        assert_eq!(names(work.path()), [name, "x.gguf"]);
    }
}

#[test]
fn whoever_watches_sees_it_grow_and_may_stop_it() {
    check_watched("qwen2");
    check_watched("qwen2moe");
    check_watched("mixtral");
}

#[test]
fn what_sees_images_is_watched_and_stopped_likewise_and_replaces_nothing() {
    for name in ["smolvlm", "qwen2vl", "qwen3vl"] {
        let (work, folder) = model(name);
        let target = work.path().join("x.gguf");
        let mut seen = Vec::new();
        let mut watch = |progress: Progress<'_>| {
            seen.push(progress.fraction);
            ControlFlow::Continue(())
        };
        hf_to_projector(&folder, &target, None, &mut watch).unwrap();
        assert!(seen.is_sorted() && seen.last() == Some(&1.0) && seen.len() > 20, "{seen:?}");
        let again = hf_to_projector(&folder, &target, None, &mut go_on());
        assert!(matches!(again, Err(ConvertError::Exists(_))));
        let mut stop = |_: Progress<'_>| ControlFlow::Break(());
        let stopped = hf_to_projector(&folder, &work.path().join("y.gguf"), None, &mut stop);
        assert!(matches!(stopped, Err(ConvertError::Stopped)));
        assert_eq!(names(work.path()), [name, "x.gguf"]);
    }
}

#[test]
fn nothing_is_replaced() {
    let (work, folder) = model("llama3");
    let target = work.path().join("x");
    fs::write(&target, "mine").unwrap();
    let gguf = hf_to_gguf(&folder, &target, &Options::default(), &mut go_on());
    assert!(matches!(gguf, Err(ConvertError::Exists(_))));
    let mlx = to_mlx(&folder, &target, &MlxOptions::default(), &mut go_on());
    assert!(matches!(mlx, Err(ConvertError::Exists(_))));
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    // What an attempt left that did not end well is in nobody's way.
    fs::write(work.path().join("y.gguf.part"), "old").unwrap();
    hf_to_gguf(&folder, &work.path().join("y.gguf"), &Options::default(), &mut go_on()).unwrap();
    fs::create_dir(work.path().join(".z.part")).unwrap();
    fs::write(work.path().join(".z.part").join("old"), "old").unwrap();
    to_mlx(&folder, &work.path().join("z"), &MlxOptions::default(), &mut go_on()).unwrap();
    assert_eq!(names(work.path()), ["llama3", "x", "y.gguf", "z"]);
    assert!(!work.path().join("z").join("old").exists());
}

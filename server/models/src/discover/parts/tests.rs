use super::{Unusable, parts_of, variant_of};
use hub::{RepoFile, RepoId, RepoPath, Repository, Revision};

/// A repository of files of 1000 bytes.
fn repository(files: &[&str]) -> Repository {
    let file =
        |path: &&str| RepoFile { path: RepoPath::parse(path).unwrap(), size: 1000, sha256: None, oid: None };
    let files = files.iter().map(file).collect();
    Repository { files, ..Repository::new(RepoId::parse("owner/name").unwrap(), Revision::default()) }
}

#[track_caller]
fn check(files: &[&str], expected: &[&str]) {
    let parts = parts_of(&repository(files), &[]);
    let mut paths: Vec<_> = parts.iter().flat_map(|it| &it.files).map(|it| it.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, expected);
}

#[test]
fn a_pipeline_is_fetched_with_all_its_parts() {
    let whole = [
        "feature_extractor/preprocessor_config.json",
        "image_processor/preprocessor_config.json",
        "model_index.json",
        "processor/tokenizer.json",
        "safety_checker/model.safetensors",
        "transformer_2/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ];
    let beside = ["onnx/model.onnx", "vae/diffusion_pytorch_model.bin", "name.safetensors"];
    check(&[&whole[..], &beside].concat(), &whole);
}

#[test]
fn a_pipeline_that_lists_its_parts_is_fetched_with_those() {
    let index = br#"{"_class_name": "NewPipeline", "sky": ["diffusers", "SkyModel"],
        "scheduler": ["diffusers", "EulerScheduler"], "image_encoder": [null, null]}"#;
    let components = weights::folders::components(index).unwrap();
    let check = |files: &[&str], expected: &[&str], problem: Option<Unusable>| {
        let parts = parts_of(&repository(files), &components);
        let mut paths: Vec<_> = parts[0].files.iter().map(|it| it.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!((&paths[..], parts[0].problem), (expected, problem));
    };
    let whole = ["model_index.json", "scheduler/scheduler_config.json", "sky/model.safetensors"];
    check(&[&whole[..], &["image_encoder/model.safetensors", "vae/x.safetensors"]].concat(), &whole, None);
    check(&whole[..2], &whole[..2], Some(Unusable::Incomplete));
}

#[test]
fn weights_are_fetched_in_one_form() {
    check(
        &[
            "model_index.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.fp16.safetensors",
            "unet/diffusion_pytorch_model.non_ema.safetensors",
            "unet/diffusion_pytorch_model.safetensors",
            "text_encoder/model-00001-of-00002.safetensors",
            "text_encoder/model-00002-of-00002.safetensors",
            "text_encoder/model.safetensors.index.json",
            "text_encoder/model.fp16-00001-of-00002.safetensors",
            "text_encoder/model.fp16-00002-of-00002.safetensors",
            "text_encoder/model.safetensors.index.fp16.json",
            "vae/diffusion_pytorch_model.fp32.safetensors",
            "vae/diffusion_pytorch_model.fp16.safetensors",
        ],
        &[
            "model_index.json",
            "text_encoder/model-00001-of-00002.safetensors",
            "text_encoder/model-00002-of-00002.safetensors",
            "text_encoder/model.safetensors.index.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
            "vae/diffusion_pytorch_model.fp16.safetensors",
        ],
    );
    check(
        &["config.json", "model.fp16.safetensors", "model.safetensors", "tokenizer.json", "sub/x.json"],
        &["config.json", "model.safetensors", "tokenizer.json"],
    );
}

#[test]
fn names_say_the_form() {
    let check = |name: &str, expected: Option<&str>| assert_eq!(variant_of(name), expected, "{name}");
    check("model.safetensors", None);
    check("model.fp16.safetensors", Some("fp16"));
    check("model.fp16-00001-of-00002.safetensors", Some("fp16"));
    check("model-00001-of-00002.fp16.safetensors", Some("fp16"));
    check("model.safetensors.index.json", None);
    check("model.safetensors.index.fp16.json", Some("fp16"));
    check("qwen2.5-7b.safetensors", None);
}

#[test]
fn what_is_a_program_or_lacks_its_weights_is_no_model() {
    let check = |files: &[&str], expected: Option<Unusable>| {
        let parts = parts_of(&repository(files), &[]);
        assert_eq!(parts.iter().map(|it| it.problem).collect::<Vec<_>>(), [expected], "{files:?}");
    };
    check(&["config.json", "tokenizer.json", "pytorch_model.bin"], Some(Unusable::Pickled));
    check(&["config.json", "model.safetensors", "pytorch_model.bin"], None);
    check(&["config.json", "tokenizer.json"], Some(Unusable::Incomplete));
    check(&["v1-5.ckpt"], Some(Unusable::Pickled));
    check(&["model_index.json", "unet/a.safetensors", "vae/a.safetensors", "vae/a.bin"], None);
    check(&["model_index.json", "unet/a.safetensors", "vae/a.bin"], Some(Unusable::Pickled));
}

#[test]
fn a_folder_takes_what_computing_it_takes() {
    let check = |files: &[&str], n_parameters, tags: &[&str], expected: u64| {
        let tags = tags.iter().map(|it| (*it).to_owned()).collect();
        let parts = parts_of(&Repository { n_parameters, tags, ..repository(files) }, &[]);
        assert_eq!(parts[0].memory_bytes, expected, "{files:?}");
    };
    check(&["config.json", "model.safetensors"], None, &[], 2000);
    check(&["config.json", "model.safetensors"], Some(250), &[], 1000);
    check(&["config.json", "model.safetensors"], None, &["mlx"], 1000);
    check(&["model_index.json", "vae/a.safetensors", "vae/a.fp16.safetensors"], None, &[], 1000);
    check(&["a.Q8_0.gguf", "mmproj.gguf"], None, &[], 1000);
}

#[test]
fn a_folder_beside_gguf_files_is_offered_behind_them() {
    let check = |files: &[&str], expected: &[(&str, usize, u64)]| {
        let parts = parts_of(&repository(files), &[]);
        let offered: Vec<_> =
            parts.iter().map(|it| (it.model_id("owner/name"), it.files.len(), it.memory_bytes)).collect();
        let offered: Vec<_> = offered.iter().map(|(id, n, bytes)| (id.as_str(), *n, *bytes)).collect();
        assert_eq!(offered, expected, "{files:?}");
    };
    let [folder, ggufs] = [
        ["config.json", "model.safetensors", "tokenizer.json"],
        ["a-Q4_K_M.gguf", "a-Q8_0.gguf", "README.md"],
    ];
    let offered = [("owner/name/a-Q4_K_M", 1, 1000), ("owner/name/a-Q8_0", 1, 1000)];
    check(&[folder, ggufs].concat(), &[&offered[..], &[("owner/name/safetensors", 4, 2000)]].concat());
    check(&folder, &[("owner/name", 3, 2000)]);
    check(&ggufs, &offered);
    let pipeline = ["model_index.json", "unet/a.safetensors", "a.gguf"];
    check(&pipeline, &[("owner/name/a", 1, 1000), ("owner/name/safetensors", 2, 1000)]);
    // Beside a model that is whole, none is offered that is not.
    check(&["config.json", "a.gguf"], &[("owner/name/a", 1, 1000)]);
    check(&["config.json", "pytorch_model.bin", "a.gguf"], &[("owner/name/a", 1, 1000)]);
    check(&["model_index.json", "unet/a.safetensors", "vae/a.bin", "a.gguf"], &[("owner/name/a", 1, 1000)]);
}

#[test]
fn a_folder_is_known_by_the_repository_as_well() {
    let check = |files: &[&str], id: &str, expected: &[bool]| {
        let parts = parts_of(&repository(files), &[]);
        let here: Vec<_> = parts.iter().map(|it| it.is_here_as(id, "owner/name")).collect();
        assert_eq!(here, expected, "{id}");
    };
    let both = ["config.json", "model.safetensors", "a.gguf"];
    check(&both, "owner/name/safetensors", &[false, true]);
    check(&both, "cache/owner/name", &[false, true]);
    check(&both, "cache/owner/name/a", &[true, false]);
    check(&both, "other-owner/name", &[false, false]);
    check(&both[..2], "cache/owner/name", &[true]);
}

use super::*;
use std::fs;
use tempfile::TempDir;

/// Makes empty files below a folder.
fn folder_with(files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = file.split('/').fold(folder.path().to_owned(), |path, name| path.join(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    folder
}

fn ids(found: &[Found]) -> Vec<&str> {
    found.iter().map(|it| it.id.0.as_str()).collect()
}

#[test]
fn models_are_found_by_their_names() {
    let check = |files: &[&str], label: Option<&str>, expected: &[&str]| {
        let folder = folder_with(files);
        assert_eq!(ids(&models_in(folder.path(), label)), expected, "{files:?}");
    };
    check(&["a.gguf", "b/c.GGUF", "readme.txt"], None, &["a", "b/c"]);
    check(&["a.gguf"], Some("studio"), &["studio/a"]);
    check(&[".hidden/a.gguf", "node_modules/b.gguf", "blobs/c.gguf"], None, &[]);
    check(&["bert/config.json", "bert/model.safetensors", "bert/other.gguf"], None, &["bert", "bert/other"]);
    check(&["sdxl/model_index.json", "sdxl/unet/model.safetensors"], None, &["sdxl"]);
    check(&["checkpoints/v1.safetensors"], Some("comfyui"), &["comfyui/checkpoints/v1"]);
    check(&["1/2/3/4/5/6/7/8/deep.gguf", "1/2/3/4/5/6/7/8/9/deeper.gguf"], None, &["1/2/3/4/5/6/7/8/deep"]);
}

#[test]
fn a_folder_that_was_added_may_be_a_model_itself() {
    let check = |files: &[&str], label: Option<&str>, expected: &[(&str, Layout)]| {
        let folder = folder_with(files);
        let found = models_in(folder.path(), label);
        let found: Vec<_> = found.iter().map(|it| (it.id.0.as_str(), it.layout)).collect();
        assert_eq!(found, expected, "{files:?}");
    };
    let model = ["config.json", "model.safetensors"];
    check(&model, Some("mine"), &[("mine", Layout::Folder)]);
    let more = [&model[..], &["x.gguf", "below/y.gguf"]].concat();
    let [own, x, y] = ["mine", "mine/x", "mine/below/y"];
    check(&more, Some("mine"), &[(own, Layout::Folder), (x, Layout::Gguf), (y, Layout::Gguf)]);
    let pipeline = ["model_index.json", "text_encoder/config.json", "text_encoder/model.safetensors"];
    check(&pipeline, Some("mine"), &[("mine", Layout::Pipeline)]);
    // Ours has models, whatever lies in it.
    check(&model, None, &[("model", Layout::Checkpoint)]);
}

/// What is wrong with each model, by its id.
fn problems(folder: &TempDir, label: Option<&str>) -> Vec<(String, Option<String>)> {
    models_in(folder.path(), label).into_iter().map(|it| (it.id.0, it.problem)).collect()
}

#[test]
fn safetensors_in_parts_are_one_entry_that_says_what_is_missing() {
    let check = |files: &[&str], describes: bool, expected: (&str, Option<&str>)| {
        let folder = folder_with(files);
        if describes {
            fs::write(folder.path().join("m").join("config.json"), r#"{"model_type": "llama"}"#).unwrap();
        }
        let (id, problem) = expected;
        assert_eq!(problems(&folder, None), [(id.to_owned(), problem.map(str::to_owned))], "{files:?}");
    };
    let all = ["m/model-00001-of-00002.safetensors", "m/model-00002-of-00002.safetensors"];
    let unlisted = "the list of its parts is missing: fetch model.safetensors.index.json as well";
    check(&all, true, ("m", Some(unlisted)));
    check(&all, false, ("m/model", Some(unlisted)));
    let incomplete = "the list of its parts is missing (model.safetensors.index.json), and 1 of its 2 files are missing: \
        model-00001-of-00002.safetensors";
    check(&all[1..], true, ("m", Some(incomplete)));
    check(&all[1..], false, ("m/model", Some(incomplete)));
    let listed = [&all[..], &["m/model.safetensors.index.json"]].concat();
    check(&listed, false, ("m/model", None));
    check(
        &listed[1..],
        false,
        ("m/model", Some("1 of its 2 files are missing: model-00001-of-00002.safetensors")),
    );
}

#[test]
fn a_folder_that_describes_a_model_without_weights_says_what_is_wrong() {
    let check = |files: &[&str], config: &str, expected: &[(&str, &str)]| {
        let folder = folder_with(files);
        let path = folder.path().join("m").join("config.json");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, config).unwrap();
        let found = problems(&folder, Some("hub"));
        let found: Vec<_> = found.iter().map(|(id, it)| (id.as_str(), it.as_deref().unwrap_or(""))).collect();
        assert_eq!(found.len(), expected.len(), "{files:?} {found:?}");
        for ((id, problem), (expected_id, part)) in found.iter().zip(expected) {
            assert!(id == expected_id && problem.contains(part), "{files:?} {id} {problem}");
            assert_eq!(problem.is_empty(), part.is_empty(), "{files:?} {id}");
        }
    };
    let config = r#"{"architectures": ["LlamaForCausalLM"]}"#;
    check(&[], config, &[("hub/m", "no weights")]);
    check(&["m/onnx/model.onnx"], config, &[("hub/m", "no weights")]);
    check(&["m/pytorch_model.bin"], config, &[("hub/m", "pickles (pytorch_model.bin)")]);
    check(&["m/model.safetensors.incomplete"], config, &[("hub/m", "did not finish")]);
    check(&["m/q4.gguf.part", "m/tokenizer.json"], config, &[("hub/m", "did not finish")]);
    // What can be used is what is shown.
    check(&["m/q4.gguf", "m/pytorch_model.bin"], config, &[("hub/m/q4", "")]);
    check(&["m/q4/q4.gguf"], config, &[("hub/m/q4/q4", "")]);
    check(&["m/q4.gguf", "m/q8.gguf.part"], config, &[("hub/m/q4", ""), ("hub/m/q8", "did not finish")]);
    // What describes no model is none.
    check(&["m/pytorch_model.bin"], r#"{"word_embedding_dimension": 384}"#, &[]);
}

#[test]
fn files_that_have_not_arrived_whole_are_told_of_other_programs_only() {
    let files =
        ["downloading_a.gguf.part", "b-00002-of-00002.gguf.part", "b-00001-of-00002.gguf", "c.txt.part"];
    let folder = folder_with(&files);
    let of = |label| {
        let found = problems(&folder, label).into_iter();
        found.map(|(id, problem)| (id, problem.unwrap_or_default())).collect::<Vec<_>>()
    };
    let lacks = "1 of its 2 files are missing: b-00002-of-00002.gguf".to_owned();
    let unfinished = "its download did not finish; fetch it again".to_owned();
    let shown = [("studio/b".to_owned(), lacks.clone()), ("studio/downloading_a".to_owned(), unfinished)];
    assert_eq!(of(Some("studio")), shown);
    assert_eq!(of(None), [("b".to_owned(), lacks)]);
    let cached = folder_with(&["models--o--n/blobs/12.incomplete", "models--o--n/snapshots/0a/config.json"]);
    let config = cached.path().join("models--o--n").join("snapshots").join("0a").join("config.json");
    fs::write(config, r#"{"model_type": "llama"}"#).unwrap();
    let [(id, Some(problem))] = &problems(&cached, Some("huggingface"))[..] else { panic!("it is shown") };
    assert!(id == "huggingface/o/n" && problem.contains("did not finish"), "{id} {problem}");
}

#[test]
fn files_of_one_model_are_one_entry_and_missing_ones_are_named() {
    let folder = folder_with(&[
        "q-00001-of-00003.gguf",
        "q-00003-of-00003.gguf",
        "w-00001-of-00002.gguf",
        "w-00002-of-00002.gguf",
    ]);
    let found = models_in(folder.path(), None);
    assert_eq!(ids(&found), ["q", "w"]);
    assert_eq!(found[0].problem.as_deref(), Some("1 of its 3 files are missing: q-00002-of-00003.gguf"));
    assert_eq!((found[1].problem.as_deref(), found[1].files().len()), (None, 2));
    assert!(found[1].path.ends_with("w-00001-of-00002.gguf"));
}

#[test]
fn the_hubs_cache_shows_the_state_that_is_used() {
    let old = "models--owner--name-GGUF/snapshots/0aaa/old.gguf";
    let new = "models--owner--name-GGUF/snapshots/0bbb/new.gguf";
    let folder =
        folder_with(&[old, new, "models--owner--name-GGUF/blobs/1234", "datasets--x--y/snapshots/1/z.txt"]);
    let refs = folder.path().join("models--owner--name-GGUF").join("refs");
    fs::create_dir(&refs).unwrap();
    fs::write(refs.join("main"), "0bbb\n").unwrap();
    assert_eq!(ids(&models_in(folder.path(), Some("huggingface"))), ["huggingface/owner/name-GGUF/new"]);
    fs::write(refs.join("main"), "../../../outside").unwrap();
    assert_eq!(models_in(folder.path(), None).len(), 1, "a state that is no name is not followed");
}

#[test]
fn ollamas_models_have_their_names_and_parts() {
    let weights = "a".repeat(64);
    let eyes = "b".repeat(64);
    let folder = folder_with(&[&format!("blobs/sha256-{weights}"), &format!("blobs/sha256-{eyes}")]);
    let put = |place: &[&str], text: &str| {
        let path = place.iter().fold(folder.path().join("manifests"), |path, name| path.join(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let list = |digest: &str, more: &str| {
        format!(
            r#"{{"layers":[{{"mediaType":"application/vnd.ollama.image.model","digest":"{digest}","size":1}}{more}]}}"#
        )
    };
    let projector =
        format!(r#",{{"mediaType":"application/vnd.ollama.image.projector","digest":"sha256:{eyes}"}}"#);
    put(&["registry.ollama.ai", "library", "llama3.2", "3b"], &list(&format!("sha256:{weights}"), ""));
    put(&["registry.ollama.ai", "library", "llava", "7b"], &list(&format!("sha256:{weights}"), &projector));
    put(
        &["registry.ollama.ai", "someone", "own", "latest"],
        &list(&format!("sha256:{}", "c".repeat(64)), ""),
    );
    put(&["hf.co", "owner", "repo", "Q4_K_M"], &list("sha256:../../../../etc/passwd", ""));
    put(&["registry.ollama.ai", "library", "broken", "latest"], "{");
    let lora = format!(r#",{{"mediaType":"application/vnd.ollama.image.adapter","digest":"sha256:{eyes}"}}"#);
    put(&["registry.ollama.ai", "library", "tuned", "1b"], &list(&format!("sha256:{weights}"), &lora));
    let tensor = |name: &str| {
        format!(r#"{{"mediaType":"application/vnd.ollama.image.tensor{name}","digest":"sha256:{weights}"}}"#)
    };
    let tensors = format!(r#"{{"layers":[{},{}]}}"#, tensor(""), tensor("; name=w; dtype=BF16"));
    put(&["registry.ollama.ai", "library", "z-image", "latest"], &tensors);
    put(&["registry.ollama.ai", "library", "elsewhere", "cloud"], r#"{"layers":[]}"#);
    let found = models_in(folder.path(), Some("ollama"));
    let shown: Vec<_> =
        found.iter().map(|it| (it.id.0.as_str(), it.problem.is_some(), it.projector.is_some())).collect();
    assert_eq!(
        shown,
        [
            ("ollama/broken:latest", true, false),
            ("ollama/llama3.2:3b", false, false),
            ("ollama/llava:7b", false, true),
            ("ollama/tuned:1b", false, false),
            ("ollama/z-image:latest", true, false),
            ("ollama/someone/own:latest", true, false),
        ]
    );
    let [tuned, in_tensors] = [&found[3], &found[4]];
    assert!(tuned.remark.as_ref().is_some_and(|it| it.contains("LoRA adapter") && it.contains(&eyes)));
    assert!(found.iter().filter(|it| it.remark.is_some()).count() == 1);
    assert!(in_tensors.problem.as_ref().is_some_and(|it| it.contains("each tensor")));
    assert_eq!(in_tensors.files().len(), 2);
    assert!(found.iter().all(|it| it.listed_by == Some("ollama")));
    assert_eq!(found[1].path, folder.path().join("blobs").join(format!("sha256-{weights}")));
}

#[test]
fn how_ollama_loads_a_model_is_read_of_its_list() {
    let [weights, parameters] = ["a", "b"].map(|letter| letter.repeat(64));
    let folder =
        folder_with(&[&format!("blobs/sha256-{weights}"), "manifests/registry.ollama.ai/library/m/1b"]);
    let layer = |kind: &str, digest: &str| {
        format!(r#"{{"mediaType":"application/vnd.ollama.image.{kind}","digest":"sha256:{digest}"}}"#)
    };
    let list = format!(r#"{{"layers":[{},{}]}}"#, layer("model", &weights), layer("params", &parameters));
    let path = ["manifests", "registry.ollama.ai", "library", "m", "1b"];
    fs::write(path.iter().fold(folder.path().to_owned(), |path, name| path.join(name)), list).unwrap();
    let check = |text: &str, n_ctx: Option<u32>, n_gpu_layers: Option<u32>| {
        fs::write(folder.path().join("blobs").join(format!("sha256-{parameters}")), text).unwrap();
        let found = models_in(folder.path(), Some("ollama"));
        assert_eq!(found[0].asked, Asked { n_ctx, n_gpu_layers }, "{text}");
    };
    check(r#"{"num_ctx":8192,"num_gpu":20,"stop":["<|end|>"],"temperature":0.6}"#, Some(8192), Some(20));
    check(r#"{"num_ctx":0,"num_gpu":-1}"#, None, None);
    check(r#"{"num_ctx":"many"}"#, None, None);
    check("{", None, None);
}

#[test]
fn what_jan_describes_is_one_model_with_its_name() {
    let folder = folder_with(&["a/model.gguf", "a/mmproj.gguf", "b/model.gguf", "b/model.yml"]);
    let description = "model_path: llamacpp/models/a/model.gguf\nmmproj_path: llamacpp/models/a/mmproj.gguf\nname: Qwen 4B\n";
    fs::write(folder.path().join("a").join("model.yml"), description).unwrap();
    let found = models_in(folder.path(), Some("jan"));
    assert_eq!(ids(&found), ["jan/Qwen 4B", "jan/b/model"]);
    assert_eq!(found[0].projector, Some(folder.path().join("a").join("mmproj.gguf")));
    assert_eq!(found.iter().map(|it| it.listed_by).collect::<Vec<_>>(), [Some("jan"), None]);
}

#[cfg(unix)]
#[test]
fn links_that_go_round_in_circles_end() {
    let folder = folder_with(&["a/model.gguf"]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a").join("round")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("a"), folder.path().join("b")).unwrap();
    assert_eq!(ids(&models_in(folder.path(), None)), ["a/model"]);
}

#[test]
fn a_folder_that_is_gone_has_no_models() {
    let folder = folder_with(&[]);
    assert!(models_in(&folder.path().join("gone"), None).is_empty());
}

#[test]
fn what_goes_while_it_is_looked_at_is_left_out() {
    let folder = folder_with(&["a/a.gguf", "b/config.json", "b/model.safetensors", "c/c.gguf", "d.gguf"]);
    let mut walk = Walk { label: None, found: Vec::new(), visited: HashSet::new(), n_entries: 0 };
    let entries = walk.entries(folder.path()).unwrap();
    for gone in ["a", "b"] {
        fs::remove_dir_all(folder.path().join(gone)).unwrap();
    }
    fs::remove_file(folder.path().join("d.gguf")).unwrap();
    walk.folders(&entries, &[], 0);
    assert_eq!(ids(&walk.found), ["c/c"]);
    // What was a folder when its name was read is none when it is looked into.
    walk.visit(&folder.path().join("a"), vec!["a".to_owned()], 1);
    assert!(walk.model(&folder.path().join("b"), &["b".to_owned()], Layout::Folder).is_empty());
    walk.ggufs(&entries, &[]);
    assert_eq!(ids(&walk.found), ["c/c", "b", "d"], "what is gone is listed once more at most");
}

#[test]
fn every_model_has_an_id_of_its_own() {
    let mut files = vec!["x.gguf", "x.safetensors", "x/config.json", "x/model.safetensors", "x.gguf.gguf"];
    let others: Vec<_> = (0..20).map(|n| format!("between-{n}.gguf")).collect();
    files.extend(others.iter().map(String::as_str));
    let folder = folder_with(&files);
    let found = models_in(folder.path(), None);
    let all = told_apart(found.iter().cloned().chain(found.iter().cloned()).collect());
    let ids: Vec<_> = ids(&all).into_iter().filter(|id| id.starts_with('x')).collect();
    assert_eq!(ids, ["x", "x.gguf", "x.safetensors", "x.folder"], "files that are found twice are one");
    let of = |id: &str| all.iter().find(|it| it.id.0 == id).map(|it| it.path.clone());
    assert_eq!(of("x"), Some(folder.path().join("x.gguf")));
    assert_eq!(of("x.safetensors"), Some(folder.path().join("x.safetensors")));
}

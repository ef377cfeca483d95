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
    check(&["bert/config.json", "bert/model.safetensors", "bert/other.gguf"], None, &["bert"]);
    check(&["sdxl/model_index.json", "sdxl/unet/model.safetensors"], None, &["sdxl"]);
    check(&["checkpoints/v1.safetensors"], Some("comfyui"), &["comfyui/checkpoints/v1"]);
    check(&["1/2/3/4/5/6/7/8/deep.gguf", "1/2/3/4/5/6/7/8/9/deeper.gguf"], None, &["1/2/3/4/5/6/7/8/deep"]);
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
    let found = models_in(folder.path(), Some("ollama"));
    let shown: Vec<_> =
        found.iter().map(|it| (it.id.0.as_str(), it.problem.is_some(), it.projector.is_some())).collect();
    assert_eq!(
        shown,
        [
            ("ollama/broken:latest", true, false),
            ("ollama/llama3.2:3b", false, false),
            ("ollama/llava:7b", false, true),
            ("ollama/someone/own:latest", true, false),
        ]
    );
    assert!(found.iter().all(|it| it.is_listed));
    assert_eq!(found[1].path, folder.path().join("blobs").join(format!("sha256-{weights}")));
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

use super::{Drafts, Library, stamp_of};
use inference::DraftModel;
use std::path::PathBuf;
use types::{
    ids::ModelId,
    kv::{KvFormat, KvType},
    launch::{Buffers, DryRun, LaunchProfile},
    model::Purpose,
};

#[tokio::test]
async fn files_are_named_by_their_place_and_broken_ones_say_why() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("qwen")).unwrap();
    std::fs::write(folder.path().join("qwen").join("Tiny.Q8_0.gguf"), "GGUF").unwrap();
    std::fs::write(folder.path().join("notes.txt"), "no model").unwrap();
    let library =
        Library::new(folder.path().to_owned(), vec![folder.path().join("elsewhere.gguf")], KvType::default());
    let found = library.list(None).await;
    let ids: Vec<_> = found.iter().map(|entry| entry.id.0.as_str()).collect();
    assert_eq!(ids, ["elsewhere", "qwen/Tiny.Q8_0"]);
    assert!(found.iter().all(|entry| entry.problem.is_some()));
    assert!(library.path_of(&ModelId("qwen/Tiny.Q8_0".into())).is_some());
    assert!(library.path_of(&ModelId("../secret".into())).is_none());
}

#[tokio::test]
async fn a_folder_of_safetensors_is_one_model_and_what_lies_in_it_as_gguf_another() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("small-en-v1.5");
    std::fs::create_dir(&model).unwrap();
    for name in ["config.json", "model.safetensors", "extra.gguf"] {
        std::fs::write(model.join(name), "nothing yet").unwrap();
    }
    let library = Library::new(folder.path().to_owned(), vec![], KvType::default());
    let found = library.list(None).await;
    let ids: Vec<_> = found.iter().map(|entry| entry.id.0.as_str()).collect();
    assert_eq!(ids, ["small-en-v1.5/extra", "small-en-v1.5"]);
    assert!(found[1].problem.as_ref().is_some_and(|problem| problem.contains("config.json")));
    assert_eq!(library.path_of(&ModelId("small-en-v1.5".into())), Some(model));
}

#[test]
fn a_model_that_goes_before_it_is_read_says_so_and_is_read_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below").join("a.gguf");
    std::fs::create_dir(folder.path().join("below")).unwrap();
    write_header(&path, "qwen2");
    let library = Library::new(folder.path().to_owned(), vec![], KvType::default());
    let found = library.found();
    std::fs::remove_dir_all(folder.path().join("below")).unwrap();
    assert!(library.know(&found[0], &[], KvType::default()).is_err());
    assert!(library.shelved().is_empty());
    std::fs::create_dir(folder.path().join("below")).unwrap();
    write_header(&path, "qwen2");
    assert!(library.know(&found[0], &[], KvType::default()).is_ok());
}

/// A header that says which vocabulary the model has, and nothing else.
fn write_header(path: &std::path::Path, before: &str) {
    write_values(path, &[("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", before)]);
}

/// Likewise, of a model of this architecture.
fn write_model(path: &std::path::Path, architecture: &str) {
    let vocabulary = [("tokenizer.ggml.model", "gpt2"), ("tokenizer.ggml.pre", "qwen2")];
    write_values(path, &[&[("general.architecture", architecture)][..], &vocabulary].concat());
}

fn write_values(path: &std::path::Path, values: &[(&str, &str)]) {
    let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let value = |(key, value): &(&str, &str)| [text(key), 8_u32.to_le_bytes().to_vec(), text(value)].concat();
    let n_values = (values.len() as u64).to_le_bytes().to_vec();
    let head = [b"GGUF".to_vec(), 3_u32.to_le_bytes().to_vec(), vec![0; 8], n_values];
    let values: Vec<_> = values.iter().map(value).collect();
    std::fs::write(path, [head.concat(), values.concat()].concat()).unwrap();
}

#[test]
fn a_draft_model_is_for_models_with_its_vocabulary_and_for_those_that_were_named() {
    let folder = tempfile::tempdir().unwrap();
    let [alike, other, named, draft] =
        ["alike", "other", "named", "draft"].map(|name| folder.path().join(name).with_extension("gguf"));
    for (path, before) in [(&alike, "qwen2"), (&other, "llama-bpe"), (&named, "llama-bpe"), (&draft, "qwen2")]
    {
        write_header(path, before);
    }
    let library = Library::new(folder.path().to_owned(), vec![named.clone()], KvType::default());
    let library = library.with_drafts(Drafts::Model(draft.clone()));
    let id = ModelId("any".into());
    let check = |path, expected: Option<(&PathBuf, bool)>| {
        let expected = expected.map(|(path, is_required)| DraftModel { path: path.clone(), is_required });
        let (_, companions) = library.read_with_companions(&id, path, &LaunchProfile::default()).unwrap();
        assert_eq!(companions.draft_model, expected);
    };
    check(&alike, Some((&draft, false)));
    check(&other, None);
    check(&named, Some((&draft, true)));
    check(&draft, None);
    let without = Library::new(folder.path().to_owned(), vec![], KvType::default());
    let bytes = |library: &Library| {
        library
            .read_with_companions(&id, &alike, &LaunchProfile::default())
            .unwrap()
            .0
            .footprint
            .bytes(None, 0)
    };
    let size = std::fs::metadata(&draft).unwrap().len();
    assert_eq!(bytes(&library), bytes(&without) + size);
}

#[test]
fn what_is_loaded_with_a_model_is_looked_at_first() {
    let folder = tempfile::tempdir().unwrap();
    let [named, broken] = ["named", "broken"].map(|name| folder.path().join(name).with_extension("gguf"));
    write_header(&named, "qwen2");
    std::fs::write(&broken, "GGUF and nothing").unwrap();
    let library = || Library::new(folder.path().to_owned(), vec![named.clone()], KvType::default());
    let check = |library: Library| {
        let read = library.read_with_companions(&ModelId("named".into()), &named, &LaunchProfile::default());
        let problem = read.unwrap_err();
        assert!(problem.starts_with("broken.gguf, which is loaded with it, cannot be used: "), "{problem}");
    };
    check(library().with_drafts(Drafts::Model(broken.clone())));
    check(library().with_projector(Some(broken.clone())));
    // What is not there is told of by whoever opens it.
    let missing = folder.path().join("missing.gguf");
    assert_eq!(library().problem_of_companion(&missing), None);
}

#[test]
fn a_known_draft_model_of_the_library_is_found_if_it_has_the_vocabulary() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        [("Qwen3-8B-Q4_K_M", "qwen2"), ("Qwen3-0.6B-Q8_0", "llama-bpe"), ("Qwen3-1.7B-Q8_0", "qwen2")];
    for (name, before) in files {
        write_header(&folder.path().join(format!("{name}.gguf")), before);
    }
    let library =
        Library::new(folder.path().to_owned(), vec![], KvType::default()).with_drafts(Drafts::Known);
    let check = |name: &str, expected: Option<&str>| {
        let path = folder.path().join(format!("{name}.gguf"));
        let found = library
            .read_with_companions(&ModelId(name.into()), &path, &LaunchProfile::default())
            .unwrap()
            .1
            .draft_model
            .map(|it| it.path);
        assert_eq!(found, expected.map(|name| folder.path().join(format!("{name}.gguf"))));
    };
    check("Qwen3-8B-Q4_K_M", Some("Qwen3-1.7B-Q8_0"));
    check("Qwen3-1.7B-Q8_0", None);
    // Who loses it is known, too.
    let all = library.found();
    let guessed_by = |name: &str| {
        let draft = library.find(&ModelId(name.into())).unwrap();
        library.guessed_by(&draft, &all).into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(guessed_by("Qwen3-1.7B-Q8_0"), ["Qwen3-8B-Q4_K_M"]);
    assert!(guessed_by("Qwen3-0.6B-Q8_0").is_empty() && guessed_by("Qwen3-8B-Q4_K_M").is_empty());
}

#[test]
fn a_drafter_that_looks_at_layers_is_for_models_that_show_them() {
    let folder = tempfile::tempdir().unwrap();
    let path_of = |name: &str| folder.path().join(format!("{name}.gguf"));
    for (name, architecture) in [
        ("Qwen3-4B-DFlash-b16-BF16", "dflash"),
        ("Qwen3-4B-Q4_K_M", "qwen3"),
        ("Qwen3-8B-DFlash-b16-BF16", "dflash"),
        ("Qwen3-8B-Q4_K_M", "qwen3next"),
        ("Qwen3-0.6B-Q8_0", "qwen3"),
    ] {
        write_model(&path_of(name), architecture);
    }
    let library =
        Library::new(folder.path().to_owned(), vec![], KvType::default()).with_drafts(Drafts::Known);
    let check = |name: &str, known: &str, drafts: &[&str]| {
        let (id, path) = (ModelId(name.into()), path_of(name));
        let read = library.read_with_companions(&id, &path, &LaunchProfile::default()).unwrap();
        assert_eq!(read.1.draft_model.map(|it| it.path), Some(path_of(known)), "{name}");
        let mut found: Vec<_> = library.drafts_for(&path).into_iter().map(|id| id.0).collect();
        found.sort();
        assert_eq!(found, drafts, "{name}");
    };
    let [small, blocks] = ["Qwen3-0.6B-Q8_0", "Qwen3-4B-DFlash-b16-BF16"];
    check("Qwen3-4B-Q4_K_M", blocks, &[small, blocks, "Qwen3-8B-DFlash-b16-BF16", "Qwen3-8B-Q4_K_M"]);
    // Its name promises that it shows its layers, and its file does not.
    check("Qwen3-8B-Q4_K_M", small, &[small, "Qwen3-4B-Q4_K_M"]);
}

#[test]
fn what_a_dry_run_told_counts_whatever_a_model_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::new(folder.path().to_owned(), vec![], KvType::default());
    let check = |architecture: &str, purpose: Purpose| {
        let path = folder.path().join(format!("{architecture}.gguf"));
        write_model(&path, architecture);
        let told = DryRun { weights_bytes: 1 << 20, cell_bytes: 10, ..DryRun::default() };
        library.dry_runs().note(&path, stamp_of(&path).unwrap(), Some(told));
        let id = ModelId(architecture.into());
        let (known, _) = library.read_with_companions(&id, &path, &LaunchProfile::default()).unwrap();
        assert_eq!((known.purpose, known.footprint.dry_run), (purpose, Some(told)));
    };
    check("qwen3", Purpose::Writing);
    check("bert", Purpose::Embedding);
}

#[test]
fn what_makes_vectors_counts_as_it_is_computed_where_nothing_is_rounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bert.gguf");
    write_model(&path, "bert");
    let exact = Buffers { bytes: 7, cell_bytes: 8, pair_bytes: 9 };
    let told = DryRun { cell_bytes: 10, exact_buffers: Some(exact), ..DryRun::default() };
    let check = |usual: KvFormat, chosen: Option<KvFormat>, expected: (u64, [u64; 3])| {
        let library = Library::new(folder.path().to_owned(), vec![], KvType::of(usual));
        library.dry_runs().note(&path, stamp_of(&path).unwrap(), Some(told));
        let profile = LaunchProfile { kv_type: chosen.map(KvType::of), ..LaunchProfile::default() };
        let id = ModelId("bert".into());
        let (loaded, _) = library.read_with_companions(&id, &path, &profile).unwrap();
        let foretold = library.sizes(&id, &path, &profile).unwrap().own;
        for footprint in [loaded.footprint, foretold] {
            let it = footprint.dry_run.unwrap();
            let buffers = [it.buffers_bytes, it.buffers_cell_bytes, it.buffers_pair_bytes];
            assert_eq!((it.cell_bytes, buffers), expected, "{usual:?} {chosen:?}");
        }
    };
    check(KvFormat::F16, None, (10, [0, 0, 0]));
    check(KvFormat::Q4, None, (10, [0, 0, 0]));
    check(KvFormat::F32, None, (20, [7, 8, 9]));
    check(KvFormat::F16, Some(KvFormat::F32), (20, [7, 8, 9]));
    check(KvFormat::F32, Some(KvFormat::Q8), (10, [0, 0, 0]));
}

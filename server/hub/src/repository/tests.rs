use super::{Info, Repository};
use serde_json::{Value, json};

fn read(siblings: Value) -> Option<Repository> {
    let info = json!({"id": "owner/name", "sha": "0123456789abcdef0123456789abcdef01234567", "gated": false,
        "tags": ["license:mit"], "siblings": siblings});
    serde_json::from_value::<Info>(info).unwrap().repository()
}

#[test]
fn files_have_the_size_and_digest_of_their_content_not_of_the_pointer() {
    let digest = "AB".repeat(32);
    let repository = read(json!([
        {"rfilename": "z.gguf", "size": 135, "blobId": "0123456789abcdef", "lfs": {"sha256": digest, "size": 9_000_000_000_u64}},
        {"rfilename": "README.md", "size": 12, "blobId": "not hex"},
    ]))
    .unwrap();
    let shown: Vec<_> =
        repository.files.iter().map(|it| (it.path.as_str(), it.size, it.sha256.is_some())).collect();
    assert_eq!(shown, [("README.md", 12, false), ("z.gguf", 9_000_000_000, true)]);
    assert_eq!(repository.files[1].sha256, Some("ab".repeat(32)));
    assert_eq!(repository.files[0].oid, None);
    assert_eq!((repository.licence.as_deref(), repository.n_dropped), (Some("mit"), 0));
}

#[test]
fn hostile_names_sizes_and_digests_are_dropped_and_counted() {
    let repository = read(json!([
        {"rfilename": "../../etc/passwd", "size": 1},
        {"rfilename": "C:/x", "size": 1},
        {"rfilename": "/x", "size": 1},
        {"rfilename": "nul", "size": 1},
        {"rfilename": "a\u{0}b", "size": 1},
        {"rfilename": "x".repeat(600), "size": 1},
        {"rfilename": "negative", "size": -1},
        {"rfilename": "unknown"},
        {"rfilename": "wrong", "size": 1, "lfs": {"sha256": "../x", "size": 1}},
        {"rfilename": "good", "size": 18_446_744_073_709_551_615_u64},
        {"rfilename": "good", "size": 1},
        {"size": 1},
    ]))
    .unwrap();
    assert_eq!(repository.files.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), ["good"]);
    assert_eq!(repository.n_dropped, 11);
}

#[test]
fn more_files_than_a_model_has_are_left_out() {
    let many: Vec<Value> = (0..10_050).map(|i| json!({"rfilename": format!("{i:05}"), "size": i})).collect();
    let repository = read(json!(many)).unwrap();
    assert_eq!((repository.files.len(), repository.n_dropped), (10_000, 50));
}

#[test]
fn an_answer_without_a_commit_is_none() {
    for sha in ["", "main", "../x"] {
        let info = json!({"id": "owner/name", "sha": sha});
        assert_eq!(serde_json::from_value::<Info>(info).unwrap().repository(), None);
    }
}

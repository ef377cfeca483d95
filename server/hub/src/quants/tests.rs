use super::{Entry, Kind, Quant, Why, entries, recommended};
use crate::{RepoFile, RepoPath};

const GB: u64 = 1_000_000_000;

fn files(list: &[(&str, u64)]) -> Vec<RepoFile> {
    let file = |(path, size): &(&str, u64)| RepoFile {
        path: RepoPath::parse(path).unwrap(),
        size: *size,
        sha256: None,
        oid: None,
    };
    list.iter().map(file).collect()
}

fn shown(entry: &Entry) -> String {
    let quant = entry.quant.as_ref().map_or("-", Quant::name);
    format!(
        "{} {:?} {quant} {} in {}, missing {:?}",
        entry.name,
        entry.kind,
        entry.bytes,
        entry.files.len(),
        entry.missing
    )
}

#[test]
fn sets_are_one_entry_and_what_is_no_model_is_told_apart() {
    let list = files(&[
        ("big-Q8_0-00002-of-00003.gguf", 20),
        ("big-Q8_0-00001-of-00003.gguf", 10),
        ("big-Q8_0-00003-of-00003.gguf", 30),
        ("UD-Q4_K_XL/big-UD-Q4_K_XL-00001-of-00002.gguf", 7),
        ("mmproj-BF16.gguf", 3),
        ("big.imatrix", 1),
        ("imatrix_unsloth.dat", 1),
        ("big-IQ4_XS.gguf", 5),
        ("README.md", 9),
        ("config.json", 9),
        ("model-00001-of-00002.safetensors", 40),
        ("model-00002-of-00002.safetensors", 41),
        ("odd-00003-of-00002.gguf", 2),
    ]);
    let shown: Vec<String> = entries(&list).iter().map(shown).collect();
    assert_eq!(
        shown,
        [
            "odd-00003-of-00002 Model - 2 in 1, missing []",
            "big-IQ4_XS Model IQ4_XS 5 in 1, missing []",
            "UD-Q4_K_XL/big-UD-Q4_K_XL Model UD-Q4_K_XL 7 in 1, missing [2]",
            "big-Q8_0 Model Q8_0 60 in 3, missing []",
            "model Model - 81 in 2, missing []",
            "mmproj-BF16 Projector BF16 3 in 1, missing []",
            "big Importance - 1 in 1, missing []",
            "imatrix_unsloth Importance - 1 in 1, missing []",
        ]
    );
    let set = entries(&list).into_iter().find(|it| it.name == "big-Q8_0").unwrap();
    let order: Vec<_> = set.files.iter().map(|it| it.size).collect();
    assert_eq!(order, [10, 20, 30]);
}

#[test]
fn quantisations_are_found_in_names() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(Quant::find(text).as_ref().map(Quant::name), expected, "{text}");
    };
    check("Model-7B-Instruct-Q4_K_M", Some("Q4_K_M"));
    check("model.Q8_0.gguf", Some("Q8_0"));
    check("model-q4_k_s", Some("Q4_K_S"));
    check("model-IQ2_XXS", Some("IQ2_XXS"));
    check("Qwen3-30B-A3B-UD-Q4_K_XL", Some("UD-Q4_K_XL"));
    check("UD-IQ1_M/x-UD-IQ1_M-00001-of-00002", Some("UD-IQ1_M"));
    check("gpt-oss-20b-MXFP4", Some("MXFP4"));
    check("gpt-oss-20b-MXFP4_MOE", Some("MXFP4_MOE"));
    check("model-BF16", Some("BF16"));
    check("model_f16", Some("F16"));
    check("model-Q4_0_4_8", Some("Q4_0_4_8"));
    check("F16-trained-Q5_K_M", Some("Q5_K_M"));
    check("BF16/model", Some("BF16"));
    check("model-XQ4_0", None);
    check("modelQ4_K_M", None);
    check("plain", None);
    check("Ünïcode-Q6_K-ß", Some("Q6_K"));
}

fn check_choice(list: &[(&str, u64)], free_gb: u64, expected: Option<(&str, Why)>) {
    let entries = entries(&files(list));
    let found = recommended(&entries, free_gb * GB);
    let found = found.map(|it| (entries[it.index].name.as_str(), it.why));
    assert_eq!(found, expected, "{free_gb} GB");
}

#[test]
fn the_best_that_fits_is_recommended_and_says_why() {
    let usual = [
        ("m-IQ2_XS.gguf", 2 * GB),
        ("m-Q3_K_M.gguf", 4 * GB),
        ("m-Q4_K_S.gguf", 5 * GB),
        ("m-Q4_K_M.gguf", 6 * GB),
        ("m-Q6_K.gguf", 8 * GB),
        ("m-Q8_0.gguf", 10 * GB),
        ("m-BF16.gguf", 20 * GB),
        ("mmproj-F16.gguf", GB),
    ];
    check_choice(&usual, 64, Some(("m-Q6_K", Why::Balanced)));
    check_choice(&usual, 7, Some(("m-Q4_K_M", Why::Balanced)));
    check_choice(&usual, 6, Some(("m-Q4_K_S", Why::Tight)));
    check_choice(&usual, 3, Some(("m-IQ2_XS", Why::Tight)));
    check_choice(&usual, 2, None);
    check_choice(&[("s-Q4_K_M.gguf", GB / 2), ("s-Q8_0.gguf", GB)], 8, Some(("s-Q8_0", Why::Small)));
    check_choice(&[("x-Q8_0.gguf", 9 * GB), ("x-BF16.gguf", 18 * GB)], 32, Some(("x-Q8_0", Why::Smallest)));
    check_choice(&[("x.gguf", 9 * GB)], 32, Some(("x", Why::Only)));
    check_choice(&[("x.gguf", 9 * GB)], 4, None);
    check_choice(&[("x-Q4_K_M-00001-of-00002.gguf", GB)], 32, None);
    check_choice(&[], 32, None);
}

#[test]
fn sizes_that_cannot_be_are_no_trouble() {
    let list =
        files(&[("a-Q4_K_M-00001-of-00002.gguf", u64::MAX), ("a-Q4_K_M-00002-of-00002.gguf", u64::MAX)]);
    let entries = entries(&list);
    assert_eq!((entries[0].bytes, entries[0].kind), (u64::MAX, Kind::Model));
    assert_eq!(recommended(&entries, u64::MAX - 1), None);
}

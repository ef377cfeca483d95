use super::{Wanted, parse, parse_reference};
use reqwest::Url;

fn shown(text: &str, endpoint: Option<&Url>) -> String {
    let Some(found) = parse(text, endpoint) else { return "nothing".to_owned() };
    let mut shown = found.repo.to_string();
    if let Some(revision) = found.revision {
        shown.push_str(&format!(" at {revision}"));
    }
    match found.file {
        Some(Wanted::File(path)) => shown.push_str(&format!(", file {path}")),
        Some(Wanted::Quant(quant)) => shown.push_str(&format!(", quant {quant}")),
        None => {}
    }
    shown
}

#[test]
fn everything_that_is_pasted_is_understood() {
    let table = [
        ("https://huggingface.co/owner/repo", "owner/repo"),
        ("https://huggingface.co/owner/repo/", "owner/repo"),
        ("  <https://huggingface.co/owner/repo?library=x#y>  ", "owner/repo"),
        ("http://www.huggingface.co/owner/repo", "owner/repo"),
        ("huggingface.co/owner/repo", "owner/repo"),
        ("https://hf.co/owner/repo", "owner/repo"),
        ("hf.co/owner/repo:Q4_K_M", "owner/repo, quant Q4_K_M"),
        ("hf.co/owner/repo/blob/main/x.gguf", "owner/repo at main, file x.gguf"),
        ("https://huggingface.co/owner/repo/tree/main", "owner/repo at main"),
        ("https://huggingface.co/owner/repo/tree/v1/sub", "owner/repo at v1"),
        ("https://huggingface.co/owner/repo/blob/main/x.gguf", "owner/repo at main, file x.gguf"),
        (
            "https://huggingface.co/owner/repo/resolve/main/a/x%20y.gguf?download=true",
            "owner/repo at main, file a/x y.gguf",
        ),
        (
            "https://huggingface.co/owner/repo/resolve/refs%2Fpr%2F3/x.gguf",
            "owner/repo at refs/pr/3, file x.gguf",
        ),
        ("https://huggingface.co/owner/repo/discussions/3", "owner/repo"),
        ("owner/repo", "owner/repo"),
        ("owner/repo:x-Q8_0.gguf", "owner/repo, file x-Q8_0.gguf"),
        ("owner/repo:sub/x.gguf", "owner/repo, file sub/x.gguf"),
        ("owner/repo:q4_k_m", "owner/repo, quant Q4_K_M"),
        ("owner/repo:UD-Q4_K_XL", "owner/repo, quant UD-Q4_K_XL"),
        ("owner/repo:4bit", "owner/repo, quant 4bit"),
        ("owner/repo:latest", "owner/repo"),
        ("owner/repo@refs/pr/1:x.gguf", "owner/repo at refs/pr/1, file x.gguf"),
        ("hf:owner/repo", "owner/repo"),
        ("hf://owner/repo", "owner/repo"),
        ("hf://models/owner/repo@main", "owner/repo at main"),
        ("hf:owner/repo:IQ4_XS", "owner/repo, quant IQ4_XS"),
    ];
    for (text, expected) in table {
        assert_eq!(shown(text, None), expected, "{text}");
    }
}

#[test]
fn what_is_no_reference_is_none() {
    let table = [
        "",
        "word",
        "two words",
        "a/b/c",
        "https://example.org/owner/repo",
        "https://huggingface.co/owner",
        "https://huggingface.co/datasets/owner/repo",
        "https://huggingface.co/docs/hub",
        "ftp://huggingface.co/owner/repo",
        "https://huggingface.co.evil.test/owner/repo",
        "https://huggingface.co:8443/owner/repo",
        "https://huggingface.co/owner/repo/resolve/main/..%2F..%2Fx",
        "https://huggingface.co/owner/repo/blob/main/a%00b",
        "https://huggingface.co/owner/repo/blob/main/%ff",
        "owner/repo:../x",
        "owner/repo@../x",
        "datasets/owner",
        "owner/repo\n/x",
        "C:\\models\\x.gguf",
        "http://127.0.0.1:9/owner/repo",
    ];
    for text in table {
        assert_eq!(parse_reference(text), None, "{text:?}");
    }
    assert_eq!(parse_reference(&format!("owner/repo:{}", "x".repeat(3000))), None);
}

#[test]
fn addresses_of_the_hub_in_use_count_too() {
    let check = |endpoint: &str, text: &str, expected: &str| {
        assert_eq!(shown(text, Some(&Url::parse(endpoint).unwrap())), expected, "{text}");
    };
    check(
        "http://127.0.0.1:9",
        "http://127.0.0.1:9/owner/repo/blob/main/x.gguf",
        "owner/repo at main, file x.gguf",
    );
    check("http://127.0.0.1:9", "http://127.0.0.1:10/owner/repo", "nothing");
    check("http://127.0.0.1:9/hf", "http://127.0.0.1:9/hf/owner/repo", "owner/repo");
    check("http://127.0.0.1:9", "https://huggingface.co/owner/repo", "owner/repo");
}

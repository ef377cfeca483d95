use super::{
    DEFAULT_ENDPOINT, Hub, HubError, RepoFile, RepoId, RepoPath, Revision, Search, Wanted, quants,
    transfer::{FreeBytes, Limits, Request, download},
};
use std::path::Component;
use types::secret::Secret;

#[expect(clippy::disallowed_methods, reason = "the caller's part is played by the test")]
pub(crate) fn hub(endpoint: &str) -> Result<Hub, HubError> {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    Hub::new(client, endpoint, Some(Secret::new("hf_secret")))
}

#[test]
fn addresses_of_files_are_spelled_as_hubs_want_them() {
    let check = |endpoint: &str, revision: &str, path: &str, expected: &str| {
        let repo = RepoId::parse("owner/name").unwrap();
        let (revision, path) = (Revision::parse(revision).unwrap(), RepoPath::parse(path).unwrap());
        assert_eq!(hub(endpoint).unwrap().file_url(&repo, &revision, &path).as_str(), expected);
    };
    check(DEFAULT_ENDPOINT, "main", "a.gguf", "https://huggingface.co/owner/name/resolve/main/a.gguf");
    check(
        "http://127.0.0.1:9/base/",
        "refs/pr/1",
        "sub/ä b#.gguf",
        "http://127.0.0.1:9/base/owner/name/resolve/refs%2Fpr%2F1/sub/%C3%A4%20b%23.gguf",
    );
}

#[test]
fn endpoints_are_plain_addresses() {
    for bad in [
        "",
        "huggingface.co",
        "ftp://a.test",
        "https://u:p@a.test",
        "https://a.test/?x=1",
        "https://a.test/#x",
    ] {
        assert!(hub(bad).is_err(), "{bad}");
    }
    assert_eq!(hub(" https://a.test/mirror ").unwrap().endpoint().as_str(), "https://a.test/mirror");
}

/// Callers run these on other threads.
#[test]
fn futures_can_be_sent() {
    fn check<T: Send>(_: T) {}
    let hub = hub(DEFAULT_ENDPOINT).unwrap();
    let (repo, main) = (RepoId::parse("a/b").unwrap(), Revision::default());
    check(hub.search(&Search::default(), None));
    check(hub.repository(&repo, &main));
    check(hub.card(&repo, &main));
    let limits = Limits::new(FreeBytes::new(|_| None));
    let request = Request {
        url: hub.endpoint().clone(),
        token: None,
        replaces: true,
        target: "x".into(),
        size: None,
        sha256: None,
        git_id: None,
    };
    check(download(hub.client(), &request, &limits, &|_| {}));
}

#[test]
fn what_is_printed_of_a_hub_has_no_token() {
    let printed = format!("{:?}", hub(DEFAULT_ENDPOINT).unwrap());
    assert!(!printed.contains("hf_secret"), "{printed}");
}

/// Texts of pieces that mean something somewhere, in any order.
fn odd_text(random: &mut fastrand::Rng) -> String {
    const PIECES: [&str; 24] = [
        "https://",
        "hf:",
        "huggingface.co",
        "hf.co",
        "/",
        "//",
        "owner",
        "repo",
        ":",
        "@",
        "blob",
        "resolve",
        "main",
        "..",
        "%2e",
        "%",
        "Q4_K_M",
        "UD-",
        "-00001-of-00002",
        ".gguf",
        "ä",
        "\u{202e}",
        "\0",
        " ",
    ];
    (0..random.usize(..12)).map(|_| PIECES[random.usize(..PIECES.len())]).collect()
}

#[test]
fn whatever_is_pasted_or_listed_leads_nowhere_else() {
    let mut random = fastrand::Rng::with_seed(5);
    let hub = hub(DEFAULT_ENDPOINT).unwrap();
    for _ in 0..20_000 {
        let text = odd_text(&mut random);
        if let Some(reference) = hub.reference(&text) {
            let revision = reference.revision.unwrap_or_default();
            let path = match reference.file {
                Some(Wanted::File(path)) => path,
                _ => RepoPath::parse("x").unwrap(),
            };
            let url = hub.file_url(&reference.repo, &revision, &path);
            let expected = format!("https://huggingface.co/{}/resolve/", reference.repo);
            assert!(url.as_str().starts_with(&expected), "{text:?} leads to {url}");
        }
        if let Some(path) = RepoPath::parse(&text) {
            let file = RepoFile { path, size: 1, sha256: None, oid: None };
            let folder = std::path::Path::new("folder");
            let below = file.path.below(folder);
            assert!(
                below.starts_with(folder) && !below.components().any(|it| it == Component::ParentDir),
                "{text:?}"
            );
            assert!(quants::entries(&[file]).len() <= 1);
        }
    }
}

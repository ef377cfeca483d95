use super::{Entry, Search, Sort, next_target};
use crate::{Format, tests::hub};

#[test]
fn a_search_is_spelled_as_the_hub_wants_it() {
    let search = Search {
        text: " qwen 3&x ".to_owned(),
        kind: Some("text-generation".to_owned()),
        format: Some(Format::Gguf),
        licence: Some("apache-2.0".to_owned()),
        author: Some("owner".to_owned()),
        tags: vec!["code".to_owned()],
        parameters_b: Some((5, Some(10))),
        sort: Sort::New,
        n: 1000,
    };
    let url = hub("https://hub.test/base").unwrap().search_url(&search).unwrap();
    assert_eq!(url.path(), "/base/api/models");
    let query = url.query().unwrap();
    let start = "search=qwen+3%26x&author=owner&pipeline_tag=text-generation&filter=gguf&filter=license%3Aapache-2.0&filter=code\
                 &num_parameters=min%3A5B%2Cmax%3A10B&sort=createdAt&direction=-1&limit=100&expand=downloads";
    assert!(query.starts_with(start), "{query}");
    assert!(
        hub("https://hub.test")
            .unwrap()
            .search_url(&Search::default())
            .unwrap()
            .query()
            .unwrap()
            .contains("limit=1&")
    );
}

#[test]
fn texts_that_are_no_search_are_refused() {
    for text in ["x".repeat(201), "a\0b".to_owned()] {
        assert!(hub("https://hub.test").unwrap().search_url(&Search { text, ..Search::default() }).is_err());
    }
}

#[test]
fn links_to_the_next_page_are_found_among_others() {
    let check = |link: &str, expected: Option<&str>| assert_eq!(next_target(link), expected, "{link}");
    check("<https://hub.test/?a=1>; rel=\"next\"", Some("https://hub.test/?a=1"));
    check(" </api?x>; title=x; rel=next", Some("/api?x"));
    check("<https://hub.test/>; rel=\"prev\"", None);
    check("https://hub.test/; rel=\"next\"", None);
    check("", None);
}

#[test]
fn an_entry_of_odd_types_keeps_what_is_usable() {
    let text = r#"{"id": "a/b", "downloads": "many", "likes": 3, "tags": ["license:mit", "x\u0000", 5], "gated": "manual",
        "gguf": {"architecture": "llama", "total": -1, "context_length": 4096}, "unknown": {}}"#;
    let found = serde_json::from_str::<Entry>(text).unwrap().found().unwrap();
    assert_eq!((found.downloads, found.likes, found.gated), (0, 3, true));
    assert!(found.tags.is_empty());
    let gguf = found.gguf.unwrap();
    assert_eq!(
        (gguf.architecture.as_deref(), gguf.context, gguf.parameters),
        (Some("llama"), Some(4096), None)
    );
    assert!(serde_json::from_str::<Entry>(r#"{"id": "../x"}"#).unwrap().found().is_none());
}

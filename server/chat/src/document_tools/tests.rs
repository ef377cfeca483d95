use super::{HINT_BYTES, SEARCH, query_of, read_on};
use store::{CallResult, CallRow};
use types::{
    document::{PassageKind, PassageView},
    tools::ToolCall,
};

fn passages(texts: &[String]) -> Vec<PassageView> {
    let passage = |(position, text): (u32, &String)| PassageView {
        position,
        page: None,
        heading: String::new(),
        header: String::new(),
        text: text.clone(),
        kind: PassageKind::Text,
    };
    (0..).zip(texts).map(passage).collect()
}

#[test]
fn a_document_is_read_to_its_end_however_little_fits_at_a_time() {
    let texts: Vec<_> = (10..90).map(|n| format!("{n}{}", "x".repeat(n))).collect();
    let all = passages(&texts);
    for room in [150, 400, 8 << 10] {
        let (mut from, mut told) = (0, String::new());
        loop {
            let part = read_on(&all, from, 80, room);
            assert!(part.len() <= room + HINT_BYTES, "{} of {room}", part.len());
            let Some((text, hint)) = part.rsplit_once("[It goes on: read it from ") else {
                told += part.strip_suffix("[This is its end.]").unwrap();
                break;
            };
            told += text;
            from = hint.split_once('.').unwrap().0.parse().unwrap();
        }
        assert_eq!(told, texts.join("\n\n") + "\n\n");
    }
}

#[test]
fn a_passage_that_does_not_fit_alone_is_cut_and_it_is_said() {
    let all = passages(&["ü".repeat(500), "end".to_owned()]);
    let part = read_on(&all, 0, 2, 301);
    assert!(part.starts_with(&format!("{}…\n\n[Part 0 is longer", "ü".repeat(150))), "{part}");
    assert!(part.ends_with("[It goes on: read it from 1. It has 2 parts.]"), "{part}");
    assert!(part.len() <= 301 + HINT_BYTES);
    assert_eq!(read_on(&all, 5, 2, 301), "There is nothing from there on.");
    assert_eq!(read_on(&all, 1, 2, 301), "end\n\n[This is its end.]");
}

#[test]
fn a_passage_is_known_by_what_was_searched_for() {
    let call = |name: &str, query: &str, text: &str, failed: bool| CallRow {
        round: 0,
        text_before: 0,
        thought_before: 0,
        call: ToolCall {
            id: String::new(),
            name: name.to_owned(),
            arguments: serde_json::json!({ "query": query }).to_string(),
        },
        server: None,
        result: Some(CallResult { text: text.to_owned(), failed, ..CallResult::default() }),
    };
    let calls = [
        call("web_search", "the web", "[3] Wells\nWater.", false),
        call(SEARCH, "oil of lamps", "[1] lamps.txt\nWhale oil [3].\n\n[2] oil.txt\nIt burns.\n", false),
        call(SEARCH, "failed", "[3] x", true),
        call(SEARCH, "stairs", "[3] tower.pdf, page 2\nTwo hundred.\n", false),
        CallRow { server: Some("other".to_owned()), ..call(SEARCH, "elsewhere", "[4] x", false) },
    ];
    let check = |number: u32, expected: Option<&str>| {
        assert_eq!(query_of(&calls, number).as_deref(), expected, "{number}");
    };
    check(1, Some("oil of lamps"));
    check(2, Some("oil of lamps"));
    check(3, Some("stairs"));
    check(4, None);
    check(5, None);
}

use super::{check as check_whole, *};
use expect_test::{Expect, expect};
use serde_json::json;
use types::{
    chat::{History, MessageState, Usage},
    guard::Warning,
    ids::ModelId,
    launch::LaunchProfile,
    overrides::{Knob, Overrides},
};

/// What a file held.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    chats: Vec<Transcript>,
    n_skipped: usize,
    n_turns_left_out: usize,
}

fn read(bytes: &[u8]) -> Result<Reading, ReadError> {
    check_whole(bytes)?;
    let mut reading = Reading::default();
    read_entries(bytes, &mut |entry| {
        match entry {
            Entry::Chat(chat, n_turns_left_out) => {
                reading.chats.push(*chat);
                reading.n_turns_left_out += n_turns_left_out;
            }
            Entry::NoChat => reading.n_skipped += 1,
        }
        true
    })?;
    if reading.chats.is_empty() { Err(ReadError::Unknown) } else { Ok(reading) }
}

/// What was read of a file, a line for each conversation and turn.
fn check(file: &serde_json::Value, expected: &Expect) {
    let told = match read(file.to_string().as_bytes()) {
        Ok(reading) => {
            let chats: String = reading.chats.iter().map(lines).collect();
            format!("{chats}{} skipped, {} turns left out\n", reading.n_skipped, reading.n_turns_left_out)
        }
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&told);
}

fn lines(chat: &Transcript) -> String {
    let mut out =
        format!("{:?} tags {:?} pinned {} at {}\n", chat.title, chat.tags, chat.pinned, chat.updated_ms);
    for (at, turn) in chat.turns.iter().enumerate() {
        let parent = turn.parent.map_or("-".to_owned(), |parent| parent.to_string());
        let shown = if chat.shown == Some(at) { " (shown)" } else { "" };
        let thought = turn.reasoning.as_ref().map(|it| format!(" after thinking {it:?}")).unwrap_or_default();
        let model = turn.model.as_ref().map(|it| format!(" by {it}")).unwrap_or_default();
        out.push_str(&format!("  {at}<{parent} {:?}: {:?}{thought}{model}{shown}\n", turn.role, turn.text));
    }
    out
}

fn turn(parent: Option<usize>, role: Role, text: &str) -> Turn {
    Turn {
        parent,
        role,
        text: text.to_owned(),
        reasoning: None,
        calls: Vec::new(),
        model: None,
        created_ms: 7,
        images: Vec::new(),
        documents: Vec::new(),
        ended: Ended::default(),
    }
}

fn call(result: Option<&str>, shown: &str) -> Call {
    Call {
        text_before: 3,
        name: "count".to_owned(),
        arguments: r#"{"what": "`leaves` <b>"}"#.to_owned(),
        result: result.map(str::to_owned),
        shown: shown.to_owned(),
        ..Call::default()
    }
}

fn ended() -> Ended {
    Ended {
        state: Some(MessageState::Failed),
        error: Some("the model is gone".to_owned()),
        usage: Some(Usage { n_generated_tokens: 7, ..Usage::default() }),
        n_left_out: 2,
        warning: Some(Warning::Memory { available_bytes: 5 }),
        summary: Some("Tea.".to_owned()),
        quotes: vec![Quote {
            number: 1,
            document: "tea.pdf".to_owned(),
            text: "Four.".to_owned(),
            ..Quote::default()
        }],
        ..Ended::default()
    }
}

fn sample() -> Transcript {
    Transcript {
        title: "Tea <b>".to_owned(),
        folder: Some("Kitchen".to_owned()),
        tags: vec!["tea".to_owned()],
        pinned: true,
        archived: true,
        created_ms: 5,
        updated_ms: 9,
        setup: Setup {
            system_prompt: Some("Be <b>brief</b>.".to_owned()),
            sampling: Overrides([(Knob::Temperature, 0.5.into())].into()),
            history: History::Summarise,
            tools: Some(vec!["clock".to_owned()]),
            collections: vec!["Tea <leaves>".to_owned()],
            answered_by: Some(AnsweredBy {
                model: ModelId("leaf/leaf.gguf".to_owned()),
                profile: LaunchProfile { n_ctx: Some(4096), ..LaunchProfile::default() },
            }),
            origin: Some(Origin { title: "Pots".to_owned(), turn: 1 }),
            ..Setup::default()
        },
        turns: vec![
            Turn {
                images: vec![vec![1, 2, 255]],
                documents: vec!["green <tea>.pdf".to_owned()],
                ..turn(None, Role::User, "How long?\n<script>alert(1)</script>")
            },
            Turn {
                reasoning: Some("Green or black?\nBlack.".to_owned()),
                calls: vec![
                    Call {
                        sources: vec![Source {
                            title: "Leaves <i>\n& more".to_owned(),
                            url: "https://a.test/?a=1&b=\"<i>\"".to_owned(),
                        }],
                        first_source: 3,
                        ..call(Some("4"), "four")
                    },
                    call(None, ""),
                    Call { images: vec![vec![1], vec![2]], cut_from: Some(9), ..call(Some("drawn"), " ") },
                ],
                model: Some("Leaf-1B".to_owned()),
                ended: ended(),
                ..turn(Some(0), Role::Assistant, "**Four** minutes.")
            },
            turn(Some(0), Role::Assistant, "Three."),
        ],
        shown: Some(1),
    }
}

#[test]
fn what_is_written_as_json_is_read_back_without_loss() {
    let chats = vec![sample(), Transcript { title: "Second".to_owned(), ..sample() }];
    let reading = read(write_json(chats.clone()).as_bytes()).unwrap();
    assert_eq!(reading, Reading { chats, n_skipped: 0, n_turns_left_out: 0 });
}

#[test]
fn what_a_file_tells_of_an_answer_is_bounded_and_never_spoils_the_rest() {
    let turn = |ended: serde_json::Value| json!({"role": "assistant", "text": "A", "ended": ended});
    let quote = json!({"number": 1, "document": "d", "text": "x".repeat(70 << 10)});
    let turns = vec![
        json!({"role": "user", "text": "Q"}),
        turn(json!({"state": "running", "error": "e".repeat(70 << 10), "quotes": vec![quote; 300]})),
        turn(json!({"state": "of another version", "n_left_out": -1})),
        turn(json!("nothing")),
    ];
    let chat = json!({"title": "T", "setup": {"sampling": {"no such": 1}}, "turns": turns});
    let file = json!({"format": "chaosengine-chats", "version": 1, "chats": [chat]});
    let mut reading = read(file.to_string().as_bytes()).unwrap();
    let chat = reading.chats.remove(0);
    assert_eq!((chat.turns.len(), chat.setup), (4, Setup::default()));
    let first = &chat.turns[1].ended;
    assert_eq!((first.state, first.quotes.len()), (Some(MessageState::Stopped), 200));
    assert!(first.quotes[0].text.len() <= 64 * 1024 && first.error.as_ref().unwrap().len() <= 4 * 1024);
    assert_eq!((&chat.turns[2].ended, &chat.turns[3].ended), (&Ended::default(), &Ended::default()));
}

#[test]
fn what_a_file_tells_of_a_call_is_bounded_and_leads_to_pages_alone() {
    let source = |url: &str| json!({"title": "T", "url": url});
    let call = json!({"name": "look", "result": "R", "first_source": u32::MAX, "images": ["AQ==", "not Base64", "AQ=="],
        "sources": [source("javascript:alert(1)"), source("https://a.test/"), source("https://a.test/ b"), source("")]});
    let many = json!({"name": "look", "result": "R", "images": vec!["AQ=="; 20], "sources": vec![json!({"title": "ä".repeat(9 << 10), "url": "http://b.test"}); 99]});
    let turns =
        json!([{"role": "user", "text": "Q"}, {"role": "assistant", "text": "A", "calls": [call, many]}]);
    let file =
        json!({"format": "chaosengine-chats", "version": 1, "chats": [{"title": "T", "turns": turns}]});
    let chat = read(file.to_string().as_bytes()).unwrap().chats.remove(0);
    let [call, many] = &chat.turns[1].calls[..] else { panic!("{:?}", chat.turns) };
    let urls: Vec<_> = call.sources.iter().map(|it| it.url.as_str()).collect();
    assert_eq!((urls, call.images.len(), call.first_source), (vec!["https://a.test/"], 2, 1_000_000));
    assert_eq!((many.sources.len(), many.images.len()), (50, 8));
    assert!(many.sources.iter().all(|it| it.title.len() <= 4 * 1024));
}

#[test]
fn a_page_shows_what_calls_gave_and_relied_on() {
    let mut chat = sample();
    chat.turns[1].calls[2].images[0] = b"\x89PNG\r\n\x1a\n".to_vec();
    let page = write_html(&chat);
    let source = "<ol><li value=\"3\"><a rel=\"noreferrer\" href=\"https://a.test/?a=1&amp;b=&quot;&lt;i&gt;&quot;\">\
                  Leaves &lt;i&gt;\n&amp; more</a></li></ol></details>";
    let image = "</details><img alt=\"\" src=\"data:image/png;base64,iVBORw0KGgo=\">";
    for part in [source, image] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("<i>") && page.matches("<img").count() == 1, "{page}");
}

#[track_caller]
fn check_failure(told: serde_json::Value, expected: Option<&str>) {
    let call = json!({"name": "look", "result": "Error: no", "shown": "no", "failed": true, "failure": told});
    let turns = json!([{"role": "user", "text": "Q"}, {"role": "assistant", "text": "A", "calls": [call]}]);
    let file =
        json!({"format": "chaosengine-chats", "version": 1, "chats": [{"title": "T", "turns": turns}]});
    let reading = read(file.to_string().as_bytes()).unwrap();
    let call = &reading.chats[0].turns[1].calls[0];
    assert_eq!(call.failure.as_ref().map(CallFailure::written).as_deref(), expected);
    assert!(call.failed && call.shown == "no");
    assert_eq!(read(write_json(reading.chats.clone()).as_bytes()).unwrap(), reading);
}

#[test]
fn why_a_call_failed_is_read_where_it_is_known_here() {
    check_failure(json!("timed_out"), Some("timed_out"));
    check_failure(json!("host_status 404 a.test"), Some("host_status 404 a.test"));
    check_failure(json!("of another version"), None);
    check_failure(json!({"of another": "version"}), None);
    check_failure(json!(null), None);
}

#[test]
fn markdown_and_text_have_the_branch_that_is_shown() {
    expect![[r##"
        # Tea <b>

        ## You

        *With green <tea>.pdf, an image*

        How long?
        <script>alert(1)</script>

        ## Leaf-1B

        > Green or black?
        > Black.

        - `count` `{"what": "'leaves' <b>"}` → four
          - [3] Leaves <i> & more <https://a.test/?a=1&b="<i>">
        - `count` `{"what": "'leaves' <b>"}` → interrupted
        - `count` `{"what": "'leaves' <b>"}` → 2 images

        **Four** minutes.
    "##]]
    .assert_eq(&write_markdown(&sample()));
    expect![[r#"
        Tea <b>

        You:
        [With green <tea>.pdf, an image]
        How long?
        <script>alert(1)</script>

        Leaf-1B:
        [Thought: Green or black?
        Black.]
        [count {"what": "'leaves' <b>"} → four]
        [3] Leaves <i> & more https://a.test/?a=1&b="<i>"
        [count {"what": "'leaves' <b>"} → interrupted]
        [count {"what": "'leaves' <b>"} → 2 images]
        **Four** minutes.
    "#]]
    .assert_eq(&write_text(&sample()));
}

#[test]
fn a_page_runs_nothing_that_somebody_wrote() {
    let chat = Transcript {
        turns: vec![
            Turn {
                documents: vec!["<b>book</b>".to_owned()],
                ..turn(None, Role::User, "<img src=x onerror=alert(1)>")
            },
            turn(Some(0), Role::Assistant, "<script>alert(2)</script> [x](javascript:alert(3))"),
        ],
        shown: Some(1),
        ..sample()
    };
    let page = write_html(&chat);
    for hostile in ["<img src=x", "<script>", "href=\"javascript:", "<b>"] {
        assert!(!page.contains(hostile), "{hostile} in {page}");
    }
    assert!(page.contains("&lt;img src=x") && page.contains("&lt;b&gt;book"));
}

#[test]
fn chatgpt_trees_lose_their_hidden_nodes_and_keep_their_branches() {
    let node = |parent: Option<&str>, role: &str, kind: &str, parts: serde_json::Value| {
        json!({"parent": parent, "message": {"author": {"role": role}, "create_time": 1.5, "recipient": "all",
            "metadata": {"model_slug": "gpt-x"}, "content": {"content_type": kind, "parts": parts}}})
    };
    let file = json!([{
        "title": "  Tea\n time ", "create_time": 1_700_000_000.5, "update_time": 1_700_000_001.0, "current_node": "e",
        "mapping": {
            "root": {"parent": null, "message": null},
            "s": node(Some("root"), "system", "text", json!(["hidden"])),
            "a": node(Some("s"), "user", "text", json!(["How long?"])),
            "b": node(Some("a"), "assistant", "text", json!(["Three."])),
            "c": {"parent": "a", "message": {"author": {"role": "assistant"}, "recipient": "all",
                "content": {"content_type": "thoughts", "thoughts": [{"content": "Black tea."}]}}},
            "t": {"parent": "c", "message": {"author": {"role": "assistant"}, "recipient": "python",
                "content": {"content_type": "code", "text": "1+3"}}},
            "d": node(Some("t"), "assistant", "multimodal_text", json!([{"asset_pointer": "file"}, "Four"])),
            "e": node(Some("d"), "assistant", "text", json!(["minutes."])),
        }
    }, {"title": "nothing in it", "mapping": {}}, 3]);
    check(
        &file,
        &expect![[r#"
        "Tea time" tags [] pinned false at 1700000001000
          0<- User: "How long?"
          1<0 Assistant: "Three." by gpt-x
          2<0 Assistant: "Four\n\nminutes." after thinking "Black tea." by gpt-x (shown)
        2 skipped, 0 turns left out
    "#]],
    );
}

#[test]
fn open_webui_exports_keep_variants_tags_and_thoughts() {
    let file = json!([{
        "title": "Tea", "pinned": true, "updated_at": 1_700_000_000, "meta": {"tags": ["kitchen", "tea"]},
        "chat": {"history": {"currentId": "b", "messages": {
            "a": {"id": "a", "parentId": null, "role": "user", "content": "How long?", "timestamp": 1_700_000_000},
            "b": {"id": "b", "parentId": "a", "role": "assistant", "model": "leaf:1b",
                "content": "<details type=\"reasoning\" done=\"true\">\n<summary>Thought</summary>\n> Black.\n</details>\nFour."},
            "c": {"id": "c", "parentId": "a", "role": "assistant", "model": "leaf:2b", "content": "Three."},
        }}}
    }]);
    check(
        &file,
        &expect![[r#"
        "Tea" tags ["kitchen", "tea"] pinned true at 1700000000000
          0<- User: "How long?"
          1<0 Assistant: "Four." after thinking "Black." by leaf:1b (shown)
          2<0 Assistant: "Three." by leaf:2b
        0 skipped, 0 turns left out
    "#]],
    );
}

#[test]
fn lm_studio_files_keep_versions_and_thoughts() {
    let said = |role: &str, text: &str| json!({"type": "singleStep", "role": role, "content": [{"type": "text", "text": text}]});
    let file = json!({
        "name": "Tea", "createdAt": 1_700_000_000_000_i64, "messages": [
            {"versions": [said("user", "How?"), said("user", "How long?")], "currentlySelected": 1},
            {"versions": [{"type": "multiStep", "role": "assistant", "senderInfo": {"senderName": "Leaf"}, "steps": [
                {"type": "contentBlock", "style": {"type": "thinking"}, "content": [{"type": "text", "text": "Black."}]},
                {"type": "contentBlock", "content": [{"type": "text", "text": "Four."}]},
            ]}], "currentlySelected": 0},
        ]
    });
    check(
        &file,
        &expect![[r#"
        "Tea" tags [] pinned false at 1700000000000
          0<- User: "How?"
          1<- User: "How long?"
          2<1 Assistant: "Four." after thinking "Black." by Leaf (shown)
        0 skipped, 0 turns left out
    "#]],
    );
}

#[test]
fn circles_strangers_ids_and_lone_turns_hold_nothing_up() {
    let file = json!([{
        "title": "odd", "chat": {"history": {"currentId": "nobody", "messages": {
            "a": {"parentId": "elsewhere", "role": "user", "content": "first"},
            "b": {"parentId": "a", "role": "assistant", "content": "second"},
            "x": {"parentId": "y", "role": "user", "content": "round"},
            "y": {"parentId": "x", "role": "assistant", "content": "and round"},
            "z": {"parentId": "z", "role": "user", "content": "itself"},
        }}}
    }]);
    check(
        &file,
        &expect![[r#"
        "odd" tags [] pinned false at 0
          0<- User: "first"
          1<0 Assistant: "second" (shown)
        0 skipped, 3 turns left out
    "#]],
    );
}

#[test]
fn files_that_are_something_else_say_so() {
    check(
        &json!({"hello": "world"}),
        &expect![[r#"
        the file holds no conversation of a kind that is known: exports of ChaosEngineAI, Open WebUI, LM Studio and ChatGPT are
    "#]],
    );
    check(
        &json!([]),
        &expect![[r#"
        the file holds no conversation of a kind that is known: exports of ChaosEngineAI, Open WebUI, LM Studio and ChatGPT are
    "#]],
    );
    let failed = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
    assert!(failed(b"PK\x03\x04...").contains("unpack"));
    assert!(failed(b"{\"mapping\": ").contains("JSON"));
    assert!(failed("[".repeat(100_000).as_bytes()).contains("JSON"));
    assert!(failed(&[0xff, 0xfe, 0]).contains("JSON"));
}

#[test]
fn a_turn_that_is_too_long_is_cut_between_letters() {
    let long = format!("x{}", "ä".repeat(MAX_MESSAGE_BYTES));
    let chat = Transcript { turns: vec![turn(None, Role::User, &long)], shown: Some(0), ..sample() };
    let reading = read(write_json(vec![chat]).as_bytes()).unwrap();
    assert_eq!(reading.chats[0].turns[0].text.len(), MAX_MESSAGE_BYTES - 1);
}

#[test]
fn a_reader_who_has_enough_ends_the_reading() {
    let file = write_json(vec![sample(), sample(), sample()]);
    let mut n = 0;
    read_entries(format!("\u{feff}{file}").as_bytes(), &mut |_| {
        n += 1;
        n < 2
    })
    .unwrap();
    assert_eq!(n, 2);
}

#[test]
fn what_is_ours_is_known_wherever_its_name_stands() {
    let mut file: serde_json::Value = serde_json::from_str(&write_json(vec![sample()])).unwrap();
    let chats = file["chats"].take();
    let late = format!(r#"{{"chats": {chats}, "more": {{"a": [1]}}, "format": "chaosengine-chats"}}"#);
    assert_eq!(read(late.as_bytes()).unwrap().chats, [sample()]);
    let early = format!(r#"{{"format": "chaosengine-chats", "more": {{"a": [1]}}, "chats": {chats}}}"#);
    assert_eq!(read(early.as_bytes()).unwrap().chats, [sample()]);
    assert_eq!(
        read(br#"{"format": "chaosengine-chats", "chats": []}"#).unwrap_err().to_string(),
        ReadError::Unknown.to_string()
    );
}

/// A file that goes on with the same bytes for ever.
struct Endless(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buffer)?;
        if n > 0 {
            return Ok(n);
        }
        buffer.fill(b' ');
        Ok(buffer.len())
    }
}

#[test]
fn an_entry_that_does_not_end_is_given_up() {
    let file = write_json(vec![sample()]);
    let begin = file.trim_end().trim_end_matches("]}").as_bytes().to_vec();
    let mut n = 0;
    let read = read_entries(Endless(std::io::Cursor::new(begin)), &mut |_| {
        n += 1;
        true
    });
    assert!(matches!(read, Err(ReadError::ChatTooLarge)), "{read:?}");
    assert_eq!(n, 1, "what came before it was given");
}

use super::*;

fn tokenize(text: &str) -> Vec<LlamaToken> {
    text.chars().map(|it| LlamaToken(it as i32)).collect()
}

fn render(turns: &[ChatTurn], tools: &ToolUse) -> String {
    let beginning = format!("[{}]", tools.tools[0].name);
    turns.iter().fold(beginning, |text, turn| text + &format!("<{:?}>{};", turn.role, turn.content))
}

/// The prompt of a system's turn and a person's, with a bar behind what the server wrote.
#[track_caller]
fn check(server_text: ServerText, expected: &str) {
    let said = [ChatTurn::new(Role::System, "rules"), ChatTurn::new(Role::User, "xyz")];
    let tool = Tool { name: "look".into(), description: String::new(), parameters: "{}".into() };
    let offered = ToolUse { tools: vec![tool], choice: types::tools::ToolChoice::Auto, in_parallel: false };
    let mut whole = render(&said, &offered);
    let write =
        |word: &str| Some(render(&turns(&said, server_text, word), &tools(&offered, server_text, word)));
    let n = n_tokens(&tokenize(&whole), write, tokenize);
    whole.insert(n, '|');
    assert_eq!(whole, expected);
}

#[test]
fn what_the_server_wrote_ends_where_somebody_elses_words_begin() {
    let text = |n_bytes, has_tools| ServerText { n_bytes, has_tools };
    check(text(5, true), "[look]<System>rules;<User>|xyz;");
    check(text(6, true), "[look]<System>rules;<User>x|yz;");
    check(text(2, true), "[look]<System>ru|les;<User>xyz;");
    check(text(0, true), "[look]<System>|rules;<User>xyz;");
    check(text(5, false), "[|look]<System>rules;<User>xyz;");
    check(text(usize::MAX, true), "[look]<System>rules;<User>xyz;|");
}

#[test]
fn what_cannot_be_written_is_nobodys() {
    assert_eq!(n_tokens(&tokenize("hello"), |_| None, tokenize), 0);
}

#[test]
fn turns_that_do_more_than_say_something_are_somebodys() {
    let called = ChatTurn { call_id: Some("1".into()), ..ChatTurn::new(Role::User, "found") };
    let all = ServerText { n_bytes: usize::MAX, has_tools: true };
    let written = turns(&[ChatTurn::new(Role::System, "rules"), called], all, "x");
    assert_eq!(written[1], ChatTurn::new(Role::User, "found"));
}

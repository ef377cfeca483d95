use super::*;

/// Turns are `role:text`.
fn turns(conversation: &str) -> Vec<ChatTurn> {
    let turns = conversation.split_whitespace().map(|turn| {
        let (role, text) = turn.split_once(':').expect("role:text");
        let role = match role {
            "s" => Role::System,
            "u" => Role::User,
            _ => Role::Assistant,
        };
        ChatTurn::new(role, text)
    });
    turns.collect()
}

fn render(turns: &[ChatTurn]) -> Option<String> {
    let tools = "[tools]".to_owned();
    Some(turns.iter().fold(tools, |text, turn| text + &format!("<{:?}>{};", turn.role, turn.content)))
}

/// Every character is a token.
fn tokenize(text: &str) -> Vec<LlamaToken> {
    text.chars().map(|it| LlamaToken(it as i32)).collect()
}

/// What is pinned is written with a bar before and behind.
fn check(conversation: &str, expected: &str) {
    let turns = turns(conversation);
    let whole = render(&turns).expect("a text");
    let mut shown = whole.clone();
    for range in pinned(&turns, &tokenize(&whole), render, tokenize).iter().rev() {
        shown.insert(range.end, '|');
        shown.insert(range.start, '|');
    }
    assert_eq!(shown, expected);
}

#[test]
fn everything_before_the_first_person_is_pinned() {
    check("s:rules u:hi a:yes", "|[tools]<System>rules;<User>|hi;<Assistant>yes;");
    check("u:hi", "|[tools]<User>|hi;");
    check("u:x", "|[tools]<User>|x;");
}

#[test]
fn later_system_turns_are_pinned() {
    check(
        "s:rules u:hi s:more a:yes u:well s:xyz",
        "|[tools]<System>rules;<User>|hi;<System>|more|;<Assistant>yes;<User>well;<System>|xyz|;",
    );
}

#[test]
fn without_turns_or_with_system_turns_only_nothing_is() {
    check("s:rules", "[tools]<System>rules;");
}

/// Places are written as bars.
fn check_places(conversation: &str, expected: &str) {
    let turns = turns(conversation);
    let whole = render(&turns).expect("a text");
    let mut shown = whole.clone();
    for place in places(&turns, &tokenize(&whole), render, tokenize).into_iter().rev() {
        shown.insert(place, '|');
    }
    assert_eq!(shown, expected);
}

#[test]
fn a_conversation_goes_on_another_way_from_the_last_turn() {
    check_places("s:rules u:hi a:yes u:why", "[tools]<System>rules;<User>|hi;<Assistant>yes;<User>|why|;");
    check_places("s:rules u:hi", "[tools]<System>rules;<User>|hi|;");
    check_places("u:hi a:so", "[tools]<User>|hi|;<Assistant>so;");
}

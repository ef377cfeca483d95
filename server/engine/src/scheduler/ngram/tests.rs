use super::*;

/// One token a letter.
fn tokens(text: &str) -> Vec<LlamaToken> {
    text.bytes().map(|byte| LlamaToken(byte.into())).collect()
}

fn show(draft: Option<Draft>) -> String {
    let Some(draft) = draft else { return "nothing".into() };
    let text: String = draft.tokens.iter().map(|token| char::from(token.0 as u8)).collect();
    format!("{text} after {}", draft.n_matched)
}

/// What is drafted at the end of a text, from that text alone.
fn check(text: &str, expected: &str) {
    let tokens = tokens(text);
    let mut index = NgramIndex::default();
    index.follow(&tokens);
    assert_eq!(show(index.draft_own(&tokens, 4)), expected);
}

#[test]
fn what_followed_the_same_tokens_is_drafted() {
    check("the cat sat. the c", "at s after 5");
    check("abcabc", "abca after 3");
    check("ahahah", "ahah after 4");
    check("abcab", "nothing");
    check("ab", "nothing");
    check("", "nothing");
}

#[test]
fn the_longest_match_wins_and_of_equals_the_latest() {
    check("xabc1.yabc2.xabc", "1.ya after 4");
    check("yabc1.yabc2.zabc", "2.za after 3");
}

#[test]
fn a_text_is_followed_as_it_grows() {
    let whole = tokens("one two three. one two three. one tw");
    let mut index = NgramIndex::default();
    for n in 0..=whole.len() {
        index.follow(&whole[..n]);
    }
    assert_eq!(show(index.draft_own(&whole, 3)), "o t after 21");
}

/// Somebody who has a share of their own.
fn alone(tenant: i64) -> Who {
    Who { share: Tenant(tenant), tenant: Tenant(tenant) }
}

#[test]
fn who_calls_under_many_names_displaces_nobody_else() {
    let mut histories = Histories::default();
    histories.add(alone(1), &tokens("my password is tulip"));
    for name in 1000..1500 {
        histories.add(Who { share: Tenant(2), tenant: Tenant(name) }, &tokens("nothing to remember"));
    }
    assert_eq!(histories.by_tenant.len(), MOST_TENANTS);
    assert!(histories.by_tenant.contains_key(&Tenant(1)) && histories.by_tenant.contains_key(&Tenant(1499)));
}

#[test]
fn tenants_do_not_hear_of_each_other() {
    let mut histories = Histories::default();
    histories.add(alone(1), &tokens("my password is tulip"));
    let draft = |tenant| show(histories.draft(tenant, &tokens("your password is "), 9));
    assert_eq!(draft(Tenant(1)), "tulip after 13");
    assert_eq!(draft(Tenant(2)), "nothing");
}

#[test]
fn answers_do_not_run_into_each_other() {
    let mut histories = Histories::default();
    histories.add(alone(1), &tokens("good morning"));
    histories.add(alone(1), &tokens("how are you"));
    assert_eq!(show(histories.draft(Tenant(1), &tokens("morn"), 9)), "ing after 4");
    assert_eq!(show(histories.draft(Tenant(1), &tokens("ning"), 9)), "nothing");
}

#[test]
fn what_is_remembered_has_a_bound() {
    let mut histories = Histories::default();
    for n in 0..200_u32 {
        let answer: Vec<_> = (0..1000).map(|i| LlamaToken((n * 1000 + i) as i32)).collect();
        histories.add(alone(i64::from(n % 70)), &answer);
        histories.add(alone(1000), &answer);
    }
    assert!(histories.by_tenant.len() <= MOST_TENANTS);
    assert!(histories.by_tenant.values().all(|it| it.tokens.len() <= HISTORY_TOKENS + 1));
    let newest: Vec<_> = (199_000..199_010).map(LlamaToken).collect();
    let draft = histories.draft(Tenant(1000), &newest, 2);
    assert_eq!(draft.map(|it| it.tokens), Some(vec![LlamaToken(199_010), LlamaToken(199_011)]));
}

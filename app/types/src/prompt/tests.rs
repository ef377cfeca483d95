use super::{
    MAX_CHOICES, MAX_PROMPT_BYTES, MAX_PROMPT_NAME_CHARS, MAX_TAGS, MAX_VARIABLES, PromptDraft, Variable,
    VariableKind, fill, variable_names, variables,
};

fn number(name: &str, default: &str) -> Variable {
    Variable { kind: VariableKind::Number, default: default.into(), ..Variable::text(name) }
}

fn choice(name: &str, default: &str, choices: &[&str]) -> Variable {
    let choices = choices.iter().map(|it| (*it).to_owned()).collect();
    Variable { kind: VariableKind::Choice, default: default.into(), choices, ..Variable::text(name) }
}

fn draft(name: &str, body: &str) -> PromptDraft {
    PromptDraft { name: name.into(), body: body.into(), ..PromptDraft::default() }
}

#[track_caller]
fn check_names(body: &str, expected: &[&str]) {
    assert_eq!(variable_names(body), expected, "{body:?}");
}

#[test]
fn variables_are_names_between_two_braces() {
    check_names("", &[]);
    check_names("plain { text } }}", &[]);
    check_names("{{one}} and {{ two }}, {{one}} again", &["one", "two"]);
    check_names("{{größe}}{{a-b}}{{c_1}}", &["größe", "a-b", "c_1"]);
}

#[test]
fn what_is_no_name_between_braces_is_text() {
    check_names("{{}} {{ }} {{a b}} {{a.b}} {{#if}} {{/if}} {{open", &[]);
    check_names(&format!("{{{{{}}}}}", "x".repeat(41)), &[]);
    // The inner one is a name, the outer braces are text.
    check_names("{{{name}}}", &["name"]);
    check_names("{{a {{b}}", &["b"]);
}

#[test]
fn an_escaped_variable_is_text_without_the_backslash() {
    check_names(r"\{{one}} {{two}}", &["two"]);
    check_fill(r"\{{one}} {{two}} \\", &[("two", "2")], r"{{one}} 2 \\");
    check_fill(r"\{{", &[], "{{");
    check_fill(r"C:\temp\{x}", &[], r"C:\temp\{x}");
}

#[track_caller]
fn check_fill(body: &str, values: &[(&str, &str)], expected: &str) {
    let described = [number("n", "3"), choice("tone", "kind", &["kind", "strict"])];
    let value = |name: &str| values.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
    assert_eq!(fill(body, &described, value), expected);
}

#[test]
fn values_defaults_and_nothing_take_the_place_of_variables() {
    check_fill("{{n}} {{tone}} {{other}}.", &[], "3 kind .");
    check_fill("{{n}} {{ tone }} {{n}}", &[("n", "5"), ("tone", "strict")], "5 strict 5");
    // Emptied by a person, which is not the same as untouched.
    check_fill("{{n}}!", &[("n", "")], "!");
    check_fill("€{{x}}€", &[("x", "ä")], "€ä€");
}

#[test]
fn what_was_filled_in_is_not_looked_through_again() {
    check_fill("{{a}}{{b}}", &[("a", "{{b}}"), ("b", "{{a}}")], "{{b}}{{a}}");
    check_fill("{{a}}b}}", &[("a", "{{")], "{{b}}");
}

#[test]
fn filling_keeps_every_other_character() {
    let body = "{ {{ {{{ }} \\ \\{ \\{{ {{a.b}} \u{1F600}{{x";
    check_fill(body, &[], &body.replace("\\{{", "{{"));
}

#[test]
fn a_text_of_braces_only_is_read_quickly() {
    let body = "{{".repeat(MAX_PROMPT_BYTES / 2);
    let begun = std::time::Instant::now();
    assert_eq!(variable_names(&body), Vec::<&str>::new());
    assert!(begun.elapsed().as_secs() < 5);
}

#[test]
fn descriptions_are_for_the_variables_that_the_text_has() {
    let found = variables("{{b}} {{n}}", &[number("n", "3"), number("gone", "1")]);
    assert_eq!(found, [Variable::text("b"), number("n", "3")]);
}

#[test]
fn values_are_checked_by_kind() {
    let ok = |variable: &Variable, value: &str| variable.check(value).is_ok();
    let n = number("n", "");
    assert!(["", "1", "-1.5", "+2", "0,5", ".5", "7."].iter().all(|value| ok(&n, value)));
    assert!(!["x", "1e5", "inf", "NaN", ".", "-", "1.2.3", "0x1"].iter().any(|value| ok(&n, value)));
    let tone = choice("tone", "", &["kind", "strict"]);
    assert!(ok(&tone, "kind") && ok(&tone, "") && !ok(&tone, "rude"));
    assert!(ok(&Variable::text("t"), "anything"));
}

#[test]
fn a_draft_is_tidied() {
    let draft = PromptDraft {
        name: " /Explain-Code ".into(),
        about: " two\n lines ".into(),
        folder: " Work ".into(),
        tags: vec!["#Rust".into(), "rust".into(), " ".into(), "code".into()],
        body: "  {{n}} {{t}}\n".into(),
        variables: vec![number("gone", "1"), Variable { default: " 3 ".into(), ..number("n", "") }],
    };
    let kept = draft.checked().unwrap();
    assert_eq!(kept.name, "explain-code");
    assert_eq!(kept.about, "two lines");
    assert_eq!(kept.folder, "Work");
    assert_eq!(kept.tags, ["Rust", "code"]);
    assert_eq!(kept.body, "  {{n}} {{t}}\n");
    assert_eq!(kept.variables, [number("n", "3"), Variable::text("t")]);
    assert_eq!(kept.clone().checked().unwrap(), kept, "tidying twice changes nothing");
}

#[track_caller]
fn check_refused(draft: PromptDraft, expected: &str) {
    let sentence = draft.checked().unwrap_err().to_string();
    assert!(sentence.contains(expected), "{sentence:?} does not say {expected:?}");
}

#[test]
fn what_cannot_be_kept_is_refused_with_the_reason() {
    check_refused(draft(" / ", "x"), "needs a name");
    check_refused(draft("two words", "x"), "“two words” has characters");
    check_refused(draft("<b>", "x"), "characters");
    check_refused(
        draft(&"x".repeat(MAX_PROMPT_NAME_CHARS + 1), "x"),
        "the name has 41 characters, at most 40",
    );
    check_refused(draft("x", " \n"), "empty");
    check_refused(draft("x", &"x".repeat(MAX_PROMPT_BYTES + 1)), "64001 bytes, at most 64000");
    let tags = (0..=MAX_TAGS).map(|n| n.to_string()).collect();
    check_refused(PromptDraft { tags, ..draft("x", "x") }, "13 tags, at most 12");
    let body: String = (0..=MAX_VARIABLES).map(|n| format!("{{{{v{n}}}}}")).collect();
    check_refused(draft("x", &body), "31 variables");
}

#[test]
fn a_variable_must_be_able_to_be_filled_in() {
    let with = |variable: Variable| PromptDraft { variables: vec![variable], ..draft("x", "{{v}}") };
    check_refused(with(number("v", "many")), "the default of “v” is no number");
    check_refused(with(choice("v", "", &[])), "“v” has nothing to choose from");
    check_refused(with(choice("v", "c", &["a", "b"])), "none of its choices");
    check_refused(
        with(Variable { default: "x".repeat(4_001), ..Variable::text("v") }),
        "longer than 4000 bytes",
    );
    let many: Vec<String> = (0..=MAX_CHOICES).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check_refused(with(choice("v", "", &many)), "41 choices");
}

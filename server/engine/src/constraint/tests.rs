use super::*;

/// The token that ends an answer; the tokens below it are bytes.
pub(crate) const END: u32 = 256;

/// Follows a constraint in a vocabulary of bytes.
fn follow(constraint: &Constraint) -> Result<Constrained, String> {
    let mut words: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    words.push(b"\xff<end>".to_vec());
    let (factory, env) = factory(words, &[LlamaToken(END as i32)])?;
    let matcher = compile(&factory, to_grammar(constraint)?)?;
    Ok(Constrained::new(matcher, env, start_masks().map_err(|error| error.to_string())?))
}

/// A form in a vocabulary of bytes, with these special tokens behind the one that ends.
pub(crate) fn later_of_bytes(lark: &str, special: &[&str]) -> Result<Later, String> {
    let mut words: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    words.extend(["<end>"].iter().chain(special).map(|word| [b"\xff", word.as_bytes()].concat()));
    let (factory, env) = factory(words, &[LlamaToken(END as i32)])?;
    let matcher = compile(&factory, TopLevelGrammar::from_lark(lark.to_owned()))?;
    Ok(Later { matcher, env, masks: start_masks().map_err(|error| error.to_string())? })
}

fn allows(constrained: &mut Constrained, token: u32) -> bool {
    let mask = constrained.mask().expect("a mask");
    mask[token as usize / 32] >> (token % 32) & 1 == 1
}

/// Whether `text` is a whole answer, or how much of it is the beginning of one.
fn read(constraint: &Constraint, text: &str) -> String {
    let mut constrained = match follow(constraint) {
        Ok(constrained) => constrained,
        Err(reason) => return format!("refused: {reason}"),
    };
    for (i, byte) in text.bytes().enumerate() {
        if constrained.is_complete() || !allows(&mut constrained, byte.into()) {
            return format!("up to {:?}", &text[..i]);
        }
        constrained.accept(LlamaToken(byte.into())).expect("it is allowed");
    }
    match constrained.is_complete() || allows(&mut constrained, END) {
        true => "whole".to_owned(),
        false => "beginning".to_owned(),
    }
}

#[track_caller]
fn check(constraint: &Constraint, text: &str, expected: &str) {
    assert_eq!(read(constraint, text), expected);
}

#[track_caller]
fn check_refused(constraint: &Constraint, expected: &str) {
    let found = read(constraint, "");
    assert!(found.starts_with("refused: ") && found.contains(expected), "{found}");
    assert!(found.len() < 400, "{found}");
}

#[test]
fn json_fits_its_schema() {
    let schema = r##"{
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 5}, "tree": {"$ref": "#/$defs/tree"}},
        "required": ["name"], "additionalProperties": false,
        "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}
    }"##;
    let schema = Constraint::JsonSchema(schema.into());
    check(&schema, r#"{"name": "Ada"}"#, "whole");
    check(&schema, "{\n  \"name\": \"Ada\", \"tree\": [[], [[]]]}", "whole");
    check(&schema, r#"{"name": 1}"#, r#"up to "{\"name\": ""#);
    check(&schema, r#"{"name": "Adaptive"}"#, r#"up to "{\"name\": \"Adapt""#);
    check(&schema, r#"{"name": "Ada""#, "beginning");
    check(&schema, r#"{"name": "Ada"} and"#, r#"up to "{\"name\": \"Ada\"}""#);
}

#[test]
fn any_object_is_an_object() {
    check(&Constraint::json_object(), r#"{"a": [1, null, {"b": "ü"}]}"#, "whole");
    check(&Constraint::json_object(), "[]", "up to \"\"");
    check(&Constraint::json_object(), "{  ", "up to \"{ \"");
}

#[test]
fn a_regular_expression_matches_as_a_whole() {
    let date = Constraint::Regex(r"\d{4}/[01][0-9]".into());
    check(&date, "2026/11", "whole");
    check(&date, "2026/1", "beginning");
    check(&date, "2026-", "up to \"2026\"");
}

#[test]
fn lark_grammars_are_followed() {
    let sum = Constraint::Lark("start: N (\"+\" N)*\nN: /[0-9]+/".into());
    check(&sum, "1+22+3", "whole");
    check(&sum, "1+", "beginning");
}

#[test]
fn gbnf_grammars_are_followed() {
    let json = r#"root ::= value
        value ::= object | array | string | number | "true" ws
        object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
        array ::= "[" ws ( value ("," ws value)* )? "]" ws
        string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
        number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ws
        ws ::= | " " | "\n" [ \t]{0,20}"#
        .replace("\n        ", "\n");
    let json = Constraint::Gbnf(json);
    check(&json, r#"{"a": [1, true, {"b": "x\n\u00e9ü"}], "c": -1.5 }"#, "whole");
    check(&json, r#"{"a" 1}"#, r#"up to "{\"a\" ""#);
    check(&json, "[1, [2]", "beginning");
    let brackets = Constraint::Gbnf("root ::= \"(\" root? \")\"".into());
    check(&brackets, "((()))", "whole");
    check(&brackets, "((())))", "up to \"((()))\"");
}

#[test]
fn what_is_wrong_is_named() {
    check_refused(&Constraint::JsonSchema("{".into()), "EOF while parsing");
    check_refused(&Constraint::JsonSchema("[]".into()), "a schema is an object");
    check_refused(&Constraint::JsonSchema(r#"{"type": "wizard"}"#.into()), "wizard");
    check_refused(&Constraint::JsonSchema(r##"{"$ref": "#/$defs/none"}"##.into()), "not found");
    check_refused(&Constraint::JsonSchema(r#"{"$ref": "http://example.com/"}"#.into()), "example.com");
    check_refused(&Constraint::Regex("(".into()), "regex");
    check_refused(&Constraint::Lark("begin: \"a\"".into()), "no start rule");
    check_refused(&Constraint::Lark("start: other".into()), "other");
    check_refused(&Constraint::Gbnf("root ::= other".into()), "“other” is used but not defined");
}

/// Refused or followed, but over soon and with this process alive.
#[track_caller]
fn check_survives(constraint: &Constraint) {
    constraint.check().expect("small enough");
    let begun = std::time::Instant::now();
    if let Ok(mut constrained) = follow(constraint) {
        for _ in 0..20 {
            let Ok(mask) = constrained.mask() else { break };
            let Some(token) = (0..END).find(|&it| mask[it as usize / 32] >> (it % 32) & 1 == 1) else {
                break;
            };
            if constrained.accept(LlamaToken(token as i32)).is_err() || constrained.is_complete() {
                break;
            }
        }
    }
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn hostile_constraints_do_no_harm() {
    let chain = |n: usize, rule: &dyn Fn(usize) -> String| (0..n).map(rule).collect::<String>();
    let lark = |text: String| check_survives(&Constraint::Lark(text));
    lark(format!("start: {}", "(".repeat(60_000)));
    lark(format!("start: {}\"a\"{}", "(".repeat(1900), ")".repeat(1900)));
    lark(format!("start: a0\n{}a3000: \"x\"", chain(3000, &|i| format!("a{i}: \"(\" a{}\n", i + 1))));
    lark(format!("start: A0\n{}A3000: \"x\"", chain(3000, &|i| format!("A{i}: \"(\" A{} \")\"\n", i + 1))));
    lark(format!("start: A0\n{}A30: /x+/", chain(30, &|i| format!("A{i}: (A{} A{})*\n", i + 1, i + 1))));
    lark("start: start start | \"a\" | \"\"".into());
    check_survives(&Constraint::Regex("((a{1000}){1000}){1000}".into()));
    check_survives(&Constraint::Regex("(.*a){200}(.*b){200}".into()));
    check_survives(&Constraint::Regex(format!("{}a{}", "(".repeat(30_000), ")".repeat(30_000))));
    check_survives(&Constraint::Gbnf("root ::= ((\"a\"{2000}){2000}){2000} root?".into()));
    let deep = format!("{}{}", r#"{"items":"#.repeat(6_000), "}".repeat(6_000));
    check_survives(&Constraint::JsonSchema(deep));
    let refs = chain(1200, &|i| format!(r##""d{i}":{{"items":{{"$ref":"#/$defs/d{}"}}}},"##, i + 1));
    check_survives(&Constraint::JsonSchema(format!(
        r##"{{"$ref":"#/$defs/d0","$defs":{{{refs}"d1200":{{}}}}}}"##
    )));
}

/// What is looked ahead for behind `text`, in a vocabulary of bytes and some words.
#[track_caller]
fn check_ahead(constraint: &Constraint, text: &str, expected: &[&str]) {
    let mut words: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    words.push(b"\xff<end>".to_vec());
    words.extend(["na", "name", "me\"", "sea", "year"].map(|word| word.as_bytes().to_vec()));
    let (factory, env) = factory(words.clone(), &[LlamaToken(END as i32)]).expect("a factory");
    let matcher = compile(&factory, to_grammar(constraint).expect("a grammar")).expect("a matcher");
    let mut constrained = Constrained::new(matcher, env, start_masks().expect("a thread"));
    for byte in text.bytes() {
        constrained.accept(LlamaToken(byte.into())).expect("it is allowed");
    }
    constrained.mask().expect("a mask");
    let spelled = |token: &LlamaToken| String::from_utf8_lossy(&words[token.0 as usize]).into_owned();
    let ahead: Vec<_> = constrained.ahead().iter().map(spelled).collect();
    assert_eq!(ahead, expected, "{text}");
}

#[test]
fn what_a_form_leaves_no_choice_of_is_looked_ahead_for() {
    let schema = r#"{"type": "object", "properties": {"name": {"enum": ["sea", "season"]}}, "required": ["name"],
        "additionalProperties": false}"#;
    let schema = Constraint::JsonSchema(schema.into());
    check_ahead(&schema, "", &["{"]);
    // White space may follow.
    check_ahead(&schema, "{", &[]);
    check_ahead(&schema, "{\"", &["name", "\""]);
    check_ahead(&schema, "{\"n", &["a", "me\""]);
    check_ahead(&schema, "{\"name\":\"", &["sea"]);
    let endless = Constraint::Lark("start: \"year\" start".into());
    check_ahead(&endless, "y", &[&["e", "a", "r"][..], &["year"; MOST_AHEAD - 3]].concat());
    // The end is no text.
    check_ahead(&Constraint::Regex("ab?".into()), "a", &[]);
    check_ahead(&Constraint::Regex("ab".into()), "ab", &[]);
}

#[test]
fn drafts_are_cut_where_they_leave_the_form() {
    let mut constrained = follow(&Constraint::Regex("abc?d".into())).expect("followed");
    let draft = b"abxd".map(|byte| LlamaToken(byte.into()));
    assert_eq!(constrained.n_allowed(&draft), 2);
    assert_eq!(constrained.n_allowed(&draft[..1]), 1);
    constrained.accept(draft[0]).expect("allowed");
    assert_eq!(constrained.n_allowed(&draft), 0);
}

use super::*;

#[track_caller]
fn check(gbnf: &str, expected: &[&str]) {
    let found = to_lark(gbnf).unwrap_or_else(|error| error.to_string());
    assert_eq!(found.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_does_not_lead_back_to_itself_is_a_word() {
    check(
        "root ::= \"a\\n\" b? # a comment\nb ::= [0-9]+ | \"\"",
        &["start: R0", "R0: \"a\\u000a\" R1?", "R1: /[\\u{30}-\\u{39}]/+ | \"\""],
    );
}

#[test]
fn words_that_follow_each_other_are_one() {
    check(
        "root ::= \"(\" ws root? ws \")\" | \"x\" | [^y]\nws ::= \" \"*",
        &[
            "start: r0",
            "r0: W1 r0? W2 | W3",
            "R1: \" \"*",
            "W1: \"(\" R1",
            "W2: R1 \")\"",
            "W3: \"x\" | /[^\\u{79}]/",
        ],
    );
}

#[test]
fn repetitions_are_kept() {
    check(
        "root ::= \"a\"{3} .{0,2} (\"b\" | \"c\"){2,}",
        &["start: R0", "R0: \"a\"{3,3} /[\\u{0}-\\u{10ffff}]/{0,2} (\"b\" | \"c\"){2,}"],
    );
}

#[test]
fn brackets_go_on_over_lines_and_so_does_a_bar() {
    check(
        "root ::= (\n\"a\"\n| \"b\" # or\n) \"c\" |\n \"d\"",
        &["start: R0", "R0: (\"a\" | \"b\") \"c\" | \"d\""],
    );
}

#[test]
fn mistakes_are_named_with_their_line() {
    check("root ::= a", &["the rule “a” is used but not defined"]);
    check("a ::= \"x\"", &["the rule “root” is used but not defined"]);
    check("root ::= \"x\"\nroot ::= \"y\"", &["the rule “root” is defined twice"]);
    check("\nroot = \"x\"", &["line 2: expected “::=” behind the name of a rule"]);
    check("root ::= \"x", &["line 1: expected the closing quote of a literal"]);
    check("root ::= (\"x\"", &["line 1: expected “)”"]);
    check("root ::= [z-a]", &["line 1: expected a range from a lower to a higher character"]);
    check("root ::= []", &["line 1: expected a character between “[” and “]”"]);
    check("root ::= \"\\q\"", &["line 1: expected one of x u U t r n \\ \" [ ] behind “\\”"]);
    check("root ::= \"x\"{9999}", &["line 1: more than 2000 repetitions"]);
    check("root ::= \"x\"{3,2}", &["line 1: expected a second number that is not smaller than the first"]);
    check("root ::= <think>", &["line 1: expected text: tokens by name or number are not supported"]);
    check(&format!("root ::= {}", "(".repeat(60_000)), &["line 1: brackets nest deeper than 24"]);
}

use super::*;

/// `s`, `u` and `a` with a number: a turn with so many tokens. Shows what was kept.
fn check(conversation: &str, n_ctx: usize, expected: &str) {
    let turns: Vec<_> = conversation
        .split(' ')
        .map(|turn| {
            let role = match &turn[..1] {
                "s" => Role::System,
                "u" => Role::User,
                "t" => Role::Tool,
                _ => Role::Assistant,
            };
            ChatTurn::new(role, turn)
        })
        .collect();
    let tokenize = |turns: &[ChatTurn]| {
        let tokens = turns.iter().flat_map(|turn| {
            let n: usize = turn.content[1..].parse().expect("a number");
            vec![turn.content.clone(); n]
        });
        Ok(tokens.collect::<Vec<_>>())
    };
    let given = match fit(&turns, n_ctx, tokenize, Vec::len) {
        Err(rejection) => rejection.to_string(),
        Ok((mut tokens, n_left_out)) => {
            tokens.dedup();
            let is_of_person = |it: &&String| it.starts_with('u');
            let n_given = tokens.iter().filter(is_of_person).count();
            assert_eq!(n_given + n_left_out, n_of_persons(&turns), "{conversation}");
            tokens.join(" ")
        }
    };
    assert_eq!(given, expected);
}

#[test]
fn what_fits_stays_whole() {
    check("s1 u2 a3 u4", 100, "s1 u2 a3 u4");
}

#[test]
fn the_oldest_turns_go_first() {
    check("u40 a30 u10 a11 u5", 100, "u10 a11 u5");
    check("u40 a30 u10 a11 u5 a6 u7", 70, "u10 a11 u5 a6 u7");
}

#[test]
fn system_turns_and_the_last_turn_stay() {
    check("s20 u40 a30 u10", 60, "s20 u10");
    check("s20 u40 a30 s3 u10", 60, "s20 s3 u10");
}

#[test]
fn the_last_turn_may_use_the_room_for_the_answer() {
    check("u40 a30 u90", 100, "u90");
}

#[test]
fn what_cannot_be_trimmed_is_refused_with_its_whole_length() {
    check("s20 u200", 100, "the conversation has 220 tokens, the model's context holds 100");
    check("s20 u40 a5 u100", 100, "the conversation has 165 tokens, the model's context holds 100");
}

#[test]
fn a_single_turn_that_fits_without_room_is_taken() {
    check("u90", 100, "u90");
}

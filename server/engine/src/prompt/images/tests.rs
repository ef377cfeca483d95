use super::*;
use types::chat::Role;

fn turn(text: &str, places: &[usize]) -> ChatTurn {
    let image = |&at: &usize| TurnImage { at, file: ImageFile::new(*b"x") };
    ChatTurn { images: places.iter().map(image).collect(), ..ChatTurn::new(Role::User, text) }
}

#[test]
fn marks_stand_where_images_are() {
    let check = |text, places: &[usize], expected: &str| {
        let marked = marked(&turn(text, places), 3, str::to_uppercase);
        assert_eq!(marked.replace(MARK, "|"), expected);
    };
    check("what is this", &[], "WHAT IS THIS");
    check("what is this", &[12], "WHAT IS THIS|3|");
    check("what is this", &[0, 0, 5], "|3||4|WHAT |5|IS THIS");
    // Places that make no sense lose nothing.
    check("ä", &[1], "|3|Ä");
    check("ab", &[2, 1, 99], "AB|3||4||5|");
}

#[test]
fn a_conversation_shows_its_images_or_does_not() {
    let check = |rendered: &str, n_images, expected| {
        assert_eq!(shows_all(&rendered.replace('|', &MARK.to_string()), n_images), expected, "{rendered}");
    };
    check("no image", 0, true);
    check("a |0| b |1|", 2, true);
    check("|0||1|", 2, true);
    check("a |0| b", 2, false);
    check("a |1| b |0|", 2, false);
    check("|0| and again |0|", 1, false);
    check("nothing", 1, false);
}

#[test]
fn stand_ins_are_no_tokens_and_tell_images_apart() {
    let (one, other) = ([1; 32], [2; 32]);
    let stand_ins = |key| stand_ins(key, 64);
    assert!(stand_ins(&one).into_iter().all(is_stand_in));
    assert_eq!(stand_ins(&one), stand_ins(&one));
    let same = stand_ins(&one).iter().zip(stand_ins(&other)).filter(|(a, b)| *a == b).count();
    assert_eq!(same, 0);
    assert!(!is_stand_in(LlamaToken(0)));
}

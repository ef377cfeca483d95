use super::*;

const GB: u64 = 1_000_000_000;

fn sample(available: u64, heat: Option<Heat>) -> SystemSample {
    let (memory_total_bytes, memory_available_bytes) = (32 * GB, available);
    SystemSample { memory_total_bytes, memory_available_bytes, heat, ..SystemSample::default() }
}

fn guards(most_tokens: u32) -> Guards {
    Guards::new(GuardSettings::default(), most_tokens)
}

/// After how many characters of text that repeats nothing the answer is too long.
fn check_length(most_tokens: u32, expected: Option<usize>) {
    let mut guards = guards(most_tokens);
    let now = Instant::now();
    let words = (0..3000).map(|i| format!("{i:x} "));
    let mut n_chars = 0;
    let too_long = words.into_iter().find_map(|word| {
        n_chars += word.chars().count();
        guards.text(now, &word, 1)?;
        Some(n_chars)
    });
    assert_eq!(too_long.map(|n| n / 100 * 100), expected);
}

#[test]
fn an_answer_may_be_six_characters_a_token_and_two_thousand_always() {
    check_length(10, Some(2000));
    check_length(1000, Some(6000));
    check_length(4000, None);
}

/// What trips over a call with `arguments`, told in small pieces and as a whole, in an answer of at most so many tokens.
#[track_caller]
fn check_calls(calls: &[&str], most_tokens: u32, expected: Option<Guard>) {
    let begin = CallPiece::Begin { name: "write".into() };
    for n_letters in [3, usize::MAX] {
        let mut guards = guards(most_tokens);
        let mut pieces = calls.iter().flat_map(|arguments| {
            let letters: Vec<char> = arguments.chars().collect();
            let arguments = |it: &[char]| CallPiece::Arguments(it.iter().collect());
            let pieces: Vec<_> = letters.chunks(n_letters.min(letters.len())).map(arguments).collect();
            [begin.clone()].into_iter().chain(pieces)
        });
        let tripped = pieces.find_map(|piece| guards.call(&piece));
        assert_eq!(tripped, expected, "{n_letters} letters at once of {calls:?}");
    }
}

#[test]
fn arguments_that_say_the_same_again_and_again_are_a_loop() {
    let song = format!("{{\"text\":\"{}", "I am the walrus, and this is my song.\\n".repeat(20));
    check_calls(&[&song], 4000, Some(Guard::RepeatedPassage));
    let list = format!("{{\"items\":[{}", "{\"name\":\"walrus\",\"song\":\"mine\"},".repeat(20));
    check_calls(&[&list], 4000, Some(Guard::RepeatedPassage));
}

#[test]
fn an_answer_ends_behind_the_line_that_was_too_many_however_much_comes_at_once() {
    let song = "I am the walrus, and this is my song.\n".repeat(9);
    let check = |n_bytes: usize, expected: usize| {
        let mut guards = guards(4000);
        let mut n_taken = 0;
        let tripped = song.as_bytes().chunks(n_bytes).find_map(|piece| {
            let piece = std::str::from_utf8(piece).unwrap();
            let tripped = guards.text(Instant::now(), piece, 1);
            n_taken += tripped.map_or(piece.len(), |(_, n_kept)| n_kept);
            tripped
        });
        assert_eq!((tripped.unwrap().0, n_taken), (Guard::RepeatedLine, expected), "{n_bytes} bytes at once");
    };
    let n_kept = song.len() / 9 * 4;
    for n_bytes in [1, 7, song.len() / 9, 100, song.len()] {
        check(n_bytes, n_kept);
    }
}

#[test]
fn large_arguments_are_no_loop() {
    let rows = |between: &str| {
        let row = |i| {
            format!("{{{between}\"id\": {i},{between}\"state\": \"waiting for the first of them\"{between}}}")
        };
        let rows: Vec<String> = (0..400).map(row).collect();
        format!("{{\"rows\": [{}]}}", rows.join(", "))
    };
    check_calls(&[&rows("\n    ")], 8000, None);
    check_calls(&[&rows("")], 8000, None);
    let table = format!("{{\"cells\": [{}0]}}", "0.0, null, ".repeat(400));
    check_calls(&[&table], 8000, None);
    let code: String = (0..200).map(|i| format!("    assert_eq!(parse({i}), Some({i}));\\n")).collect();
    check_calls(&[&format!("{{\"file\": \"{code}\"}}")], 8000, None);
}

#[test]
fn the_same_call_several_times_is_no_loop() {
    let dice = "{\"sides\": 20, \"for\": \"the initiative of the next goblin in line\"}";
    check_calls(&[dice; 16], 4000, None);
}

#[test]
fn arguments_count_for_the_length() {
    let words: String = (0..3000).map(|i| format!("{i:x} ")).collect();
    check_calls(&[&words], 1000, Some(Guard::Length));
    check_calls(&[&words], 4000, None);
}

#[test]
fn no_answer_begins_without_memory() {
    let may = |available| may_begin(&GuardSettings::default(), &sample(available, None));
    assert!(may(8 * GB) && may(GB));
    assert!(!may(GB / 2) && !may(GB * 6 / 10));
    assert!(may_begin(&GuardSettings::NONE, &sample(GB / 10, None)));
}

#[test]
fn a_machine_that_tells_nothing_stops_nobody() {
    assert!(may_begin(&GuardSettings::default(), &SystemSample::default()));
    assert_eq!(guards(4000).machine(&SystemSample::default()), None);
}

#[test]
fn each_warning_comes_once() {
    let mut guards = guards(4000);
    assert_eq!(guards.machine(&sample(8 * GB, Some(Heat::Moderate))), None);
    let low = sample(GB / 4, Some(Heat::Critical));
    assert_eq!(guards.machine(&low), Some(Warning::Memory { available_bytes: GB / 4 }));
    assert_eq!(guards.machine(&low), Some(Warning::Heat));
    assert_eq!(guards.machine(&low), None);
}

#[test]
fn heat_has_a_threshold() {
    let check = |celsius: f32, heat, change: fn(&mut GuardSettings), is_told: bool| {
        let mut settings = GuardSettings::default();
        change(&mut settings);
        let sample = SystemSample { celsius: Some(celsius), ..sample(8 * GB, heat) };
        let told = Guards::new(settings, 4000).machine(&sample);
        assert_eq!(told, is_told.then_some(Warning::Heat), "{celsius} {heat:?}");
    };
    check(99.5, Some(Heat::Moderate), |_| (), false);
    check(100.0, Some(Heat::Nominal), |_| (), true);
    check(80.0, None, |it| it.warn_celsius = Some(75.0), true);
    check(70.0, Some(Heat::Critical), |it| it.warn_celsius = Some(75.0), true);
    check(120.0, Some(Heat::Moderate), |it| it.warn_celsius = None, false);
    check(120.0, Some(Heat::Critical), |it| it.warn_heat = false, false);
}

#[test]
fn what_is_switched_off_says_nothing() {
    let mut guards = Guards::new(GuardSettings::NONE, 1);
    let now = Instant::now();
    assert_eq!(guards.text(now, &"I am the walrus, and this is my song.\n".repeat(999), 1), None);
    let repeated = CallPiece::Arguments("I am the walrus, and this is my song. ".repeat(999));
    assert_eq!(guards.call(&CallPiece::Begin { name: "sing".into() }), None);
    assert_eq!(guards.call(&repeated), None);
    assert_eq!(guards.tick(now + std::time::Duration::from_secs(999)), None);
    assert_eq!(guards.machine(&sample(1, Some(Heat::Critical))), None);
}

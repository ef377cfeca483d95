use super::*;

const GB: u64 = 1_000_000_000;

fn sample(available: u64, heat: Option<Heat>) -> SystemSample {
    let (memory_total_bytes, memory_available_bytes) = (32 * GB, available);
    SystemSample { memory_total_bytes, memory_available_bytes, heat, ..SystemSample::default() }
}

fn guards(max_tokens: Option<u32>) -> Guards {
    Guards::new(GuardSettings::default(), max_tokens)
}

/// After how many characters of text that repeats nothing the answer is too long.
fn check_length(max_tokens: Option<u32>, expected: Option<usize>) {
    let mut guards = guards(max_tokens);
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
    check_length(Some(10), Some(2000));
    check_length(Some(1000), Some(6000));
    check_length(None, None);
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
    assert_eq!(guards(None).machine(&SystemSample::default()), None);
}

#[test]
fn each_warning_comes_once() {
    let mut guards = guards(None);
    assert_eq!(guards.machine(&sample(8 * GB, Some(Heat::Moderate))), None);
    let low = sample(GB / 4, Some(Heat::Critical));
    assert_eq!(guards.machine(&low), Some(Warning::Memory { available_bytes: GB / 4 }));
    assert_eq!(guards.machine(&low), Some(Warning::Heat));
    assert_eq!(guards.machine(&low), None);
}

#[test]
fn what_is_switched_off_says_nothing() {
    let mut guards = Guards::new(GuardSettings::NONE, Some(1));
    let now = Instant::now();
    assert_eq!(guards.text(now, &"I am the walrus, and this is my song.\n".repeat(999), 1), None);
    assert_eq!(guards.tick(now + std::time::Duration::from_secs(999)), None);
    assert_eq!(guards.machine(&sample(1, Some(Heat::Critical))), None);
}

use super::*;

fn call() -> ToolCall {
    ToolCall { id: "1".to_owned(), name: "look".to_owned(), arguments: "{}".to_owned() }
}

fn done(answer: Answer) -> Outcome {
    Outcome::done(call(), answer, Duration::ZERO, 100)
}

#[track_caller]
fn check(text: &str, expected: &str, cut_from: Option<usize>) {
    let outcome = done(Answer::new(text, "short"));
    assert!(outcome.text.starts_with(expected), "{}", outcome.text);
    assert_eq!(outcome.cut_from, cut_from);
}

#[test]
fn long_texts_are_cut_between_characters_and_say_so() {
    check("fine", "fine", None);
    check(&"x".repeat(100), &"x".repeat(100), None);
    check(&"x".repeat(10 << 20), &format!("{}\n[Cut here: 10485760 bytes", "x".repeat(100)), Some(10 << 20));
    check(&format!("{}ü", "x".repeat(99)), &format!("{}\n[Cut here: 101 bytes", "x".repeat(99)), Some(101));
}

#[test]
fn what_a_person_sees_is_one_line_without_tricks() {
    let outcome = done(Answer::new("", format!("a\nb\u{202e}c{}", "x".repeat(10_000))));
    assert!(outcome.shown.starts_with("a b\\u{202e}c"), "{}", outcome.shown);
    assert!(outcome.shown.chars().count() <= 310);
}

#[test]
fn a_failure_is_no_longer_than_it_has_to_be() {
    let outcome = Outcome::failed(call(), Failure::refused("x".repeat(10 << 20)), Duration::ZERO);
    assert!(outcome.text.len() < MAX_FAILURE_BYTES + 200 && outcome.shown.len() < 400);
}

#[track_caller]
fn check_known(failure: Failure, expected: Option<&str>) {
    let failure = Outcome::failed(call(), failure, Duration::ZERO).failure.unwrap();
    assert_eq!(failure.known().map(|it| it.written()).as_deref(), expected);
}

#[test]
fn a_failure_is_known_apart_from_its_sentence() {
    let unknown = |name: &str| Failure::Unknown { name: name.to_owned(), known: String::new() };
    check_known(unknown("lok"), Some("unknown"));
    check_known(unknown("web_search"), Some("not_set_up 0 web_search"));
    check_known(Failure::Arguments("they are not JSON".to_owned()), Some("arguments"));
    check_known(Failure::ArgumentsTooLong { limit: 65_536 }, Some("arguments_too_long 65536"));
    check_known(Failure::NotAllowed(NotAllowed::Never), Some("switched_off"));
    check_known(Failure::NotAllowed(NotAllowed::Denied), Some("denied"));
    check_known(Failure::NotAllowed(NotAllowed::Unanswered), Some("unanswered"));
    check_known(Failure::TimedOut(Duration::from_secs(60)), Some("timed_out 60"));
    check_known(Failure::Broken, Some("broken"));
    check_known(Failure::OutOfRounds(String::new()), Some("out_of_rounds"));
    check_known(Failure::refused("the well is dry"), None);
}

#[test]
fn what_a_failure_is_about_is_one_short_line_without_tricks() {
    let about = format!("a\nb\u{202e}{}", "x".repeat(10 << 20));
    let failure = Failure::refused_as(CallFailure::of(CallProblem::NoSuchDocument).about(about), "no");
    let outcome = Outcome::failed(call(), failure, Duration::ZERO);
    let known = outcome.failure.unwrap().known().unwrap();
    assert!(known.name.starts_with("a b\\u{202e}x") && known.name.chars().count() < 320, "{}", known.name);
    assert_eq!(CallFailure::read(&known.written()), Some(known));
}

#[test]
fn sources_that_were_cut_off_with_the_text_are_none() {
    let source = |title: &str| Source { title: title.to_owned(), url: "https://example.com/".to_owned() };
    let sources = vec![source("Wells"), source("Ponds"), source("Newts")];
    let check = |text: &str, expected: usize| {
        let outcome = done(Answer::new(text, "").with_sources(sources.clone()));
        assert_eq!(outcome.sources, sources[..expected], "{}", outcome.text);
    };
    check("[1] Wells\nA\n[2] Ponds\nB\n[3] Newts\nC", 3);
    let long = "x".repeat(40);
    check(&format!("[1] Wells\n{long}\n[2] Ponds\n{long}\n[3] Newts\n{long}"), 2);
    check(&format!("[1] Wells\n{long}{long}x\n[2] Ponds\n[3] Newts"), 1);
    // A text that names none of them says nothing of which were cut off.
    check(&"x".repeat(200), 3);
}

#[test]
fn sources_are_pages_on_the_web() {
    let source = |url: &str| Source { title: "t".to_owned(), url: url.to_owned() };
    let long = format!("https://example.com/{}", "x".repeat(3000));
    let urls = [
        "https://example.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://a b",
        &long,
        "http://b/",
    ];
    let sources = urls.iter().map(|it| source(it)).collect();
    let kept = done(Answer::default().with_sources(sources)).sources;
    assert_eq!(
        kept.iter().map(|it| it.url.as_str()).collect::<Vec<_>>(),
        ["https://example.com/", "http://b/"]
    );
    let many = done(Answer::default().with_sources(vec![source("https://a/"); 1000])).sources;
    assert_eq!(many.len(), MAX_SOURCES);
}

#[test]
fn a_source_that_is_no_page_leaves_its_number_to_none() {
    let source = |title: &str, url: &str| Source { title: title.to_owned(), url: url.to_owned() };
    let sources =
        vec![source("No page", "HTTPS://a/"), source("One", "https://one/"), source("No", "https://a b")];
    let text = "[1] No page\nsee [2]\n[2] One\n[3] No";
    let mut outcome = done(Answer::new(text, "").with_sources(sources));
    assert_eq!(outcome.text, "- No page\nsee [2]\n[1] One\n- No");
    assert_eq!(outcome.sources, [source("One", "https://one/")]);
    outcome.number_sources_from(4);
    assert_eq!(outcome.text, "- No page\nsee [2]\n[4] One\n- No");
}

#[test]
fn sources_of_several_calls_get_numbers_of_their_own() {
    let source = |title: &str| Source { title: title.to_owned(), url: "https://a/".to_owned() };
    let text = "[1] One\nsee [2]\n\n[2] Two\nA [1] B";
    let mut outcome = done(Answer::new(text, "").with_sources(vec![source("One"), source("Two")]));
    outcome.number_sources_from(4);
    assert_eq!(outcome.text, "[4] One\nsee [2]\n\n[5] Two\nA [1] B");
}

#[test]
fn what_a_page_numbers_itself_is_not_taken_for_a_source() {
    let check = |sources: Vec<Source>, text: &str, expected: &str| {
        let mut outcome = done(Answer::new(text, "").with_sources(sources));
        outcome.number_sources_from(4);
        assert_eq!(outcome.text, expected);
    };
    let source = Source { title: "One".to_owned(), url: "https://a/".to_owned() };
    check(
        vec![source],
        "[1] One\n[1] One\n[12] The bank\n[3](https://b/)\n[a] b\n[]\n[1],\n  [2]\n[404]\n[1] 3 4\n[1]: https://b/",
        "[4] One\n(1) One\n(12) The bank\n[3](https://b/)\n[a] b\n[]\n[1],\n  [2]\n[404]\n[1] 3 4\n[1]: https://b/",
    );
    // What relies on no page, as what a program prints, stays as it is.
    check(Vec::new(), "[1] 2 3", "[1] 2 3");
}

#[test]
fn only_files_that_are_images_are_images() {
    let images = vec![ImageFile::new(*b"no image"), ImageFile::new(*b"\x89PNG\r\n\x1a\n")];
    assert_eq!(done(Answer::default().with_images(images)).images.len(), 1);
}

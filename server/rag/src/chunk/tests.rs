use super::{MOST_CHARS, cut};
use crate::extract::{Block, BlockKind};
use types::document::PassageKind;

fn heading(level: u8, text: &str) -> Block {
    Block { kind: BlockKind::Heading(level), page: None, text: text.to_owned() }
}

fn text(text: &str) -> Block {
    Block { kind: BlockKind::Body(PassageKind::Text), page: None, text: text.to_owned() }
}

fn on_page(page: u32, block: Block) -> Block {
    Block { page: Some(page), ..block }
}

/// A line a passage: page, headings, and its text.
fn outline(blocks: &[Block]) -> String {
    let lines = cut(blocks).into_iter().map(|it| {
        let page = it.page.map(|page| format!("{page} ")).unwrap_or_default();
        format!("{page}{} | {}", it.heading, it.body.replace('\n', "⏎"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn short_pieces_are_one_passage() {
    assert_eq!(outline(&[text("a"), text("b")]), " | a⏎⏎b");
}

#[test]
fn a_heading_begins_a_passage_once_there_is_enough_before_it() {
    let long = "word ".repeat(60);
    let blocks =
        [heading(1, "One"), text(&long), heading(2, "Two"), text("short"), heading(2, "Three"), text(&long)];
    let passages = cut(&blocks);
    let headings: Vec<_> = passages.iter().map(|it| it.heading.as_str()).collect();
    assert_eq!(headings, ["One", "One › Two"]);
    assert!(passages[1].body.starts_with("Two\n\nshort\n\nThree"));
}

#[test]
fn a_heading_is_never_alone() {
    let longest = "x".repeat(MOST_CHARS);
    let passages = cut(&[heading(1, "One"), text(&longest)]);
    assert_eq!(passages.len(), 1);
}

#[test]
fn headings_that_nothing_stands_below_are_passages_with_an_end() {
    let many: Vec<_> = (0..500).map(|n| heading(2, &format!("Question {n}"))).collect();
    let long = "Who lights the lamp? ".repeat(200);
    for blocks in [many, vec![heading(1, &long), text("end")]] {
        let passages = cut(&blocks);
        assert!(passages.len() > 2);
        assert!(passages.iter().all(|it| it.body.chars().count() <= MOST_CHARS));
    }
}

#[test]
fn pages_are_never_mixed() {
    let blocks = [on_page(1, text("a")), on_page(2, text("b")), on_page(2, text("c"))];
    assert_eq!(outline(&blocks), "1  | a\n2  | b⏎⏎c");
}

#[test]
fn long_texts_are_cut_at_the_ends_of_sentences() {
    let sentence = "The keeper climbs the stairs and lights the lamp. ";
    let passages = cut(&[text(&sentence.repeat(50))]);
    assert!(passages.len() > 1);
    assert!(passages.iter().all(|it| it.body.ends_with('.') && it.body.chars().count() <= MOST_CHARS));
}

#[test]
fn a_part_of_a_table_has_its_head() {
    let rows: String = (0..200).map(|n| format!("wick {n} | {n}\n")).collect();
    let table = Block {
        kind: BlockKind::Body(PassageKind::Table),
        page: None,
        text: format!("item | price\n{rows}"),
    };
    let passages = cut(&[table]);
    assert!(passages.len() > 2);
    assert_eq!(passages[0].header, "");
    assert!(passages[1..].iter().all(|it| it.header == "item | price" && it.body.starts_with("wick")));
}

#[test]
fn together_passages_are_the_whole_text_at_the_places_they_say() {
    let long_word = "ü".repeat(2 * MOST_CHARS + 7);
    let blocks = [
        heading(1, "Größe"),
        text(&"Ein Satz ist kurz. ".repeat(120)),
        on_page(3, text(&long_word)),
        Block {
            kind: BlockKind::Body(PassageKind::Code),
            page: None,
            text: "fn a() {\n    b();\n}\n".repeat(90),
        },
        heading(2, &"Wer zündet die Lampe an? ".repeat(90)),
        text("end"),
    ];
    let whole: Vec<char> =
        blocks.iter().map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n\n").chars().collect();
    let mut at = 0;
    for passage in cut(&blocks) {
        let first = usize::try_from(passage.first_char).unwrap();
        let last = usize::try_from(passage.last_char).unwrap();
        let place: String = whole[first..last].iter().collect();
        assert_eq!(place.trim_end(), passage.body);
        let between: String = whole[at..first].iter().collect();
        assert!(between.trim().is_empty(), "left out: {between}");
        at = last;
    }
    assert_eq!(at, whole.len());
}

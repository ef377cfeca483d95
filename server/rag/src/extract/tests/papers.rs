//! What pages of PDFs say, from where their letters stand.

use super::{outline, samples};
use crate::extract::{Unreadable, read};
use samples::line;

const BODY: f64 = 10.0;

#[track_caller]
fn check(pages: &[String], expected: &[&str]) {
    let extracted = read(&samples::pdf_of(pages), "pdf").unwrap();
    assert_eq!(outline(&extracted).lines().collect::<Vec<_>>(), expected);
}

/// Lines of one size below each other.
fn lines(x: f64, top: f64, size: f64, texts: &[&str]) -> String {
    let place = |(nth, text): (usize, &&str)| line(x, top - 1.2 * size * nth as f64, size, text);
    texts.iter().enumerate().map(place).collect()
}

/// Cells of one row.
fn row(y: f64, cells: &[(f64, &str)]) -> String {
    cells.iter().map(|(x, text)| line(*x, y, BODY, text)).collect()
}

#[test]
fn lines_are_joined_and_paragraphs_told_apart() {
    let first = [
        "The keeper of the lantern counts his wicks twice a year, and what he",
        "finds he writes into the great book of the tower, which nobody but",
        "he has read.",
    ];
    let second = [
        "A second paragraph stands a line below and is as wide as the first",
        "one is, so that its lines are joined as well.",
    ];
    let page = lines(72.0, 720.0, BODY, &first) + &lines(72.0, 660.0, BODY, &second);
    let first = format!("1 text: {}", first.join(" "));
    let second = format!("1 text: {}", second.join(" "));
    check(&[page], &[&first, &second]);
}

#[test]
fn lines_that_somebody_ended_stay_lines() {
    let letter = "We thank you for the lantern, which burns as you said that it would burn.";
    let page = lines(72.0, 720.0, BODY, &["Lantern and Sons", "Quay 7", "2000 Harbour"])
        + &lines(72.0, 660.0, BODY, &[letter, letter]);
    let letter = format!("1 text: {letter} {letter}");
    check(&[page], &["1 text: Lantern and Sons⏎Quay 7⏎2000 Harbour", &letter]);
}

#[test]
fn words_that_a_line_break_cut_are_joined_where_that_is_safe() {
    let page = lines(
        72.0,
        720.0,
        BODY,
        &[
            "A well-known lamp burns four-",
            "teen hours. It is well-",
            "known for oil- and gas-",
            "light, as the paper of A-",
            "Town said on page 3-",
            "4.",
        ],
    );
    check(
        &[page],
        &[
            "1 text: A well-known lamp burns fourteen hours. It is well-known for oil- and gaslight, as the paper of A-⏎Town said on page 3-⏎4.",
        ],
    );
}

#[test]
fn larger_type_is_a_heading() {
    let body = ["The lantern burns for fourteen hours on one filling of oil.", "Then somebody climbs up."];
    let page = line(72.0, 740.0, 24.0, "The Lantern")
        + &line(72.0, 700.0, 14.0, "1 Oil and wicks")
        + &lines(72.0, 680.0, BODY, &body)
        + &line(72.0, 640.0, 14.0, "2 The keeper")
        + &lines(72.0, 620.0, BODY, &body);
    let body = "1 text: The lantern burns for fourteen hours on one filling of oil. Then somebody climbs up.";
    check(&[page], &["1 h1: The Lantern", "1 h2: 1 Oil and wicks", body, "1 h2: 2 The keeper", body]);
}

#[test]
fn columns_of_text_are_read_one_after_the_other() {
    let left = [
        "The left column begins the story of",
        "the lantern, and goes on for as long",
        "as there is room on the page that it",
        "has to share, down to the last line,",
        "which ends in the middle of the",
    ];
    let right = [
        "sentence that the right column goes",
        "on with. Nobody reads across what is",
        "between both, and so the order is",
        "the one that the writer had in mind",
        "when the page was set in two parts.",
    ];
    let title = line(150.0, 760.0, 16.0, "A story of light that is as wide as the page is");
    // Line by line, across the page, and not on the same baselines.
    let across: String = (0..5)
        .map(|nth| {
            let y = 720.0 - 12.0 * f64::from(nth);
            line(60.0, y, BODY, left[nth as usize]) + &line(320.0, y - 4.0, BODY, right[nth as usize])
        })
        .collect();
    let (left, right) = (format!("1 text: {}", left.join(" ")), format!("1 text: {}", right.join(" ")));
    let title_block = "1 h1: A story of light that is as wide as the page is";
    check(&[title + &across], &[title_block, &left, &right]);
}

#[test]
fn rows_with_columns_that_begin_alike_are_a_table() {
    let page = lines(
        72.0,
        740.0,
        BODY,
        &["Prices are in talers and hold until the end of the year of the lantern."],
    ) + &row(710.0, &[(72.0, "item"), (200.0, "size"), (300.0, "price")])
        + &row(696.0, &[(72.0, "cotton wick"), (200.0, "3 mm"), (312.0, "4")])
        + &row(682.0, &[(72.0, "oil"), (306.0, "12")])
        + &lines(
            72.0,
            650.0,
            BODY,
            &["Below the table the text goes on with a line that is as long as the page."],
        );
    check(
        &[page],
        &[
            "1 text: Prices are in talers and hold until the end of the year of the lantern.",
            "1 table: item | size | price⏎cotton wick | 3 mm | 4⏎oil |  | 12",
            "1 text: Below the table the text goes on with a line that is as long as the page.",
        ],
    );
}

#[test]
fn two_columns_far_apart_are_a_table_from_three_rows_on() {
    let rows = [("burning time", "14 hours"), ("height", "31 m"), ("built", "1871")];
    let page = |n: usize| -> String {
        let rows = rows.iter().take(n).enumerate();
        rows.map(|(nth, (a, b))| row(700.0 - 14.0 * nth as f64, &[(72.0, a), (200.0, b)])).collect()
    };
    check(&[page(3)], &["1 table: burning time | 14 hours⏎height | 31 m⏎built | 1871"]);
    check(&[page(2)], &["1 text: burning time 14 hours⏎height 31 m"]);
}

#[test]
fn a_cell_of_two_lines_is_one() {
    let page = row(700.0, &[(72.0, "part"), (200.0, "what it does"), (400.0, "n")])
        + &row(680.0, &[(72.0, "wick"), (200.0, "draws the oil up"), (400.0, "2")])
        + &row(668.0, &[(200.0, "to the flame")])
        + &row(648.0, &[(72.0, "glass"), (200.0, "keeps the wind out"), (400.0, "1")]);
    check(
        &[page],
        &[
            "1 table: part | what it does | n⏎wick | draws the oil up to the flame | 2⏎glass | keeps the wind out | 1",
        ],
    );
}

#[test]
fn marks_of_a_list_are_no_column() {
    let items =
        ["clean the glass of the lantern every day", "fill up the oil before the sun sets", "write it down"];
    let page: String = (1..)
        .zip(items)
        .map(|(nth, item)| row(720.0 - 14.0 * f64::from(nth), &[(72.0, &format!("{nth}.")), (110.0, item)]))
        .collect();
    check(
        &[page],
        &[
            "1 text: 1. clean the glass of the lantern every day⏎2. fill up the oil before the sun sets⏎3. write it down",
        ],
    );
}

#[test]
fn turned_and_mirrored_text_is_read_in_its_order() {
    let upwards = "BT /F1 10 Tf 0 1 -1 0 300 100 Tm (The first line runs) Tj 0 -12 Td (up the page.) Tj ET";
    let upside_down =
        "BT /F1 10 Tf -1 0 0 -1 400 300 Tm (The first line is) Tj 0 -12 Td (upside down.) Tj ET";
    let mirrored = "BT /F1 10 Tf -1 0 0 1 400 300 Tm (The first line is) Tj 0 -12 Td (mirrored.) Tj ET";
    let slanted = "BT /F1 10 Tf 0.7 0.7 -0.7 0.7 100 100 Tm (The first line is) Tj 0 -12 Td (slanted.) Tj ET";
    for (content, expected) in [
        (upwards, "1 text: The first line runs up the page."),
        (upside_down, "1 text: The first line is upside down."),
        (mirrored, "1 text: The first line is mirrored."),
        (slanted, "1 text: The first line is slanted."),
    ] {
        check(&[content.to_owned()], &[expected]);
    }
}

#[test]
fn places_that_make_no_sense_lose_nothing() {
    let far = "BT /F1 12 Tf 1000000000000 1000000000000 Td (far) Tj ET BT /F1 0 Tf 1 1 Td (tiny) Tj ET BT /F1 12 Tf 72 720 Td (near) Tj ET";
    check(&[far.to_owned()], &["1 text: near", "1 text: far tiny"]);
}

/// What a scanner makes: pages that are images. Their bytes may read like drawing.
#[test]
fn images_are_no_drawing() {
    use pdf_extract::{Dictionary, Document, Object, Stream, dictionary};
    let with_images = |contents: &[String]| {
        let mut document = Document::load_mem(&samples::pdf_of(contents)).unwrap();
        let image = dictionary! { "Type" => "XObject", "Subtype" => "Image", "Width" => 1, "Height" => 1 };
        let image = document.add_object(Stream::new(image, b"w Tj (drawn) q q BI".to_vec()));
        for page in document.get_pages().into_values().collect::<Vec<_>>() {
            let page = document.get_object_mut(page).and_then(Object::as_dict_mut).unwrap();
            let resources = page.get_mut(b"Resources").and_then(Object::as_dict_mut).unwrap();
            let mut images = Dictionary::new();
            images.set("Scan", image);
            resources.set("XObject", images);
        }
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    };
    let scan = "q 612 0 0 792 0 0 cm /Scan Do Q\n";
    let scanned = with_images(&vec![scan.to_owned(); 200]);
    assert_eq!(read(&scanned, "pdf"), Err(Unreadable::Scanned { n_pages: 200 }));
    let beside = scan.to_owned() + &line(72.0, 700.0, BODY, "Below the picture.");
    let extracted = read(&with_images(&[beside]), "pdf").unwrap();
    assert_eq!((outline(&extracted).as_str(), extracted.note), ("1 text: Below the picture.", None));
}

#[test]
fn colours_that_nobody_knows_cost_no_text() {
    let page = line(72.0, 720.0, BODY, "In black.")
        + "/Odd cs 1 scn /Odder gs\n"
        + &line(72.0, 700.0, BODY, "In gold.");
    let extracted = read(&samples::pdf_of(&[page]), "pdf").unwrap();
    assert_eq!((outline(&extracted).as_str(), extracted.note), ("1 text: In black.\n1 text: In gold.", None));
}

#[test]
fn of_a_damaged_page_what_could_be_read_is_kept() {
    let broken =
        line(72.0, 700.0, BODY, "Before the damage.") + "1 Td\n" + &line(72.0, 680.0, BODY, "Behind it.");
    let extracted = read(&samples::pdf_of(&[broken, line(72.0, 700.0, BODY, "Whole.")]), "pdf").unwrap();
    assert_eq!(outline(&extracted), "1 text: Before the damage.\n2 text: Whole.");
    assert_eq!(
        extracted.note.as_deref(),
        Some("1 of 2 pages are damaged, and not all of their text could be read.")
    );
}

#[test]
fn text_that_is_printed_twice_to_look_bold_is_there_once() {
    let page = line(72.0, 700.0, BODY, "Warning") + &line(72.4, 700.0, BODY, "Warning");
    check(&[page], &["1 text: Warning"]);
}

/// Pages of one sentence each with another line below it.
fn with_feet(feet: &[&str]) -> Vec<String> {
    let bodies =
        ["The oil burns for long.", "A wick draws it up.", "Glass keeps the wind out.", "He writes it down."];
    let page = |(body, foot): (&str, &&str)| line(72.0, 700.0, BODY, body) + &line(300.0, 40.0, 8.0, foot);
    bodies.into_iter().zip(feet).map(page).collect()
}

#[test]
fn lines_at_the_edge_of_most_pages_are_read_once_and_their_numbers_not_at_all() {
    let head = line(72.0, 760.0, 8.0, "Manual of the lantern");
    let feet = with_feet(&["Page 1 of 4", "Page 2 of 4", "Page 3 of 4", "Page 4 of 4"]);
    let pages: Vec<String> = feet.iter().map(|page| head.clone() + page).collect();
    let expected = [
        "1 text: Manual of the lantern",
        "1 text: The oil burns for long.",
        "1 text: Page 1 of 4",
        "2 text: A wick draws it up.",
        "3 text: Glass keeps the wind out.",
        "4 text: He writes it down.",
    ];
    check(&pages, &expected);
    let numbered = with_feet(&["11", "12", "- 3 -", "14"]);
    let expected = [
        "1 text: The oil burns for long.",
        "2 text: A wick draws it up.",
        "3 text: Glass keeps the wind out.",
        "3 text: - 3 -",
        "4 text: He writes it down.",
    ];
    check(&numbered, &expected);
}

#[test]
fn lines_of_few_pages_and_numbers_that_count_no_pages_stay() {
    let two = with_feet(&["In talers", "In talers"]);
    let bodies = ["1 text: The oil burns for long.", "2 text: A wick draws it up."];
    check(&two, &[bodies[0], "1 text: In talers", bodies[1], "2 text: In talers"]);
    let sums = with_feet(&["Sum 40", "Sum 17", "Sum 95"]);
    let expected = [
        bodies[0],
        "1 text: Sum 40",
        bodies[1],
        "2 text: Sum 17",
        "3 text: Glass keeps the wind out.",
        "3 text: Sum 95",
    ];
    check(&sums, &expected);
    // Numbers that grow with the pages say something, unless they are a page's.
    for feet in [
        ["12 May 2024", "13 May 2024", "14 May 2024"],
        ["Bill 1001", "Bill 1002", "Bill 1003"],
        ["2021", "2022", "2023"],
    ] {
        let third = "3 text: Glass keeps the wind out.";
        let told: Vec<String> = (1..).zip(feet).map(|(page, foot)| format!("{page} text: {foot}")).collect();
        check(&with_feet(&feet), &[bodies[0], &told[0], bodies[1], &told[1], third, &told[2]]);
    }
    // As large as the text, a line is one of it unless it is on nearly all pages.
    let state = |page: &str, state: &str| line(72.0, 700.0, BODY, page) + &line(72.0, 40.0, BODY, state);
    let sheets = [("Oil", "Sold"), ("Wick", "Sold"), ("Glass", "Here"), ("Lamp", "Sold")];
    let pages: Vec<String> = sheets.iter().map(|(name, it)| state(name, it)).collect();
    let told: Vec<String> = (1..)
        .zip(sheets)
        .flat_map(|(page, (name, it))| [format!("{page} text: {name}"), format!("{page} text: {it}")])
        .collect();
    check(&pages, &told.iter().map(String::as_str).collect::<Vec<_>>());
    // A page that says nothing else is left as it is.
    let same = vec![line(72.0, 700.0, BODY, "Lantern"); 3];
    check(&same, &["1 text: Lantern", "2 text: Lantern", "3 text: Lantern"]);
}

/// A page with rows of three cells each, and nothing else.
fn table_at(places: [f64; 3], rows: &[[&str; 3]]) -> String {
    let mut page = String::new();
    for (nth, cells) in rows.iter().enumerate() {
        let y = 710.0 - 14.0 * nth as f64;
        let cells: Vec<(f64, &str)> = places.into_iter().zip(cells.iter().copied()).collect();
        page.push_str(&row(y, &cells));
    }
    page
}

const HEAD: [&str; 3] = ["item", "size", "price"];
const WICK: [&str; 3] = ["cotton wick", "3 mm", "4"];
const OIL: [&str; 3] = ["oil", "2 l", "12"];
const GLASS: [&str; 3] = ["glass", "9 cm", "30"];
const PEOPLE: [&str; 3] = ["name", "town", "trade"];
const ANNA: [&str; 3] = ["Anna", "Bonn", "baker"];
const HERE: [f64; 3] = [72.0, 200.0, 300.0];

#[test]
fn every_part_of_a_table_over_pages_begins_with_its_head_once() {
    let first = table_at(HERE, &[HEAD, WICK]);
    let second = table_at(HERE, &[OIL, GLASS]);
    let expected = [
        "1 table: item | size | price⏎cotton wick | 3 mm | 4",
        "2 table: item | size | price⏎oil | 2 l | 12⏎glass | 9 cm | 30",
        "3 table: item | size | price⏎glass | 9 cm | 30⏎oil | 2 l | 12",
    ];
    let third = table_at(HERE, &[GLASS, OIL]);
    check(&[first.clone(), second, third], &expected);
    check(&[first, table_at(HERE, &[HEAD, OIL, GLASS])], &expected[..2]);
}

#[test]
fn a_table_that_may_be_another_one_is_left_as_it_is() {
    let plain = "2 table: oil | 2 l | 12⏎glass | 9 cm | 30";
    let headed = "1 table: item | size | price⏎cotton wick | 3 mm | 4";
    let first = table_at(HERE, &[HEAD, WICK]);
    let second = table_at(HERE, &[OIL, GLASS]);
    check(&[first.clone(), table_at([72.0, 260.0, 420.0], &[OIL, GLASS])], &[headed, plain]);
    // It has a head of its own, or nothing tells that the first row is one.
    let people = table_at(HERE, &[PEOPLE, ANNA]);
    check(&[first.clone(), people.clone()], &[headed, "2 table: name | town | trade⏎Anna | Bonn | baker"]);
    let words = "1 table: name | town | trade⏎Anna | Bonn | baker";
    check(&[people, second.clone()], &[words, plain]);
    // Its first row is one like the others.
    let headless = table_at(HERE, &[WICK, GLASS]);
    check(&[headless, second.clone()], &["1 table: cotton wick | 3 mm | 4⏎glass | 9 cm | 30", plain]);
    // Something stands between both.
    let ended = first + &line(72.0, 500.0, BODY, "The prices hold until the end of the year.");
    check(&[ended, second], &[headed, "1 text: The prices hold until the end of the year.", plain]);
}

/// A line in bold, as large as the text.
fn bold(x: f64, y: f64, text: &str) -> String {
    line(x, y, BODY, text).replace("/F1", "/F2")
}

const SENTENCES: [&str; 2] =
    ["The lantern burns for fourteen hours on one filling of oil.", "Then somebody climbs up."];

#[test]
fn a_line_in_bold_that_stands_alone_is_a_heading() {
    // The second one is as near to what it heads as lines are to each other.
    let page = bold(72.0, 740.0, "1 Oil and wicks")
        + &lines(72.0, 720.0, BODY, &SENTENCES)
        + &bold(72.0, 660.0, "The keeper")
        + &lines(72.0, 648.0, BODY, &SENTENCES);
    let body = format!("1 text: {}", SENTENCES.join(" "));
    check(std::slice::from_ref(&page), &["1 h1: 1 Oil and wicks", &body, "1 h1: The keeper", &body]);
    let titled = line(72.0, 770.0, 16.0, "The Lantern") + &page;
    check(&[titled], &["1 h1: The Lantern", "1 h2: 1 Oil and wicks", &body, "1 h2: The keeper", &body]);
}

#[test]
fn sentences_and_words_in_bold_are_no_headings() {
    let body = format!("1 text: {}", SENTENCES.join(" "));
    let below = lines(72.0, 600.0, BODY, &SENTENCES);
    let check_kept = |page: String, expected: &str| check(&[page + &below], &[expected, &body]);
    check_kept(bold(72.0, 700.0, "Never leave it alone."), "1 text: Never leave it alone.");
    check_kept(bold(72.0, 700.0, "never alone"), "1 text: never alone");
    let wrapped = bold(72.0, 700.0, "Never leave the lantern alone at night, as then")
        + &line(72.0, 688.0, BODY, "the wind blows.");
    check_kept(wrapped, "1 text: Never leave the lantern alone at night, as then the wind blows.");
    let mixed = bold(72.0, 700.0, "Warning") + &line(118.0, 700.0, BODY, "of fire");
    check_kept(mixed, "1 text: Warning of fire");
    // Where all is in bold, it says nothing.
    let all = bold(72.0, 700.0, "Lantern and Sons") + &bold(72.0, 660.0, "Quay seven");
    check(&[all], &["1 text: Lantern and Sons", "1 text: Quay seven"]);
}

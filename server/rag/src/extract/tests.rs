mod papers;
mod samples;

use super::{BlockKind, Extracted, Unreadable, read};
use types::document::{DocumentKind, PassageKind};

/// A line a block: its page, what it is, its text.
fn outline(extracted: &Extracted) -> String {
    let mut lines = Vec::new();
    for block in &extracted.blocks {
        let page = block.page.map(|page| format!("{page} ")).unwrap_or_default();
        let kind = match block.kind {
            BlockKind::Heading(level) => format!("h{level}"),
            BlockKind::Body(kind) => kind.name().to_owned(),
        };
        lines.push(format!("{page}{kind}: {}", block.text.replace('\n', "⏎")));
    }
    lines.join("\n")
}

#[track_caller]
fn check(bytes: impl AsRef<[u8]>, ending: &str, kind: DocumentKind, expected: &str) {
    let extracted = read(bytes.as_ref(), ending).unwrap();
    assert_eq!(extracted.kind, kind);
    assert_eq!(outline(&extracted), expected);
}

#[track_caller]
fn check_refused(bytes: impl AsRef<[u8]>, ending: &str, expected: &Unreadable) {
    assert_eq!(read(bytes.as_ref(), ending).as_ref(), Err(expected));
}

#[test]
fn plain_text_has_paragraphs_and_pages() {
    check("One.\nTwo.\n\n\n  Three.\r\n", "txt", DocumentKind::Text, "text: One.⏎Two.\ntext:   Three.");
    check("A\u{c}B", "txt", DocumentKind::Text, "1 text: A\n2 text: B");
}

#[test]
fn text_is_read_in_whatever_encoding_it_is() {
    let utf16: Vec<u8> = "\u{feff}Größe".encode_utf16().flat_map(u16::to_le_bytes).collect();
    check(utf16, "txt", DocumentKind::Text, "text: Größe");
    check(b"Die Gr\xf6\xdfe der T\xfcr", "txt", DocumentKind::Text, "text: Die Größe der Tür");
}

#[test]
fn markdown_keeps_its_structure() {
    let text = "# The *Lantern*\n\nA text.\n\n## Parts\n\n- one\n- two\n\n```rust\nfn a() {}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    check(
        text,
        "md",
        DocumentKind::Markdown,
        "h1: The Lantern\ntext: A text.\nh2: Parts\ntext: - one⏎- two\ncode: ```rust⏎fn a() {}⏎```\ntable: | a | b |⏎|---|---|⏎| 1 | 2 |",
    );
}

#[test]
fn what_stands_above_a_note_heads_nothing() {
    check(
        "---\ntitle: The Lantern\ntags: [oil]\n---\n# Wick\n\nA text.\n",
        "md",
        DocumentKind::Markdown,
        "text: ---⏎title: The Lantern⏎tags: [oil]⏎---\nh1: Wick\ntext: A text.",
    );
    check("---\nA text\n---\n", "md", DocumentKind::Markdown, "h2: A text");
}

#[test]
fn code_stays_together_by_what_is_indented() {
    let text = "use a;\n\nfn b() {\n    c();\n\n    d();\n}\n\nfn e() {}\n";
    check(
        text,
        "rs",
        DocumentKind::Code,
        "code: use a;\ncode: fn b() {⏎    c();⏎⏎    d();⏎}\ncode: fn e() {}",
    );
}

#[test]
fn tables_of_text_are_tables() {
    check("name;n\n\"a;b\";1\n", "csv", DocumentKind::Csv, "table: name | n⏎a;b | 1");
    check("a\tb\n1\t2\n", "tsv", DocumentKind::Csv, "table: a | b⏎1 | 2");
}

#[test]
fn html_shows_what_a_reader_sees() {
    let page = "<!DOCTYPE html><title>T</title><style>p{}</style><script>if (a < b) {}</script><nav>menu</nav>\
                <h1>The  <em>Lantern</em></h1><p>One &amp; two<p>three<br>four<ul><li>x<li>y</ul>\
                <pre>a\n  b</pre><table><tr><th>k<th>v<tr><td>1<td>2</table>tail";
    check(
        page,
        "txt",
        DocumentKind::Html,
        "h1: The Lantern\ntext: One & two\ntext: three⏎four\ntext: • x\ntext: • y\ncode: a⏎  b\ntable: k | v⏎1 | 2\ntext: tail",
    );
}

#[test]
fn a_script_that_ends_twice_shows_nothing_of_what_is_around_it() {
    let hidden = |name: &str| format!(r#"<{name}>a<script src="a.js"/></script>b<style/></style>c</{name}>"#);
    for name in ["nav", "svg", "template", "select"] {
        let page = format!("<html><body>{}<p>text</p></body></html>", hidden(name));
        check(page, "html", DocumentKind::Html, "text: text");
    }
}

#[test]
fn marks_of_where_a_word_may_be_divided_are_no_letters() {
    check("<p>Leucht&shy;turm</p>", "html", DocumentKind::Html, "text: Leuchtturm");
    check("Leucht\u{ad}turm", "txt", DocumentKind::Text, "text: Leuchtturm");
}

#[test]
fn cells_of_a_table_in_a_cell_are_words_of_that() {
    let inner = "<table><tr><td>oil</td><td>12</td></tr><tr><td>wick</td></tr></table>";
    let page = format!("<table><tr><td>Bill</td><td>{inner}</td></tr></table>");
    check(page, "html", DocumentKind::Html, "table: Bill | oil 12 wick");
}

#[test]
fn word_texts_have_headings_tables_and_pages() {
    let body = r#"<w:p><w:pPr><w:pStyle w:val="berschrift2"/></w:pPr><w:r><w:t>The </w:t></w:r><w:r><w:t>Lantern</w:t></w:r></w:p>
        <w:p><w:r><w:t>Wick &amp; oil.</w:t></w:r></w:p>
        <w:p><w:r><w:lastRenderedPageBreak/><w:t>Second page.</w:t></w:r></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>k</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>v</w:t></w:r></w:p></w:tc></w:tr></w:tbl>"#;
    check(
        samples::docx(body),
        "docx",
        DocumentKind::Docx,
        "1 h2: The Lantern\n1 text: Wick & oil.\n2 text: Second page.\n2 table: k | v",
    );
}

#[test]
fn rows_of_word_tables_are_on_the_page_on_which_they_stand() {
    let cell = |text: &str| format!("<w:tc><w:p><w:r>{text}</w:r></w:p></w:tc>");
    let row = |first: &str, second: &str| {
        format!("<w:tr>{}{}</w:tr>", cell(first), cell(&format!("<w:t>{second}</w:t>")))
    };
    let rows = [
        row("<w:t>item</w:t>", "price"),
        row("<w:t>wick</w:t>", "3"),
        row("<w:lastRenderedPageBreak/><w:t>oil</w:t>", "12"),
    ];
    check(
        samples::docx(&format!("<w:tbl>{}</w:tbl>", rows.concat())),
        "docx",
        DocumentKind::Docx,
        "1 table: item | price⏎wick | 3\n2 table: item | price⏎oil | 12",
    );
}

#[test]
fn what_word_keeps_together_or_apart_is_read_so() {
    let body = r#"<w:p><w:r><w:t>10</w:t><w:noBreakHyphen/><w:t>20 hours.</w:t><w:br w:type="page"/><w:t>Next.</w:t></w:r></w:p>"#;
    check(samples::docx(body), "docx", DocumentKind::Docx, "text: 10-20 hours.⏎Next.");
}

#[test]
fn notes_of_word_texts_follow_the_paragraph_that_names_them() {
    let named = |kind: &str, id: u32| format!(r#"<w:r><w:{kind}Reference w:id="{id}"/></w:r>"#);
    let note = |kind: &str, id: u32, text: &str| {
        format!(r#"<w:{kind} w:id="{id}"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:{kind}>"#)
    };
    let body = format!(
        "<w:p><w:r><w:t>It burns</w:t></w:r>{}{}</w:p><w:p><w:r><w:t>Next.</w:t></w:r></w:p>",
        named("footnote", 2),
        named("endnote", 2)
    );
    let document = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    let feet = note("footnote", 0, "") + &note("footnote", 2, "Fourteen hours.");
    let file = samples::archive(&[
        ("word/document.xml", &document),
        ("word/footnotes.xml", &format!(r#"<w:footnotes xmlns:w="w">{feet}</w:footnotes>"#)),
        (
            "word/endnotes.xml",
            &format!(r#"<w:endnotes xmlns:w="w">{}</w:endnotes>"#, note("endnote", 2, "See there.")),
        ),
    ]);
    check(
        file,
        "docx",
        DocumentKind::Docx,
        "text: It burns\ntext: Fourteen hours.\ntext: See there.\ntext: Next.",
    );
}

#[test]
fn what_a_speaker_wrote_to_a_slide_belongs_to_it() {
    let shape = |kind: &str, text: &str| {
        format!(
            r#"<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
        )
    };
    let slide = |text: &str| format!(r#"<p:sld xmlns:p="p" xmlns:a="a">{text}</p:sld>"#);
    let relations = |id: &str, target: &str| {
        format!(r#"<Relationships><Relationship Id="{id}" Target="{target}"/></Relationships>"#)
    };
    let file = samples::archive(&[
        (
            "ppt/presentation.xml",
            r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst><p:sldId id="256" r:id="rId1"/></p:sldIdLst></p:presentation>"#,
        ),
        ("ppt/_rels/presentation.xml.rels", &relations("rId1", "slides/slide1.xml")),
        ("ppt/slides/slide1.xml", &slide(&shape("title", "Light"))),
        ("ppt/slides/_rels/slide1.xml.rels", &relations("rId1", "../notesSlides/notesSlide7.xml")),
        (
            "ppt/notesSlides/notesSlide7.xml",
            &slide(&(shape("sldNum", "1") + &shape("body", "Wait for questions."))),
        ),
    ]);
    check(file, "pptx", DocumentKind::Pptx, "1 h1: Light\n1 text: Wait for questions.");
}

#[test]
fn slides_come_in_the_order_in_which_they_are_shown() {
    let file = samples::pptx(&[("First", "alpha"), ("Second", "beta")]);
    check(file, "pptx", DocumentKind::Pptx, "1 h1: First\n1 text: alpha\n2 h1: Second\n2 text: beta");
}

#[test]
fn sheets_are_tables_with_their_names() {
    let file = samples::xlsx("Prices", &[&["item", "price"], &["wick", "3"]]);
    check(file, "xlsx", DocumentKind::Sheet, "1 h1: Prices\n1 table: item | price⏎wick | 3");
}

#[test]
fn moments_in_sheets_are_read_as_people_write_them() {
    use samples::Cell::{Moment, Text};
    let file = samples::workbook(&[
        ("Prices", &[&[Text("item")], &[Text("wick")]]),
        ("Days", &[&[Text("lit"), Text("put out")], &[Moment(32_110.0), Moment(32_111.281_25)]]),
    ]);
    check(
        file,
        "xlsx",
        DocumentKind::Sheet,
        "1 h1: Prices\n1 table: item⏎wick\n2 h1: Days\n2 table: lit | put out⏎1987-11-29 | 1987-11-30 06:45:00",
    );
}

#[test]
fn times_and_hours_in_sheets_are_of_no_day() {
    use samples::Cell::{Moment, Span, Text};
    let file = samples::workbook(&[(
        "Watches",
        &[&[Text("begins"), Text("lasts")], &[Moment(0.281_25), Span(1.0625)], &[Moment(0.5), Span(0.25)]],
    )]);
    check(
        file,
        "xlsx",
        DocumentKind::Sheet,
        "1 h1: Watches\n1 table: begins | lasts⏎06:45:00 | 25:30:00⏎12:00:00 | 6:00:00",
    );
}

#[test]
fn sheets_of_old_programs_are_tables_with_their_names() {
    let file = include_bytes!("tests/fixtures/sheets.xls");
    check(
        file,
        "xls",
        DocumentKind::Sheet,
        "1 h1: Prices\n1 table: item | price⏎wick | 3\n2 h1: Days\n2 table: lit | put out⏎1987-11-29 | 1987-11-30 06:45:00",
    );
}

#[test]
fn sheets_of_libreoffice_are_tables_with_their_names() {
    let text = |text: &str| {
        format!(r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#)
    };
    let number = r#"<table:table-cell office:value-type="float" office:value="3"><text:p>3</text:p></table:table-cell>"#;
    let row = |cells: &str| format!("<table:table-row>{cells}</table:table-row>");
    let rows = row(&(text("item") + &text("price"))) + &row(&(text("wick") + number));
    let content = format!(
        r#"<office:document-content xmlns:office="o" xmlns:table="a" xmlns:text="t"><office:body><office:spreadsheet><table:table table:name="Prices">{rows}</table:table></office:spreadsheet></office:body></office:document-content>"#
    );
    let file = samples::archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
        ("META-INF/manifest.xml", r#"<manifest:manifest xmlns:manifest="m"/>"#),
        ("content.xml", &content),
    ]);
    check(file, "ods", DocumentKind::Sheet, "1 h1: Prices\n1 table: item | price⏎wick | 3");
}

#[test]
fn books_come_chapter_by_chapter() {
    let file = samples::epub(&["<h1>One</h1><p>a</p>", "<h1>Two</h1><p>b</p>"]);
    check(file, "epub", DocumentKind::Epub, "h1: One\ntext: a\nh1: Two\ntext: b");
}

#[test]
fn what_is_empty_in_a_chapter_hides_nothing() {
    let chapter = r#"<html><head><title/><style/><script src="a.js"/></head><body><p>a</p></body></html>"#;
    check(samples::epub(&[chapter]), "epub", DocumentKind::Epub, "text: a");
}

#[test]
fn texts_of_libreoffice_have_headings() {
    let content = r#"<office:document-content xmlns:text="t" xmlns:office="o"><text:h text:outline-level="2">The Lantern</text:h><text:p>Wick<text:s/>and<text:line-break/>oil.</text:p></office:document-content>"#;
    let file = samples::archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", content),
    ]);
    check(file, "odt", DocumentKind::Odt, "h2: The Lantern\ntext: Wick and⏎oil.");
}

#[test]
fn notes_of_libreoffice_follow_the_paragraph_that_names_them_and_what_was_deleted_is_not_read() {
    let note = "<text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>Fourteen hours.</text:p></text:note-body></text:note>";
    let comment =
        "<office:annotation><dc:creator>Ada</dc:creator><text:p>Who says so?</text:p></office:annotation>";
    let deleted =
        "<text:tracked-changes><text:deletion><text:p>Never.</text:p></text:deletion></text:tracked-changes>";
    let content = format!(
        r#"<office:document-content xmlns:text="t" xmlns:office="o" xmlns:dc="d">{deleted}<text:h text:outline-level="2">Oil{note}</text:h><text:p>It burns{note} long{comment}.</text:p></office:document-content>"#
    );
    let file = samples::archive(&[
        ("mimetype", "application/vnd.oasis.opendocument.text"),
        ("content.xml", &content),
    ]);
    check(
        file,
        "odt",
        DocumentKind::Odt,
        "h2: Oil\ntext: Fourteen hours.\ntext: It burns long.\ntext: Fourteen hours.\ntext: Who says so?",
    );
}

#[test]
fn pdf_pages_are_told_apart_and_cut_words_joined() {
    let file = samples::pdf(&["The lantern burns for four-\nteen hours.", "", "Third page."]);
    let extracted = read(&file, "pdf").unwrap();
    assert_eq!(extracted.n_pages, Some(3));
    assert_eq!(extracted.note.as_deref(), Some("1 of 3 pages have no text."));
    let outline = outline(&extracted);
    assert!(outline.contains("1 text: The lantern burns for fourteen hours."), "{outline}");
    assert!(outline.contains("3 text: Third page."), "{outline}");
}

#[test]
fn names_lie_and_bytes_do_not() {
    check("<html><p>a</p></html>", "pdf", DocumentKind::Html, "text: a");
    let file = samples::docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>");
    check(file, "txt", DocumentKind::Docx, "text: a");
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    check_refused(png, "pdf", &Unreadable::Foreign { what: "an image (PNG)".into() });
    check_refused(b"a\0b", "txt", &Unreadable::Foreign { what: "no text".into() });
    let zip = samples::archive(&[("a.txt", "a")]);
    check_refused(zip, "docx", &Unreadable::Foreign { what: "an archive of other files".into() });
}

#[test]
fn a_text_may_begin_like_something_else() {
    for text in ["BMW builds cars.", "GIF or PNG?", "MZ is a mark.", "ID3 has tags.", "%!TEX root = a.tex"] {
        check(text, "txt", DocumentKind::Text, &format!("text: {text}"));
    }
    check("A PDF begins with %PDF-1.7.", "txt", DocumentKind::Text, "text: A PDF begins with %PDF-1.7.");
    assert_eq!(super::kind::find(b"\0\0%PDF-1.7", "pdf"), Ok(DocumentKind::Pdf));
    assert_eq!(super::kind::find(b"\n%PDF-1.7", "pdf"), Ok(DocumentKind::Pdf));
    check_refused(b"BM\x46\0\0\0", "txt", &Unreadable::Foreign { what: "an image (BMP)".into() });
    check_refused("{\\rtf1 a}", "txt", &Unreadable::Foreign { what: "an archive (RTF)".into() });
}

#[test]
fn what_has_no_text_says_so() {
    check_refused("", "txt", &Unreadable::Empty);
    check_refused("  \n", "txt", &Unreadable::Empty);
    check_refused("<html><script>x</script></html>", "html", &Unreadable::NoText);
    check_refused(samples::pdf(&["", ""]), "pdf", &Unreadable::Scanned { n_pages: 2 });
}

#[test]
fn an_encrypted_pdf_says_so() {
    // The lock is an object of its own, or stands in the trailer.
    check_refused(locked_pdf(false), "pdf", &Unreadable::Encrypted);
    check_refused(locked_pdf(true), "pdf", &Unreadable::Encrypted);
}

fn locked_pdf(is_in_trailer: bool) -> Vec<u8> {
    use pdf_extract::{Document, EncryptionState, EncryptionVersion, Object, Permissions, StringFormat};
    let mut document = Document::load_mem(&samples::pdf(&["secret"])).unwrap();
    let id = || Object::String(b"0123456789abcdef".to_vec(), StringFormat::Literal);
    document.trailer.set("ID", Object::Array(vec![id(), id()]));
    let version = EncryptionVersion::V2 {
        document: &document,
        owner_password: "owner",
        user_password: "user",
        key_length: 128,
        permissions: Permissions::all(),
    };
    let state = EncryptionState::try_from(version).unwrap();
    document.encrypt(&state).unwrap();
    if is_in_trailer {
        let place = document.trailer.get(b"Encrypt").and_then(Object::as_reference).unwrap();
        let lock = document.get_object(place).unwrap().clone();
        document.trailer.set("Encrypt", lock);
    }
    let mut bytes = Vec::new();
    document.save_to(&mut bytes).unwrap();
    bytes
}

#[test]
fn an_archive_that_fills_the_memory_is_refused() {
    let zeros = " ".repeat(3_100_000);
    let bomb = samples::archive(&[("word/document.xml", &zeros)]);
    assert!(bomb.len() < 100_000);
    check_refused(bomb, "docx", &Unreadable::Bomb { limit: 3_000_000 });
}

#[test]
fn what_is_cut_off_or_made_up_is_an_error_and_no_panic() {
    let whole = [
        samples::docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>"),
        samples::pdf(&["a"]),
        samples::xlsx("s", &[&["a"]]),
        samples::epub(&["<p>a</p>"]),
    ];
    for file in whole {
        for cut in [file.len() / 4, file.len() / 2, file.len() - 10] {
            _ = read(&file[..cut], "bin");
        }
    }
}

#[test]
fn a_long_table_is_cut_and_not_left_away_for_what_stands_before_it() {
    let row = format!("{},3\n", "word ".repeat(200));
    let table = "item,price\n".to_owned() + &row.repeat(super::MAX_TEXT_BYTES / row.len() + 1000);
    let beside = format!("The lantern.\n\n{}", "word ".repeat(super::MAX_TEXT_BYTES / 5 + 10));
    for (file, name, n_blocks) in [(table, "csv", 1), (beside, "txt", 2)] {
        let extracted = read(file.as_bytes(), name).unwrap();
        assert_eq!(extracted.blocks.len(), n_blocks, "{name}");
        let n_bytes: usize = extracted.blocks.iter().map(|it| it.text.len()).sum();
        let nearly = super::MAX_TEXT_BYTES - 10..=super::MAX_TEXT_BYTES;
        assert!(nearly.contains(&n_bytes), "{name}: {n_bytes}");
        assert_eq!(extracted.note.as_deref(), Some("Only its first 20 MB of text can be searched."));
    }
}

#[test]
fn more_text_than_can_be_taken_is_cut_and_said() {
    let long = "word ".repeat(super::MAX_TEXT_BYTES / 5 + 10);
    let extracted = read(long.as_bytes(), "txt").unwrap();
    assert_eq!(extracted.blocks.len(), 1);
    assert!(extracted.blocks[0].text.len() <= super::MAX_TEXT_BYTES);
    assert_eq!(extracted.blocks[0].kind, BlockKind::Body(PassageKind::Text));
    assert_eq!(extracted.note.as_deref(), Some("Only its first 20 MB of text can be searched."));
}

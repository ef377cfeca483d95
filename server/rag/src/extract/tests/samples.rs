//! Small files of every kind, made by the tests themselves.

use std::io::{Cursor, Write};
use zip::{ZipWriter, write::SimpleFileOptions};

/// An archive of these files.
pub(super) fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A text of Word's around `body`.
pub(super) fn docx(body: &str) -> Vec<u8> {
    let document =
        format!(r#"<?xml version="1.0"?><w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    let styles = r#"<w:styles xmlns:w="w"><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style></w:styles>"#;
    archive(&[("[Content_Types].xml", ""), ("word/document.xml", &document), ("word/styles.xml", styles)])
}

/// Slides of a title and a text each, in this order, whose files are numbered in another.
pub(super) fn pptx(slides: &[(&str, &str)]) -> Vec<u8> {
    let n = slides.len();
    let ids: String = (0..n).map(|i| format!(r#"<p:sldId id="{}" r:id="rId{i}"/>"#, 256 + i)).collect();
    let presentation =
        format!(r#"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"#);
    let relations: String = (0..n)
        .map(|i| format!(r#"<Relationship Id="rId{i}" Target="slides/slide{}.xml"/>"#, n - i))
        .collect();
    let relations = format!("<Relationships>{relations}</Relationships>");
    let mut files = vec![
        ("ppt/presentation.xml".to_owned(), presentation),
        ("ppt/_rels/presentation.xml.rels".to_owned(), relations),
    ];
    for (i, (title, text)) in slides.iter().enumerate() {
        let shape = |kind: &str, text: &str| {
            format!(
                r#"<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"#
            )
        };
        let slide = format!(
            r#"<p:sld xmlns:p="p" xmlns:a="a">{}{}</p:sld>"#,
            shape("title", title),
            shape("body", text)
        );
        files.push((format!("ppt/slides/slide{}.xml", n - i), slide));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    archive(&files)
}

/// A cell of a sheet.
#[derive(Clone, Copy)]
pub(super) enum Cell {
    Text(&'static str),
    /// In days since the end of 1899.
    Moment(f64),
    /// In days.
    Span(f64),
}

impl Cell {
    fn xml(self, place: &str) -> String {
        match self {
            Self::Text(text) => format!(r#"<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>"#),
            // The second style of the workbook's.
            Self::Moment(days) => format!(r#"<c r="{place}" s="1"><v>{days}</v></c>"#),
            // The third one.
            Self::Span(days) => format!(r#"<c r="{place}" s="2"><v>{days}</v></c>"#),
        }
    }
}

/// A workbook with one sheet.
pub(super) fn xlsx(sheet: &str, rows: &[&[&'static str]]) -> Vec<u8> {
    let rows: Vec<Vec<_>> =
        rows.iter().map(|row| row.iter().map(|text| Cell::Text(text)).collect()).collect();
    let rows: Vec<_> = rows.iter().map(Vec::as_slice).collect();
    workbook(&[(sheet, &rows)])
}

/// A workbook whose numbers of the second style are moments, and of the third hours.
pub(super) fn workbook(sheets: &[(&str, &[&[Cell]])]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let pkg = "http://schemas.openxmlformats.org/package/2006/relationships";
    let relation = |id: &str, kind: &str, target: &str| {
        format!(r#"<Relationship Id="{id}" Type="{rel}/{kind}" Target="{target}"/>"#)
    };
    let related = |relations: &str| format!(r#"<Relationships xmlns="{pkg}">{relations}</Relationships>"#);
    let mut files = vec![
        (
            "[Content_Types].xml".to_owned(),
            r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#.to_owned(),
        ),
        ("_rels/.rels".to_owned(), related(&relation("rId1", "officeDocument", "xl/workbook.xml"))),
        // 22 is a day and a time, 46 hours that may be more than a day has.
        (
            "xl/styles.xml".to_owned(),
            format!(
                r#"<styleSheet xmlns="{main}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/><xf numFmtId="46"/></cellXfs></styleSheet>"#
            ),
        ),
    ];
    let (mut names, mut relations) = (String::new(), relation("rIdStyles", "styles", "styles.xml"));
    for (n, (name, rows)) in (1..).zip(sheets) {
        names.push_str(&format!(r#"<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>"#));
        relations.push_str(&relation(&format!("rId{n}"), "worksheet", &format!("worksheets/sheet{n}.xml")));
        let rows = sheet_rows(rows);
        let sheet = format!(r#"<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>"#);
        files.push((format!("xl/worksheets/sheet{n}.xml"), sheet));
    }
    let book = format!(r#"<workbook xmlns="{main}" xmlns:r="{rel}"><sheets>{names}</sheets></workbook>"#);
    files.push(("xl/workbook.xml".to_owned(), book));
    files.push(("xl/_rels/workbook.xml.rels".to_owned(), related(&relations)));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    archive(&files)
}

fn sheet_rows(rows: &[&[Cell]]) -> String {
    let row = |(n, cells): (u32, &&[Cell])| {
        let cells: String =
            ('A'..).zip(cells.iter()).map(|(column, cell)| cell.xml(&format!("{column}{n}"))).collect();
        format!(r#"<row r="{n}">{cells}</row>"#)
    };
    (1..).zip(rows).map(row).collect()
}

/// A book of these chapters.
pub(super) fn epub(chapters: &[&str]) -> Vec<u8> {
    let items: String = (0..chapters.len())
        .map(|i| {
            format!(r#"<item id="c{i}" href="text/part%20{i}.xhtml" media-type="application/xhtml+xml"/>"#)
        })
        .collect();
    let spine: String = (0..chapters.len()).map(|i| format!(r#"<itemref idref="c{i}"/>"#)).collect();
    let contents = format!("<package><manifest>{items}</manifest><spine>{spine}</spine></package>");
    let mut files = vec![
        ("mimetype".to_owned(), "application/epub+zip".to_owned()),
        (
            "META-INF/container.xml".to_owned(),
            r#"<container><rootfiles><rootfile full-path="OEBPS/content.opf"/></rootfiles></container>"#
                .to_owned(),
        ),
        ("OEBPS/content.opf".to_owned(), contents),
    ];
    for (i, chapter) in chapters.iter().enumerate() {
        files.push((format!("OEBPS/text/part {i}.xhtml"), (*chapter).to_owned()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    archive(&files)
}

/// A PDF with a page for each text; an empty one is a page without text.
pub(super) fn pdf(pages: &[&str]) -> Vec<u8> {
    let content = |text: &&str| {
        let lines: String = text.lines().map(|line| format!("({line}) Tj 0 -14 Td ")).collect();
        if text.is_empty() { String::new() } else { format!("BT /F1 12 Tf 72 720 Td {lines}ET") }
    };
    let contents: Vec<_> = pages.iter().map(content).collect();
    pdf_of(&contents)
}

/// A line of a PDF's page, in Helvetica.
pub(super) fn line(x: f64, y: f64, size: f64, text: &str) -> String {
    format!("BT /F1 {size} Tf {x} {y} Td ({text}) Tj ET\n")
}

/// A PDF with a page for each stream of drawing; its font `F2` is Helvetica in bold.
pub(super) fn pdf_of(contents: &[String]) -> Vec<u8> {
    let n = contents.len();
    let kids: Vec<_> = (0..n).map(|i| format!("{} 0 R", 4 + 2 * i)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!("<< /Type /Pages /Kids [{}] /Count {n} >>", kids.join(" ")),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
    ];
    for (i, content) in contents.iter().enumerate() {
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R /Resources << /Font << /F1 3 0 R /F2 {} 0 R >> >> >>",
            5 + 2 * i,
            4 + 2 * n
        ));
        objects.push(format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()));
    }
    objects.push(
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>".to_owned(),
    );
    let mut file = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i + 1));
    }
    let start = file.len();
    file.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        file.push_str(&format!("{place:010} 00000 n \n"));
    }
    file.push_str(&format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    ));
    file.into_bytes()
}

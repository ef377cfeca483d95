//! What a file is, from its bytes. Names lie; they are only asked which of the texts it is.

use super::{Unreadable, text, unzip::Archive};
use types::document::DocumentKind;

/// Where a PDF may begin: some programs write something before it.
const PDF_HEAD_BYTES: usize = 1024;
/// Enough to know a page of HTML by.
const HTML_HEAD_CHARS: usize = 1024;

/// How Office writes its name into the folder of an encrypted file.
const ENCRYPTED_PACKAGE: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
/// How an Excel workbook is called in an old Office file.
const WORKBOOK: &[u8] = b"W\0o\0r\0k\0b\0o\0o\0k\0";
const OLD_OFFICE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// What it is, or why it is nothing that can be read.
pub(super) fn find(bytes: &[u8], ending: &str) -> Result<DocumentKind, Unreadable> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unreadable::Empty);
    }
    if is_pdf(bytes) {
        return Ok(DocumentKind::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return packed(bytes);
    }
    if bytes.starts_with(OLD_OFFICE) {
        return old_office(bytes);
    }
    if let Some(known) = infer::get(bytes).filter(|it| !is_text(*it) && !only_begins_so(*it, bytes)) {
        return Err(Unreadable::Foreign { what: described(known) });
    }
    Ok(text_kind(&text::decode(bytes)?, ending))
}

/// A text may name the mark with which they begin.
fn is_pdf(bytes: &[u8]) -> bool {
    const MARK: &[u8] = b"%PDF-";
    let head = &bytes[..bytes.len().min(PDF_HEAD_BYTES)];
    bytes.trim_ascii_start().starts_with(MARK) || (contains(head, MARK) && !is_all_letters(bytes))
}

/// By what is in the archive.
fn packed(bytes: &[u8]) -> Result<DocumentKind, Unreadable> {
    let mut archive = Archive::open(bytes)?;
    for (file, kind) in [
        ("word/document.xml", DocumentKind::Docx),
        ("ppt/presentation.xml", DocumentKind::Pptx),
        ("xl/workbook.xml", DocumentKind::Sheet),
        ("xl/workbook.bin", DocumentKind::Sheet),
    ] {
        if archive.has(file) {
            return Ok(kind);
        }
    }
    let media_type = archive.text("mimetype")?.unwrap_or_default();
    match media_type.trim() {
        "application/epub+zip" => return Ok(DocumentKind::Epub),
        it if it.starts_with("application/vnd.oasis.opendocument.text") => return Ok(DocumentKind::Odt),
        it if it.starts_with("application/vnd.oasis.opendocument.spreadsheet") => {
            return Ok(DocumentKind::Sheet);
        }
        _ => {}
    }
    if archive.has("META-INF/container.xml") {
        return Ok(DocumentKind::Epub);
    }
    Err(Unreadable::Foreign { what: "an archive of other files".to_owned() })
}

fn old_office(bytes: &[u8]) -> Result<DocumentKind, Unreadable> {
    if contains(bytes, ENCRYPTED_PACKAGE) {
        return Err(Unreadable::Encrypted);
    }
    if contains(bytes, WORKBOOK) {
        return Ok(DocumentKind::Sheet);
    }
    Err(Unreadable::Foreign { what: "in an Office format of before 2007".to_owned() })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a file of that name is probably a document: what else is in a folder is not even opened.
pub(crate) fn may_be_read(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    [DOCUMENTS, CODE, IMAGES].iter().any(|known| known.contains(&ending.as_str()))
}

/// Formats that are made of text, and shell scripts, are read as such.
fn is_text(known: infer::Type) -> bool {
    known.matcher_type() == infer::MatcherType::Text || known.mime_type().starts_with("text/")
}

/// Whether a text only begins like something else, for which two or three letters may be enough. What is for programs is not all
/// letters, but for two formats.
fn only_begins_so(known: infer::Type, bytes: &[u8]) -> bool {
    let is_for_programs = match known.extension() {
        "rtf" => true,
        "ps" => bytes.starts_with(b"%!PS"),
        _ => false,
    };
    !is_for_programs && is_all_letters(bytes)
}

fn is_all_letters(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace())
}

fn described(known: infer::Type) -> String {
    let of = match known.matcher_type() {
        infer::MatcherType::Image => "an image",
        infer::MatcherType::Audio => "a sound file",
        infer::MatcherType::Video => "a film",
        infer::MatcherType::Archive => "an archive",
        infer::MatcherType::App => "a program",
        infer::MatcherType::Font => "a font",
        _ => "a file",
    };
    format!("{of} ({})", known.extension().to_uppercase())
}

fn text_kind(text: &str, ending: &str) -> DocumentKind {
    let head: String = text.trim_start().chars().take(HTML_HEAD_CHARS).collect::<String>().to_lowercase();
    match ending {
        "html" | "htm" | "xhtml" => DocumentKind::Html,
        _ if head.starts_with("<!doctype html") || head.starts_with("<html") => DocumentKind::Html,
        "md" | "markdown" | "mdown" | "mkd" => DocumentKind::Markdown,
        "csv" | "tsv" => DocumentKind::Csv,
        ending if CODE.contains(&ending) => DocumentKind::Code,
        _ => DocumentKind::Text,
    }
}

/// Endings of documents that are no source code.
const DOCUMENTS: &[&str] = &[
    "adoc", "csv", "docx", "epub", "htm", "html", "markdown", "md", "mdown", "mkd", "ods", "odt", "org",
    "pdf", "pptx", "rst", "tex", "text", "tsv", "txt", "xhtml", "xls", "xlsb", "xlsm", "xlsx",
];

/// Endings of images, whose text a model writes down.
const IMAGES: &[&str] = &["bmp", "gif", "jpeg", "jpg", "png", "tif", "tiff", "webp"];

/// Endings of source code and of what is written like it.
const CODE: &[&str] = &[
    "bash", "bat", "c", "cc", "clj", "cmake", "cpp", "cs", "css", "cu", "dart", "diff", "elm", "erl", "ex",
    "exs", "fs", "go", "gradle", "graphql", "h", "hpp", "hs", "ini", "java", "jl", "js", "json", "jsonl",
    "jsx", "kt", "less", "lisp", "lua", "m", "ml", "mm", "nim", "nix", "patch", "php", "pl", "proto", "ps1",
    "py", "r", "rb", "rs", "sass", "scala", "scss", "sh", "sql", "svelte", "swift", "tf", "toml", "ts",
    "tsx", "vb", "vim", "vue", "wat", "xml", "yaml", "yml", "zig", "zsh",
];

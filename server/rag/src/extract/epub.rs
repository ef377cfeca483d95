//! Books: the chapters in the order in which they are read.

use super::{
    Block, Unreadable, html,
    unzip::Archive,
    xml::{Xml, walk},
};
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

const MOST_CHAPTERS: usize = 10_000;

/// All chapters.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Block>, Unreadable> {
    let mut archive = Archive::open(bytes)?;
    if archive.has("META-INF/encryption.xml") && archive.has("META-INF/rights.xml") {
        return Err(Unreadable::Encrypted);
    }
    let missing = |what: &str| Unreadable::Broken { reason: format!("{what} is missing") };
    let container =
        archive.text("META-INF/container.xml")?.ok_or_else(|| missing("META-INF/container.xml"))?;
    let mut package = None;
    walk(&container, |xml| {
        if let Xml::Open(tag) = xml
            && tag.name == "rootfile"
            && package.is_none()
        {
            package = tag.get("full-path").map(str::to_owned);
        }
    })?;
    let package = package.ok_or_else(|| missing("its table of contents"))?;
    let contents = archive.text(&package)?.ok_or_else(|| missing(&package))?;
    let folder = package.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut blocks = Vec::new();
    for chapter in chapters(&contents, folder)? {
        if let Some(page) = archive.text(&chapter)? {
            blocks.extend(html::blocks(&page, None));
        }
    }
    Ok(blocks)
}

fn chapters(contents: &str, folder: &str) -> Result<Vec<String>, Unreadable> {
    let mut files = HashMap::new();
    let mut chapters = Vec::new();
    walk(contents, |xml| {
        let Xml::Open(tag) = xml else { return };
        match tag.name {
            "item" => {
                let is_page = tag.get("media-type").is_some_and(|it| it.contains("html"));
                if let (Some(id), Some(href), true) = (tag.get("id"), tag.get("href"), is_page) {
                    files.insert(id.to_owned(), path_below(folder, href));
                }
            }
            "itemref" if chapters.len() < MOST_CHAPTERS => {
                chapters.extend(tag.get("idref").and_then(|id| files.get(id)).cloned());
            }
            _ => {}
        }
    })?;
    Ok(chapters)
}

/// A path within the archive, seen from a folder in it.
fn path_below(folder: &str, href: &str) -> String {
    let href = href.split('#').next().unwrap_or_default();
    let href = percent_decode_str(href).decode_utf8_lossy();
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in href.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

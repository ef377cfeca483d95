//! What a person pastes: addresses of a hub's pages and files, and short names for them.

use crate::{RepoId, RepoPath, Revision, quants};
use reqwest::Url;

const MAX_TEXT_BYTES: usize = 2048;
/// Hosts that are Hugging Face, whatever the endpoint is.
const HOSTS: [&str; 3] = ["huggingface.co", "www.huggingface.co", "hf.co"];
/// First parts of addresses that are no owner of models.
const NO_OWNERS: [&str; 12] = [
    "api",
    "blog",
    "chat",
    "collections",
    "datasets",
    "docs",
    "join",
    "login",
    "models",
    "papers",
    "settings",
    "spaces",
];

/// A repository, and where they were given a revision and what of it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub repo: RepoId,
    pub revision: Option<Revision>,
    pub file: Option<Wanted>,
}

/// Which of a repository's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That one.
    File(RepoPath),
    /// The one with that quantisation, such as `Q4_K_M`.
    Quant(String),
}

/// Understands addresses of huggingface.co and hf.co (pages of repositories, `tree`, `blob` and `resolve`), `owner/name`,
/// `owner/name:file-or-quant`, `owner/name@revision`, and all of those behind `hf:` or `hf://`.
pub fn parse_reference(text: &str) -> Option<Reference> {
    parse(text, None)
}

/// As above; addresses of `endpoint` count too.
pub(crate) fn parse(text: &str, endpoint: Option<&Url>) -> Option<Reference> {
    let text = text.trim().trim_matches(['<', '>', '"', '\'', '`']);
    if text.is_empty() || text.len() > MAX_TEXT_BYTES || text.contains(char::is_control) {
        return None;
    }
    if let Some(rest) = text.strip_prefix("hf://").or_else(|| text.strip_prefix("hf:")) {
        return short(rest.strip_prefix("models/").unwrap_or(rest));
    }
    if text.contains("://") {
        return of_address(&Url::parse(text).ok()?, endpoint);
    }
    let host = HOSTS.iter().find_map(|host| text.strip_prefix(host)?.strip_prefix('/'));
    match host {
        // `hf.co/owner/name:Q4_K_M` is how other programs name models.
        Some(rest) => short(rest).or_else(|| of_address(&Url::parse(&format!("https://{text}")).ok()?, None)),
        None => short(text),
    }
}

/// `owner/name`, then perhaps `@revision`, then perhaps `:file-or-quant`.
fn short(text: &str) -> Option<Reference> {
    let (rest, wanted) = match text.split_once(':') {
        Some((rest, wanted)) => (rest, Some(wanted)),
        None => (text, None),
    };
    let (repo, revision) = match rest.split_once('@') {
        Some((repo, revision)) => (repo, Some(Revision::parse(revision)?)),
        None => (rest, None),
    };
    let repo = of_owner(repo.trim_end_matches('/'))?;
    let file = match wanted {
        None => None,
        Some("latest" | "") => None,
        Some(wanted) => Some(wanted_file(wanted)?),
    };
    Some(Reference { repo, revision, file })
}

fn wanted_file(text: &str) -> Option<Wanted> {
    if let Some(quant) = quants::Quant::find(text).filter(|quant| quant.name().eq_ignore_ascii_case(text)) {
        return Some(Wanted::Quant(quant.name().to_owned()));
    }
    let path = RepoPath::parse(text)?;
    let is_file = path.file_name().contains('.') || path.as_str().contains('/');
    Some(if is_file { Wanted::File(path) } else { Wanted::Quant(text.to_owned()) })
}

fn of_owner(text: &str) -> Option<RepoId> {
    RepoId::parse(text).filter(|repo| !NO_OWNERS.contains(&repo.owner()))
}

fn of_address(url: &Url, endpoint: Option<&Url>) -> Option<Reference> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let mut segments: Vec<String> = url.path_segments()?.map(decode).collect::<Option<_>>()?;
    let is_own = endpoint.is_some_and(|endpoint| endpoint.origin() == url.origin());
    if is_own {
        let n_before = endpoint?.path_segments()?.filter(|it| !it.is_empty()).count();
        segments.drain(..n_before.min(segments.len()));
    } else if !HOSTS.contains(&url.host_str()?) || url.port().is_some() {
        return None;
    }
    segments.retain(|it| !it.is_empty());
    of_segments(&segments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of_segments(segments: &[&str]) -> Option<Reference> {
    let (repo, rest) = segments.split_at_checked(2)?;
    let repo = of_owner(&repo.join("/"))?;
    match rest {
        ["blob" | "resolve" | "raw", revision, path @ ..] if !path.is_empty() => {
            let file = Wanted::File(RepoPath::parse(&path.join("/"))?);
            Some(Reference { repo, revision: Some(Revision::parse(revision)?), file: Some(file) })
        }
        ["tree" | "commit", revision, ..] => {
            Some(Reference { repo, revision: Some(Revision::parse(revision)?), file: None })
        }
        _ => Some(Reference { repo, revision: None, file: None }),
    }
}

/// A part of an address as it was before `%` was put into it; `None` where that is no text.
fn decode(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;

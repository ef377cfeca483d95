//! The web files: embedded in release builds, read from the build's folder otherwise.

use app::SiteFiles;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::{
    borrow::Cow,
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::Arc,
};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CHAOSENGINE_SITE_FOLDER"]
struct Embedded;

/// Files with their hash in the name never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// Where the files are. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    folder: Option<Arc<PathBuf>>,
}

impl Site {
    /// `folder`, else what is embedded.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder: folder.map(Arc::new) }
    }

    /// The names the page needs. A build without web files has none, and its pages no style and no script.
    pub(crate) fn files(&self) -> SiteFiles {
        let names = self.names();
        let find =
            |start: &str, end: &str| names.iter().find(|name| name.starts_with(start) && name.ends_with(end));
        let named = |start: &str, end: &str| find(start, end).cloned().unwrap_or_default();
        let manifest: Option<HashMap<String, Vec<String>>> = find("__wasm_split_manifest", ".json")
            .and_then(|name| self.read(&format!("pkg/{name}")))
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let loader = names.iter().find(|name| name.starts_with("__wasm_split.") && name.ends_with(".js"));
        SiteFiles {
            build: build_of(&names),
            css: named("chaosengine", ".css"),
            js: named("chaosengine", ".js"),
            wasm: named("chaosengine", ".wasm"),
            split: loader
                .cloned()
                .zip(manifest)
                .map(|(loader, manifest)| app::SplitFiles { loader, manifest }),
        }
    }

    /// Names below `pkg/`.
    fn names(&self) -> Vec<String> {
        match &self.folder {
            Some(folder) => std::fs::read_dir(folder.join("pkg"))
                .map(|entries| {
                    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
                })
                .unwrap_or_default(),
            None => {
                Embedded::iter().filter_map(|path| path.strip_prefix("pkg/").map(str::to_owned)).collect()
            }
        }
    }

    fn read(&self, path: &str) -> Option<Cow<'static, [u8]>> {
        match &self.folder {
            Some(folder) => std::fs::read(folder.join(path)).ok().map(Cow::Owned),
            None => Embedded::get(path).map(|file| file.data),
        }
    }

    /// The file at `path`, compressed if the client takes it. `None` if there is none.
    pub(crate) async fn serve(&self, path: &str, request: &HeaderMap) -> Option<Response> {
        let path = path.trim_start_matches('/');
        // Only plain names: nothing outside the folder has one. A colon begins a drive of Windows.
        if path.is_empty()
            || path.split('/').any(|part| part.is_empty() || part.starts_with('.'))
            || path.contains(['\\', ':'])
        {
            return None;
        }
        let (site, path, encodings) = (self.clone(), path.to_owned(), accepted(request));
        tokio::task::spawn_blocking(move || site.response(&path, &encodings)).await.ok().flatten()
    }

    fn response(&self, path: &str, encodings: &[(&'static str, &'static str)]) -> Option<Response> {
        let compressed = encodings
            .iter()
            .find_map(|(encoding, extension)| Some((*encoding, self.read(&format!("{path}.{extension}"))?)));
        let (encoding, bytes) = match compressed {
            Some((encoding, bytes)) => (Some(encoding), bytes),
            None => (None, self.read(path)?),
        };
        let mime = mime_guess::from_path(path).first_or_octet_stream();
        let body = match bytes {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        let mut response = (StatusCode::OK, body).into_response();
        let headers = response.headers_mut();
        if let Ok(mime) = HeaderValue::from_str(mime.as_ref()) {
            headers.insert(header::CONTENT_TYPE, mime);
        }
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CACHE_CONTROL, if path.starts_with("pkg/") { FOREVER } else { REVALIDATE });
        Some(response)
    }
}

/// What tells a build from others, of the names of its files: those of code have the hash of what is in them. Nothing where
/// there is no code.
fn build_of(names: &[String]) -> String {
    let is_code = |name: &&String| [".js", ".json", ".wasm"].iter().any(|ending| name.ends_with(ending));
    let mut code: Vec<_> = names.iter().filter(is_code).collect();
    if code.is_empty() {
        return String::new();
    }
    code.sort();
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Encodings the client takes, best first, with the extension of the file that has it.
fn accepted(request: &HeaderMap) -> Vec<(&'static str, &'static str)> {
    let accept =
        request.get(header::ACCEPT_ENCODING).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let takes = |encoding: &str| {
        accept.split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            words.next() == Some(encoding) && words.next() != Some("q=0")
        })
    };
    [("br", "br"), ("gzip", "gz")].into_iter().filter(|(encoding, _)| takes(encoding)).collect()
}

#[cfg(test)]
mod tests;

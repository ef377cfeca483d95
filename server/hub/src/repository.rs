//! What is in a repository.

use crate::{
    Hub, HubError, RepoId, RepoPath, Revision,
    error::Unusable,
    http, names,
    search::{Gated, is_word, kept_tags, lenient, licence_of},
};
use reqwest::{
    RequestBuilder,
    header::{ACCEPT_ENCODING, RANGE},
};
use serde::{Deserialize, Serialize};

/// Lists of repositories with ten thousand files are of that size.
const MAX_ANSWER_BYTES: usize = 32 << 20;
/// More files than any model has.
const MAX_FILES: usize = 10_000;

/// A repository at one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// As the hub spells it; a renamed repository has its new name.
    pub repo: RepoId,
    /// The commit that the revision was when it was asked for.
    pub sha: Revision,
    /// Access has to be asked for.
    pub gated: bool,
    pub licence: Option<String>,
    pub tags: Vec<String>,
    /// What it is for, in the hub's words.
    pub pipeline: Option<String>,
    pub library: Option<String>,
    /// Numbers in its safetensors files, where the hub has counted them.
    pub n_parameters: Option<u64>,
    /// By path.
    pub files: Vec<RepoFile>,
    /// Files left out since their names or sizes are not usable, or there are too many.
    pub n_dropped: usize,
}

impl Repository {
    /// One of which nothing else is known.
    pub fn new(repo: RepoId, sha: Revision) -> Self {
        Self {
            repo,
            sha,
            gated: false,
            licence: None,
            tags: Vec::new(),
            pipeline: None,
            library: None,
            n_parameters: None,
            files: Vec::new(),
            n_dropped: 0,
        }
    }
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoFile {
    pub path: RepoPath,
    pub size: u64,
    /// Of its bytes, in hex. Hubs tell it of big files only.
    pub sha256: Option<String>,
    /// Git's name for its content, in hex. Of files that have a digest, git knows a pointer only.
    pub oid: Option<String>,
}

impl Hub {
    /// What is in `repo` at `revision`.
    pub async fn repository(&self, repo: &RepoId, revision: &Revision) -> Result<Repository, HubError> {
        let mut url = self.address(&["api", "models"], repo, &["revision", revision.as_str()]);
        url.query_pairs_mut().append_pair("blobs", "true");
        let asking = async {
            let (response, from) = self.ask(&url, self.page(repo)).await?;
            http::read_json::<Info>(response, &from, MAX_ANSWER_BYTES).await
        };
        let info = self.in_time(asking).await?;
        info.repository().ok_or_else(|| Unusable::Answer.into())
    }

    /// The first bytes of a file of `repository`, at most `n`. Where a server knows no ranges, the rest is not read.
    pub async fn beginning(
        &self,
        repository: &Repository,
        path: &RepoPath,
        n: usize,
    ) -> Result<Vec<u8>, HubError> {
        let url = self.file_url(&repository.repo, &repository.sha, path);
        let prepare = |request: RequestBuilder| {
            request
                .header(ACCEPT_ENCODING, "identity")
                .header(RANGE, format!("bytes=0-{}", n.saturating_sub(1)))
        };
        let asking = async {
            let (response, from) = self.ask_for(&url, self.page(&repository.repo), &prepare).await?;
            Ok(http::read(response, &from, n).await?.0)
        };
        self.in_time(asking).await
    }
}

#[derive(Deserialize)]
struct Info {
    #[serde(alias = "modelId")]
    id: String,
    sha: String,
    #[serde(default, deserialize_with = "lenient")]
    gated: Option<Gated>,
    #[serde(default, deserialize_with = "lenient")]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "lenient")]
    pipeline_tag: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    library_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    safetensors: Option<Counted>,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Counted {
    total: u64,
}

#[derive(Deserialize)]
struct Sibling {
    #[serde(default)]
    rfilename: String,
    #[serde(default, deserialize_with = "lenient")]
    size: Option<u64>,
    #[serde(default, rename = "blobId", deserialize_with = "lenient")]
    blob_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    #[serde(default, alias = "oid", deserialize_with = "lenient")]
    sha256: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    size: Option<u64>,
}

impl Info {
    fn repository(self) -> Option<Repository> {
        let n_siblings = self.siblings.len();
        let mut files: Vec<RepoFile> =
            self.siblings.into_iter().filter_map(Sibling::file).take(MAX_FILES).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        let tags = kept_tags(self.tags.unwrap_or_default());
        Some(Repository {
            repo: RepoId::parse(&self.id)?,
            sha: commit(&self.sha)?,
            gated: self.gated.is_some_and(|it| it.is_gated()),
            licence: licence_of(&tags),
            tags,
            pipeline: self.pipeline_tag.filter(|it| is_word(it)),
            library: self.library_name.filter(|it| is_word(it)),
            n_parameters: self.safetensors.map(|it| it.total),
            n_dropped: n_siblings - files.len(),
            files,
        })
    }
}

impl Sibling {
    fn file(self) -> Option<RepoFile> {
        let lfs_size = self.lfs.as_ref().and_then(|lfs| lfs.size);
        let oid = self.blob_id.filter(|id| self.lfs.is_none() && names::is_git(id));
        let sha256 = match self.lfs.and_then(|lfs| lfs.sha256) {
            // A digest that is none would make every download fail at its end: the file is not usable.
            Some(text) => Some(names::digest(&text)?),
            None => None,
        };
        Some(RepoFile {
            path: RepoPath::parse(&self.rfilename)?,
            size: lfs_size.or(self.size)?,
            sha256,
            oid: oid.map(|id| id.to_ascii_lowercase()),
        })
    }
}

fn commit(text: &str) -> Option<Revision> {
    Revision::parse(text).filter(|_| is_hex(text))
}

fn is_hex(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;

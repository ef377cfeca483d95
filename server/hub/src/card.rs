//! The page that an author wrote about a model.

use crate::{Hub, HubError, RepoId, RepoPath, Revision, http};

/// Longer ones are cut.
const MAX_BYTES: usize = 1 << 20;
const NAME: &str = "README.md";

/// Markdown that a stranger wrote: it has to be sanitised before it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub text: String,
    /// It went on; the page of the repository has all of it.
    pub is_cut: bool,
}

impl Hub {
    /// The repository's `README.md`, at most 1 MiB of it; `None` where there is none.
    pub async fn card(&self, repo: &RepoId, revision: &Revision) -> Result<Option<Card>, HubError> {
        let Some(path) = RepoPath::parse(NAME) else { return Ok(None) };
        let url = self.file_url(repo, revision, &path);
        let asking = async {
            let (response, from) = self.ask(&url, self.page(repo)).await?;
            http::read(response, &from, MAX_BYTES).await
        };
        let (bytes, is_cut) = match self.in_time(asking).await {
            Err(HubError::NotFound) => return Ok(None),
            read => read?,
        };
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if is_cut {
            // A character in two halves and half a line look like damage.
            text.truncate(text.rfind('\n').unwrap_or(text.len()));
        }
        Ok(Some(Card { text, is_cut }))
    }
}

/// The text without the data that stands before it between two lines of `---`.
pub fn without_front_matter(text: &str) -> &str {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else { return text };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "---" {
            return rest[at..].trim_start_matches(['\r', '\n']);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::without_front_matter;

    #[test]
    fn data_before_the_text_is_left_out() {
        let check = |text: &str, expected: &str| assert_eq!(without_front_matter(text), expected, "{text:?}");
        check("---\nlicense: mit\n---\n\n# Title\n---\nrest", "# Title\n---\nrest");
        check("\u{feff}---\r\na: b\r\n---\r\ntext", "text");
        check("# Title\n---\nx\n---\n", "# Title\n---\nx\n---\n");
        check("---\nnever closed", "---\nnever closed");
        check("---\n---", "");
        check("", "");
    }
}

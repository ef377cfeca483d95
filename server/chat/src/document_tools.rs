//! Tools that look into the person's documents: finding passages, and reading on in one document.
//!
//! They see what the asking person has, and of that only the collections of the conversation where it has some.

use crate::{documents::told_within, generation::Numbers};
use futures::future::BoxFuture;
use rag::Rag;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use store::{CallRow, Store};
use tools::{Answer, Arguments, Asker, Description, Failure, Tool};
use types::{
    called::{CallFailure, CallProblem},
    document::{DocumentView, PassageView},
    ids::{CollectionId, MessageId},
    toolbox::{Effect, Origin},
};

/// What one search gives.
const MOST_PASSAGES: usize = 6;
/// What one call reads of a document, in bytes.
const READ_BYTES: usize = 8 << 10;
/// Beside that: what is told of where it goes on, and of a passage that was cut.
const HINT_BYTES: usize = 200;
/// Names that are told where none fits.
const NAMES_TOLD: usize = 20;
pub(crate) const SEARCH: &str = "search_documents";
const READ: &str = "read_document";

/// The tools, for a registry. What they find is not kept with an answer.
pub fn document_tools(documents: &Rag, store: &Store) -> Vec<Arc<dyn Tool>> {
    let (documents, store) = (documents.clone(), store.clone());
    let read = ReadDocument { documents: documents.clone(), store: store.clone() };
    vec![Arc::new(SearchDocuments { documents, store, answer: None }), Arc::new(read)]
}

/// The tool that searches, for one answer: the passages that it finds are kept with it, so that its citations can be followed.
pub(crate) fn search_for(
    documents: &Rag,
    store: &Store,
    answer: MessageId,
    numbers: Numbers,
) -> Arc<dyn Tool> {
    let (documents, store) = (documents.clone(), store.clone());
    Arc::new(SearchDocuments { documents, store, answer: Some((answer, numbers)) })
}

/// Whether a tool is one of these.
pub(crate) fn is_document_tool(name: &str, origin: &Origin) -> bool {
    *origin == Origin::Builtin && [SEARCH, READ].contains(&name)
}

/// What the call searched for that told passage `number`; `None` where none did.
pub(crate) fn query_of(calls: &[CallRow], number: u32) -> Option<String> {
    let head = format!("[{number}] ");
    let tells = |call: &&CallRow| {
        let told = call.result.as_ref().filter(|result| !result.failed).map_or("", |result| &result.text);
        call.server.is_none() && told.lines().any(|line| line.starts_with(&head))
    };
    let call = calls.iter().filter(|call| call.call.name == SEARCH).find(tells)?;
    serde_json::from_str(&call.call.arguments).ok().map(|Query { query }| query)
}

struct SearchDocuments {
    documents: Rag,
    store: Store,
    answer: Option<(MessageId, Numbers)>,
}

#[derive(Deserialize)]
struct Query {
    query: String,
}

impl SearchDocuments {
    async fn search(&self, query: &str, asker: &Asker) -> Result<Answer, Failure> {
        let collections = collections(&self.documents, &self.store, asker).await?;
        let room = asker.text_bytes;
        let most_chars = room / char::MAX_LEN_UTF8;
        let found =
            self.documents.search_within(asker.user, &collections, query, MOST_PASSAGES, most_chars).await;
        let passages = found.map_err(broken)?.passages;
        if passages.is_empty() {
            return Ok(Answer::new("Nothing in the documents fits that.", ""));
        }
        let number = |n| self.answer.as_ref().map_or(1, |(_, numbers)| numbers.take(n));
        let (sources, told) = told_within(passages, room, number);
        if let Some((answer, _)) = &self.answer {
            self.store.add_sources(asker.user, *answer, &sources).await.map_err(broken)?;
        }
        let mut names: Vec<_> = sources.iter().map(|it| it.document_name.as_str()).collect();
        names.dedup();
        Ok(Answer::new(told, names.join(", ")))
    }
}

impl Tool for SearchDocuments {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What to look for, in a few words or a question"}},
            "required": ["query"],
            "additionalProperties": false,
        });
        let text = "Finds passages in the person's own documents. Name a passage that you use by its number in brackets, as in [1].";
        Description::builtin(SEARCH, text, parameters, Effect::None)
    }

    fn run<'a>(&'a self, arguments: Arguments, asker: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move { self.search(&arguments.read::<Query>()?.query, asker).await })
    }
}

struct ReadDocument {
    documents: Rag,
    store: Store,
}

#[derive(Deserialize)]
struct Place {
    name: String,
    #[serde(default)]
    from: u32,
}

impl ReadDocument {
    async fn read(&self, place: &Place, asker: &Asker) -> Result<Answer, Failure> {
        let document = self.find(&place.name, asker).await?;
        let page = self.documents.read(asker.user, document.id, place.from).await.map_err(broken)?;
        let room = READ_BYTES.min(asker.text_bytes.saturating_sub(HINT_BYTES));
        let text = read_on(&page.passages, place.from, page.document.n_passages, room);
        Ok(Answer::new(text, document.name))
    }

    /// A document by its name, or by a part of it that no other has.
    async fn find(&self, name: &str, asker: &Asker) -> Result<DocumentView, Failure> {
        let mut all = Vec::new();
        for collection in collections(&self.documents, &self.store, asker).await? {
            all.extend(self.documents.documents(asker.user, collection).await.map_err(broken)?);
        }
        let wanted = name.trim().to_lowercase();
        if let Some(at) = all.iter().position(|it| it.name.to_lowercase() == wanted) {
            return Ok(all.swap_remove(at));
        }
        let mut near = all.iter().filter(|it| it.name.to_lowercase().contains(&wanted));
        match (near.next(), near.next()) {
            (Some(one), None) if !wanted.is_empty() => Ok(one.clone()),
            _ => {
                let names: Vec<_> = all.iter().take(NAMES_TOLD).map(|it| it.name.as_str()).collect();
                let (known, sentence) = match names.as_slice() {
                    [] => {
                        let known = CallFailure::of(CallProblem::NoDocuments);
                        (known, "there are no documents to read".to_owned())
                    }
                    names => {
                        let known = CallFailure::of(CallProblem::NoSuchDocument).about(name.trim());
                        (known, format!("no document is called that; there are: {}", names.join(", ")))
                    }
                };
                Err(Failure::refused_as(known, sentence))
            }
        }
    }
}

impl Tool for ReadDocument {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "description": "The document's name"},
                "from": {"type": "integer", "minimum": 0, "description": "The part to begin with; 0 is the first"},
            },
            "required": ["name"],
            "additionalProperties": false,
        });
        let text = "Reads one of the person's own documents from a place on.";
        Description::builtin(READ, text, parameters, Effect::None)
    }

    fn run<'a>(&'a self, arguments: Arguments, asker: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move { self.read(&arguments.read::<Place>()?, asker).await })
    }
}

/// Those of the conversation, or all of the person's where it has none.
async fn collections(documents: &Rag, store: &Store, asker: &Asker) -> Result<Vec<CollectionId>, Failure> {
    let chosen = match asker.session {
        Some(session) => store.session_collections(asker.user, session).await.map_err(broken)?,
        None => Vec::new(),
    };
    if !chosen.is_empty() {
        return Ok(chosen);
    }
    let all = documents.collections(asker.user, asker.session).await.map_err(broken)?;
    Ok(all.into_iter().map(|it| it.id).collect())
}

fn broken(err: impl std::error::Error) -> Failure {
    tracing::warn!(error = %err, "a tool could not look into documents");
    let known = CallFailure::of(CallProblem::DocumentsFailed);
    Failure::refused_as(known, "the documents could not be looked into")
}

/// As many passages from `from` on as fit into `room` bytes, and how to read on. One that does not fit alone is cut, and it is said.
fn read_on(passages: &[PassageView], from: u32, n_passages: u32, room: usize) -> String {
    let mut text = String::new();
    let mut next = None;
    for passage in passages.iter().filter(|it| it.position >= from) {
        let mut piece = match passage.header.as_str() {
            "" => format!("{}\n\n", passage.text),
            header => format!("{header}\n{}\n\n", passage.text),
        };
        if text.len() + piece.len() > room {
            if !text.is_empty() {
                next = Some(passage.position);
                break;
            }
            piece.truncate(piece.floor_char_boundary(room));
            piece.push_str(&format!(
                "…\n\n[Part {} is longer than what fits here, and was cut.]\n",
                passage.position
            ));
        }
        text += &piece;
        next = Some(passage.position + 1);
    }
    match next.filter(|next| *next < n_passages) {
        Some(next) => text += &format!("[It goes on: read it from {next}. It has {n_passages} parts.]"),
        None if text.is_empty() => text += "There is nothing from there on.",
        None => text += "[This is its end.]",
    }
    text
}

#[cfg(test)]
mod tests;

//! Where in a document a sentence is from: what an answer says of a document that it was given whole is looked up there.

use crate::{
    Rag, RagError,
    fuse::fuse,
    retrieve::{CANDIDATES, LEAST_NEARNESS, Ranked},
    vectors::nearest,
    words,
};
use std::{collections::HashSet, time::Duration};
use store::DocumentRow;
use tokio::time::timeout;
use types::{
    document::{DocumentPage, MAX_SEARCH_BYTES},
    ids::{DocumentId, PassageId, UserId},
};

/// How long a person waits for meanings to be compared, loading the model included; after that, words alone say where it is.
const PATIENCE: Duration = Duration::from_secs(3);

impl Rag {
    /// A document and a part of its text, around the passage that comes nearest to a sentence; from its beginning where none does.
    pub async fn read_for(
        &self,
        user: UserId,
        id: DocumentId,
        sentence: &str,
    ) -> Result<DocumentPage, RagError> {
        let document = self.find(user, id).await?;
        let sentence = &sentence[..sentence.floor_char_boundary(MAX_SEARCH_BYTES)];
        let nearest = self.place_of(user, &document, sentence).await?;
        let page = self.read(user, id, nearest.unwrap_or_default()).await?;
        Ok(DocumentPage { nearest, ..page })
    }

    async fn place_of(
        &self,
        user: UserId,
        document: &DocumentRow,
        sentence: &str,
    ) -> Result<Option<u32>, RagError> {
        if sentence.trim().is_empty() {
            return Ok(None);
        }
        let words = words::of(sentence);
        let beginnings = words::stems(&words, sentence);
        let by_words =
            self.store().search_document(document.id, &words, &beginnings, CANDIDATES as u32).await?;
        let by_words: Ranked = by_words.into_iter().map(|(id, score)| (id, score as f32)).collect();
        let by_meaning = match timeout(PATIENCE, self.nearest_in(user, document, sentence)).await {
            Ok(Ok(found)) => found,
            Ok(Err(err)) => {
                tracing::warn!(error = %err, "a sentence is looked for by its words only");
                Ranked::new()
            }
            Err(_) => Ranked::new(),
        };
        let best = self.rows_of(user, &fuse(&by_words, &by_meaning), 1).await?;
        Ok(best.first().map(|row| row.position))
    }

    /// The passages of a document whose meaning is nearest. Nothing where it has no vectors of the model that compares.
    async fn nearest_in(
        &self,
        user: UserId,
        document: &DocumentRow,
        sentence: &str,
    ) -> Result<Ranked, RagError> {
        let Some(model) = self.embedder(user).await? else { return Ok(Ranked::new()) };
        let vectors = self.vectors_of(user, document.collection, &model).await?;
        let within: HashSet<PassageId> = self.store().passage_ids(document.id).await?.into_iter().collect();
        if vectors.n_vectors() == 0 || within.is_empty() {
            return Ok(Ranked::new());
        }
        let wanted = self.embed(user, &model, vec![sentence.to_owned()]).await?.pop().unwrap_or_default();
        let search = move || {
            let all = vectors.nearness(&wanted).filter(|(id, _)| within.contains(id));
            nearest(all, CANDIDATES, LEAST_NEARNESS)
        };
        tokio::task::spawn_blocking(search).await.map_err(|_| RagError::Task)
    }
}

#[cfg(test)]
mod tests;

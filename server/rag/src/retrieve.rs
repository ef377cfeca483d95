//! Finding the passages that answer a question: by words, by meaning, both joined, and put in order by a model that ranks.

use crate::{
    Rag, RagError,
    fuse::fuse,
    rank::{RANKED, reordered},
    vectors::{Vectors, nearest},
    words,
};
use inference::{EmbedInput, EmbedParams, EmbedRequest, Target, Tenant, Who};
use std::{collections::HashMap, sync::Arc, time::Instant};
use store::{LackingVectors, PassageRow};
use types::{
    document::{Found, FoundPassage, MAX_SEARCH_BYTES, Score},
    ids::{CollectionId, ModelId, PassageId, UserId},
};

/// Of each way of finding.
pub(crate) const CANDIDATES: usize = 100;
/// What is less near has nothing to do with the question: all-MiniLM-L6-v2 has 0.08 for what is unrelated, and 0.16 for a
/// loose paraphrase of one sentence among others.
pub(crate) const LEAST_NEARNESS: f32 = 0.12;
/// Of a passage with the neighbours that became a part of it: about three passages. One that grew on would leave no room for others.
pub(crate) const MOST_JOINED_CHARS: usize = 3_000;
/// Between neighbours that were joined.
const BETWEEN: &str = "\n\n";

/// What was found by words, and what by letters of scripts without spaces; what both found is worth both.
fn together(by_words: Vec<(PassageId, f64)>, unspaced: Vec<(PassageId, f64)>) -> Ranked {
    let mut found: Ranked = by_words.into_iter().map(|(id, score)| (id, score as f32)).collect();
    if unspaced.is_empty() {
        return found;
    }
    for (id, score) in unspaced {
        match found.iter_mut().find(|(known, _)| *known == id) {
            Some((_, worth)) => *worth += score as f32,
            None => found.push((id, score as f32)),
        }
    }
    found.sort_by(|one, other| other.1.total_cmp(&one.1));
    found.truncate(CANDIDATES);
    found
}

/// Passages with what each is worth, the best first.
pub(crate) type Ranked = Vec<(PassageId, f32)>;

impl Rag {
    /// The `n` best passages of those of the collections that are the person's for `query`; neighbours are joined.
    pub async fn search(
        &self,
        user: UserId,
        collections: &[CollectionId],
        query: &str,
        n: usize,
    ) -> Result<Found, RagError> {
        self.search_within(user, collections, query, n, MOST_JOINED_CHARS).await
    }

    /// The same where little has room: no neighbours are joined to more than `most_chars` characters.
    pub async fn search_within(
        &self,
        user: UserId,
        collections: &[CollectionId],
        query: &str,
        n: usize,
        most_chars: usize,
    ) -> Result<Found, RagError> {
        let started = Instant::now();
        let query = &query[..query.floor_char_boundary(MAX_SEARCH_BYTES)];
        if query.trim().is_empty() {
            return Ok(Found::default());
        }
        let collections = self.own(user, collections).await?;
        let (by_words, by_meaning) = tokio::join!(
            self.by_words(user, &collections, query),
            self.by_meaning(user, &collections, query)
        );
        let by_words = by_words?;
        let (by_meaning, without_meaning) = match by_meaning {
            Ok(found) => (found, self.only_words(user, &collections).await?),
            Err(err) => {
                tracing::warn!(error = %err, "meanings could not be compared");
                (Vec::new(), Some(format!("Only words were compared: {err}.")))
            }
        };
        let (fused, rows) = self.joined(user, &by_words, &by_meaning, n).await?;
        let ranking = self.rank(user, query, &rows).await;
        let order = reordered(&fused, &ranking.scores);
        let passages = told(rows, [&by_words, &by_meaning, &ranking.scores], &order, n, most_chars);
        let notes: Vec<_> = without_meaning.into_iter().chain(ranking.note).collect();
        let note = (!notes.is_empty()).then(|| notes.join(" "));
        let took_ms = started.elapsed().as_millis().try_into().unwrap_or(u32::MAX);
        Ok(Found { passages, note, took_ms })
    }

    /// What words and what meanings found in one order, with the rows of as many as `n` passages can come from.
    pub(crate) async fn joined(
        &self,
        user: UserId,
        by_words: &Ranked,
        by_meaning: &Ranked,
        n: usize,
    ) -> Result<(Ranked, Vec<PassageRow>), RagError> {
        let fused = fuse(by_words, by_meaning);
        let rows = self.rows_of(user, &fused, RANKED.max(2 * n)).await?;
        Ok((fused, rows))
    }

    /// Those of the collections that are the person's, the files of chats too.
    pub(crate) async fn own(
        &self,
        user: UserId,
        collections: &[CollectionId],
    ) -> Result<Vec<CollectionId>, RagError> {
        let mut own = Vec::with_capacity(collections.len());
        for &id in collections {
            own.extend(self.store().collection_name(user, id).await?.map(|_| id));
        }
        Ok(own)
    }

    /// The first `n` of a list, in its order; what was deleted meanwhile is left out.
    pub(crate) async fn rows_of(
        &self,
        user: UserId,
        list: &[(PassageId, f32)],
        n: usize,
    ) -> Result<Vec<PassageRow>, RagError> {
        let wanted: Vec<_> = list.iter().take(n).map(|(id, _)| *id).collect();
        let rows = self.store().find_passages(user, &wanted).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
        Ok(wanted.iter().filter_map(|id| rows.remove(id)).collect())
    }

    pub(crate) async fn by_words(
        &self,
        user: UserId,
        collections: &[CollectionId],
        query: &str,
    ) -> Result<Ranked, RagError> {
        let words = words::of(query);
        let beginnings = words::stems(&words, query);
        let found =
            self.store().search_passages(user, collections, &words, &beginnings, CANDIDATES as u32).await?;
        let unspaced =
            self.store().search_unspaced_passages(user, collections, query, CANDIDATES as u32).await?;
        Ok(together(found, unspaced))
    }

    /// Nothing where no model makes vectors.
    pub(crate) async fn by_meaning(
        &self,
        user: UserId,
        collections: &[CollectionId],
        query: &str,
    ) -> Result<Ranked, RagError> {
        let Some(model) = self.embedder(user).await? else { return Ok(Vec::new()) };
        if !self.has_vectors(user, collections, &model).await? {
            return Ok(Vec::new());
        }
        let query = self.embed(user, &model, vec![query.to_owned()]).await?.pop().unwrap_or_default();
        self.nearest_of(user, collections, &model, query).await
    }

    /// Says so where documents have no vectors of the model that makes them now, or not all.
    async fn only_words(
        &self,
        user: UserId,
        collections: &[CollectionId],
    ) -> Result<Option<String>, RagError> {
        let Some(model) = self.embedder(user).await? else { return Ok(None) };
        let mut lacking = LackingVectors::default();
        for &collection in collections {
            let more = self.store().lacking_vectors(user, collection, &model.0).await?;
            lacking.n_documents += more.n_documents;
            lacking.n_under_way += more.n_under_way;
        }
        Ok(only_words_note(lacking))
    }

    async fn has_vectors(
        &self,
        user: UserId,
        collections: &[CollectionId],
        model: &ModelId,
    ) -> Result<bool, RagError> {
        for collection in collections {
            if self.vectors_of(user, *collection, model).await?.n_vectors() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The passages whose vectors by `model` are nearest to `query`.
    pub(crate) async fn nearest_of(
        &self,
        user: UserId,
        collections: &[CollectionId],
        model: &ModelId,
        query: Vec<f32>,
    ) -> Result<Ranked, RagError> {
        let mut all = Vec::new();
        for collection in collections {
            all.push(self.vectors_of(user, *collection, model).await?);
        }
        let search = move || {
            let all = all.iter().flat_map(|vectors| vectors.nearness(&query));
            nearest(all, CANDIDATES, LEAST_NEARNESS)
        };
        tokio::task::spawn_blocking(search).await.map_err(|_| RagError::Task)
    }

    pub(crate) async fn vectors_of(
        &self,
        user: UserId,
        collection: CollectionId,
        model: &ModelId,
    ) -> Result<Arc<Vectors>, RagError> {
        let cache = self.cache();
        if let Some(known) = cache.find(collection, &model.0) {
            return Ok(known);
        }
        let n_changes = cache.n_changes();
        let rows = self.store().load_vectors(user, collection, &model.0).await?;
        let model = model.0.clone();
        let vectors = tokio::task::spawn_blocking(move || Vectors::new(model, rows)).await;
        let vectors = Arc::new(vectors.map_err(|_| RagError::Task)?);
        cache.keep(collection, &vectors, n_changes);
        Ok(vectors)
    }

    /// A vector for each of `texts`, one long.
    pub(crate) async fn embed(
        &self,
        user: UserId,
        model: &ModelId,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, RagError> {
        let _hold = self.models().ensure_loaded(user, model).await?;
        let request = EmbedRequest {
            inputs: texts.into_iter().map(EmbedInput::Text).collect(),
            params: EmbedParams { truncate: true, ..EmbedParams::default() },
            who: Who::alone(Tenant(user.0)),
        };
        let target = Target { model: Some(model.clone()), keep_alive: None };
        Ok(self.engine().embed(target, request).await?.vectors)
    }
}

fn only_words_note(lacking: LackingVectors) -> Option<String> {
    let LackingVectors { n_documents, n_under_way } = lacking;
    let what = match n_documents {
        0 => return None,
        1 => "one document that has".to_owned(),
        n => format!("{n} documents that have"),
    };
    let next = match n_under_way {
        n if n == n_documents => "they are being made.",
        0 => "read again what is missing.",
        _ => "some are being made; read again what is missing then.",
    };
    Some(format!("Only words were compared in {what} no vectors of all passages yet: {next}"))
}

/// What each way of finding made of each passage.
struct Ways {
    words: HashMap<PassageId, Score>,
    meaning: HashMap<PassageId, Score>,
    ranking: HashMap<PassageId, Score>,
}

/// The `n` best passages in the order that was made of them, with what words, meanings and a model that ranks made of each; neighbours are
/// joined to at most `most_chars` characters.
pub(crate) fn told(
    rows: Vec<PassageRow>,
    [words, meaning, ranking]: [&Ranked; 3],
    order: &Ranked,
    n: usize,
    most_chars: usize,
) -> Vec<FoundPassage> {
    let by = Ways { words: ranks(words), meaning: ranks(meaning), ranking: ranks(ranking) };
    join_neighbours(found_passages(rows, &by, order), n, most_chars)
}

/// With all scores, in the order of `fused`.
fn found_passages(rows: Vec<PassageRow>, by: &Ways, fused: &Ranked) -> Vec<FoundPassage> {
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let found = fused.iter().filter_map(|(id, fused)| {
        let row = rows.remove(id)?;
        Some(FoundPassage {
            document: row.document,
            document_name: row.document_name,
            passage: row.id,
            position: row.position,
            last_position: row.position,
            best_position: row.position,
            page: row.page,
            heading: row.heading,
            text: with_header(&row.header, row.body),
            kind: row.kind,
            words: by.words.get(id).copied(),
            meaning: by.meaning.get(id).copied(),
            ranking: by.ranking.get(id).copied(),
            fused: *fused,
        })
    });
    found.collect()
}

fn with_header(header: &str, body: String) -> String {
    if header.is_empty() { body } else { format!("{header}\n{body}") }
}

fn ranks(list: &Ranked) -> HashMap<PassageId, Score> {
    (1..).zip(list).map(|(rank, (id, value))| (*id, Score { value: *value, rank })).collect()
}

/// The `n` best; one that is beside a better one of the same document becomes a part of it, as long as both are not too long together.
fn join_neighbours(passages: Vec<FoundPassage>, n: usize, most_chars: usize) -> Vec<FoundPassage> {
    let most_chars = most_chars.min(MOST_JOINED_CHARS);
    let mut joined: Vec<FoundPassage> = Vec::new();
    for passage in passages {
        let neighbour = joined.iter().position(|it| {
            it.document == passage.document
                && it.page == passage.page
                && (it.last_position + 1 == passage.position || passage.last_position + 1 == it.position)
                && n_chars(it) + BETWEEN.len() + n_chars(&passage) <= most_chars
        });
        let Some(better) = neighbour.and_then(|idx| joined.get_mut(idx)) else {
            if joined.len() < n {
                joined.push(passage);
            }
            continue;
        };
        if better.position > passage.position {
            better.text = format!("{}{BETWEEN}{}", passage.text, better.text);
            better.position = passage.position;
        } else {
            better.text = format!("{}{BETWEEN}{}", better.text, passage.text);
            better.last_position = passage.last_position;
        }
    }
    joined
}

fn n_chars(passage: &FoundPassage) -> usize {
    passage.text.chars().count()
}

#[cfg(test)]
mod tests;

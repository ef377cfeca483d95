//! The task that reads documents: one at a time, the one that waits longest first, as jobs that can be watched and
//! cancelled. What a crash broke off goes on where it was.

use crate::{Rag, RagError, chunk, cited, extract::reader_of, pictures::is_picture, vectors::to_bytes};
use jobs::{JobHandle, Progress};
use std::time::Duration;
use store::{IndexWork, Indexed, Reading, StoreError};
use tokio::time::sleep;
use types::{document::DocumentState, ids::ModelId, job::JobKind};

/// Texts of one request for vectors.
const BATCH: u32 = 32;
/// How much of the work reading is; the rest is vectors.
const READING_SHARE: f32 = 0.3;

/// How long the database is left alone after it failed: at first, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The documents of one collection that are read one after the other.
struct Run {
    job: JobHandle,
    work: IndexWork,
    n_done: u32,
    n_failed: u32,
}

/// Reads whatever waits, for as long as the program runs.
pub(crate) async fn work(rag: Rag) {
    let mut pause = PAUSE;
    loop {
        match take(&rag).await {
            Ok(Some(mut work)) => {
                pause = PAUSE;
                while let Some(other) = run(&rag, work).await {
                    work = other;
                }
            }
            Ok(None) => {
                pause = PAUSE;
                rag.wait_for_work().await;
            }
            // Nobody tells when it works again.
            Err(_) => {
                sleep(pause).await;
                pause = longer(pause);
            }
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST_PAUSE)
}

async fn take(rag: &Rag) -> Result<Option<IndexWork>, StoreError> {
    rag.store().take_waiting_document().await.inspect_err(|err| {
        tracing::error!(error = %err, "the documents that wait could not be looked at");
    })
}

/// Reads the documents of one collection until another one's is next, and gives that.
async fn run(rag: &Rag, first: IndexWork) -> Option<IndexWork> {
    let (user, collection) = (first.user, first.collection);
    let job = match rag.jobs().start(user, JobKind::IndexDocuments, &first.collection_name).await {
        Ok(job) => job,
        Err(err) => {
            tracing::error!(error = %err, "the reading of documents could not be noted");
            end(rag, &first, DocumentState::Stopped, None).await;
            return None;
        }
    };
    let mut run = Run { job, work: first, n_done: 0, n_failed: 0 };
    loop {
        let cancelled = run.job.cancellation();
        let ended = tokio::select! {
            biased;
            () = cancelled.cancelled() => None,
            ended = one(rag, &run) => Some(ended),
        };
        rag.cache().forget(collection);
        match ended {
            Some(Ok(())) => run.n_done += 1,
            Some(Err(sentence)) => {
                run.n_failed += 1;
                end(rag, &run.work, DocumentState::Failed, Some(&sentence)).await;
            }
            None => {
                end(rag, &run.work, DocumentState::Stopped, None).await;
                if let Err(err) = rag.store().stop_waiting_documents(user, collection).await {
                    tracing::error!(error = %err, "documents could not be stopped");
                }
                // Dropping the handle marks it as cancelled.
                return None;
            }
        }
        match take(rag).await {
            Ok(Some(next)) if next.collection == collection => run.work = next,
            other => {
                finish(run).await;
                // What could not be looked at is looked at again by who called.
                return other.unwrap_or(None);
            }
        }
    }
}

async fn finish(run: Run) {
    match (run.n_failed, run.n_done) {
        (0, _) => run.job.done().await,
        (n, done) => {
            let all = n + done;
            run.job
                .failed(format!("{n} of {all} documents could not be read; the list of documents says why"))
                .await;
        }
    }
}

/// The error is a sentence for the person.
async fn one(rag: &Rag, run: &Run) -> Result<(), String> {
    progress(rag, run, 0.0).await;
    if !is_read(&run.work) {
        read(rag, &run.work).await?;
    }
    progress(rag, run, READING_SHARE).await;
    let embedder = chosen(rag, &run.work).await?;
    let embedded = match &embedder {
        Some(model) => embed(rag, run, model).await,
        None => Ok(Some(0)),
    };
    let is_chosen = chosen(rag, &run.work).await? == embedder;
    let (n_vectors, problem) = match embedded {
        Ok(Some(n)) if is_chosen => (n, None),
        // It is not there, or another model was chosen meanwhile.
        Ok(_) => {
            end(rag, &run.work, DocumentState::Waiting, None).await;
            return Ok(());
        }
        // Its words can be searched all the same.
        Err(err) => (0, Some(format!("its meaning cannot be compared yet: {err}"))),
    };
    let embedder = embedder.map(|model| model.0);
    let end = Indexed {
        state: DocumentState::Ready,
        error: problem.as_deref(),
        embedder: embedder.as_deref(),
        n_vectors,
    };
    rag.store().end_indexing(run.work.id, end).await.map_err(|err| err.to_string())
}

/// Whether its passages are those that would be made of it now.
fn is_read(work: &IndexWork) -> bool {
    work.reader.is_some() && work.reader == work.kind.map(reader_of)
}

async fn chosen(rag: &Rag, work: &IndexWork) -> Result<Option<ModelId>, String> {
    rag.embedder(work.user).await.map_err(|err| err.to_string())
}

async fn read(rag: &Rag, work: &IndexWork) -> Result<(), String> {
    let path = rag.files().path_of(&work.hash);
    let opened = tokio::task::spawn_blocking(move || {
        let mut file = std::fs::File::open(path)?;
        let is_picture = is_picture(&mut file)?;
        std::io::Result::Ok((file, is_picture))
    });
    let Ok(Ok((file, is_picture))) = opened.await else { return Err(RagError::FileGone.to_string()) };
    let extracted = match is_picture {
        true => rag.read_picture(work.user, file).await?,
        false => rag.reader().read(file, &work.name).await.map_err(|err| format!("it {err}"))?,
    };
    let cited = rag.store().cited_of(work.user, work.id).await.map_err(|err| err.to_string())?;
    let cut = tokio::task::spawn_blocking(move || {
        let passages = chunk::cut(&extracted.blocks);
        let moved = cited::places(&cited, &passages);
        (extracted, passages, moved)
    });
    let (extracted, passages, moved) = cut.await.map_err(|_| RagError::Task.to_string())?;
    // Before the passages are there: where they are moved twice, they come to the same place.
    rag.store().move_cited(work.user, &moved).await.map_err(|err| err.to_string())?;
    let reading = Reading {
        kind: extracted.kind,
        n_pages: extracted.n_pages,
        note: extracted.note.as_deref(),
        reader: reader_of(extracted.kind),
    };
    rag.store().replace_passages(work.id, reading, &passages).await.map_err(|err| err.to_string())
}

/// Makes the vectors that are missing, and says how many there are then. `None` says that the document was deleted
/// meanwhile: it gets them when it is restored.
async fn embed(rag: &Rag, run: &Run, model: &ModelId) -> Result<Option<u32>, RagError> {
    let document = rag.store().find_document(run.work.user, run.work.id).await?;
    let Some(document) = document else { return Ok(None) };
    let mut n_made = 0;
    loop {
        let missing = rag.store().passages_without_vector(run.work.id, &model.0, BATCH).await?;
        if missing.is_empty() {
            return Ok(Some(document.n_passages));
        }
        let (ids, texts): (Vec<_>, Vec<_>) =
            missing.into_iter().map(|(id, passage)| (id, text_for_vector(&passage))).unzip();
        let vectors = rag.embed(run.work.user, model, texts).await?;
        let rows: Vec<_> = ids.into_iter().zip(vectors.iter().map(|it| to_bytes(it))).collect();
        rag.store().save_vectors(&model.0, &rows).await?;
        n_made += rows.len();
        let share = n_made as f32 / document.n_passages.max(1) as f32;
        progress(rag, run, READING_SHARE + (1.0 - READING_SHARE) * share.min(1.0)).await;
    }
}

/// What a passage is about stands above it.
fn text_for_vector(passage: &store::NewPassage) -> String {
    let parts = [&passage.heading, &passage.header, &passage.body];
    parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// `share` is of the document that is being read.
async fn progress(rag: &Rag, run: &Run, share: f32) {
    let waiting = rag.store().count_waiting_documents(run.work.user, run.work.collection).await.unwrap_or(0);
    let ended = (run.n_done + run.n_failed) as f32;
    let all = ended + 1.0 + waiting as f32;
    run.job.progress(Progress { fraction: Some((ended + share) / all), ..Progress::default() });
}

/// Notes how reading ended, as often as it takes: a document that is being read for ever could not be read again.
async fn end(rag: &Rag, work: &IndexWork, state: DocumentState, error: Option<&str>) {
    let end = Indexed { state, error, embedder: None, n_vectors: 0 };
    let mut pause = PAUSE;
    while let Err(err) = rag.store().end_indexing(work.id, end.clone()).await {
        tracing::error!(error = %err, document.id = %work.id, "the end of reading could not be noted");
        sleep(pause).await;
        pause = longer(pause);
    }
}

#[cfg(test)]
mod tests;

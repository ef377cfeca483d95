//! The door of documents.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::document::{DocumentAct, DocumentReply};
#[cfg(feature = "ssr")]
use types::ids::UserId;

/// Does what a person wants with documents.
#[server(input = Postcard, output = Postcard)]
pub async fn documents(act: DocumentAct) -> Result<DocumentReply, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    let documents = &state.documents;
    match act {
        DocumentAct::Look { open, query, n_documents } => {
            let mut view = documents.look(user, open, &query, n_documents).await?;
            view.models_dir = state.paths.models().display().to_string();
            view.can_follow = crate::ssr::require_administrator().await.is_ok();
            view.followed = view.followed.filter(|_| view.can_follow);
            return Ok(DocumentReply::Looked(Box::new(told(view))));
        }
        DocumentAct::AddCollection { name } => {
            return Ok(DocumentReply::Added(documents.add_collection(user, &name).await?));
        }
        DocumentAct::RenameCollection { collection, name } => {
            documents.rename_collection(user, collection, &name).await?;
        }
        DocumentAct::DeleteCollection { collection } => documents.delete_collection(user, collection).await?,
        DocumentAct::RestoreCollection { collection } => {
            documents.restore_collection(user, collection).await?
        }
        DocumentAct::Delete { document } => documents.delete_document(user, document).await?,
        DocumentAct::Restore { document } => documents.restore_document(user, document).await?,
        DocumentAct::Index { document } => documents.index(user, document).await?,
        DocumentAct::IndexAll { collection } => documents.index_all(user, collection).await?,
        DocumentAct::Follow { collection, path } => {
            let administrator = crate::ssr::require_administrator().await?;
            documents.follow(administrator, collection, &path).await?;
        }
        DocumentAct::Unfollow { collection } => {
            let administrator = crate::ssr::require_administrator().await?;
            documents.unfollow(administrator, collection).await?;
        }
        DocumentAct::RankBy { by } => documents.rank_by(user, by).await?,
        DocumentAct::EmbedWith { model } => documents.embed_with(user, model).await?,
        DocumentAct::Read { document, position } => {
            let page = documents.read(user, document, position).await?;
            return Ok(DocumentReply::Read(Box::new(page)));
        }
        DocumentAct::ReadFor { document, sentence } => {
            let page = documents.read_for(user, document, &sentence).await?;
            return Ok(DocumentReply::Read(Box::new(page)));
        }
        act => return in_a_chat(user, act).await,
    }
    Ok(DocumentReply::Done)
}

/// What is about documents in a chat.
#[cfg(feature = "ssr")]
async fn in_a_chat(user: UserId, act: DocumentAct) -> Result<DocumentReply, AppError> {
    let state = crate::ssr::state()?;
    match act {
        DocumentAct::UsedIn { session } => {
            let (collections, chosen) = state.chat.of(session).await?.collections(user, session).await?;
            return Ok(DocumentReply::Used { collections, chosen });
        }
        DocumentAct::UseIn { session, collections } => {
            let session = state.chat.of(session).await?.use_collections(user, session, &collections).await?;
            return Ok(DocumentReply::Session(session));
        }
        DocumentAct::Named { session, query } => {
            let chat = state.chat.of(session).await?;
            return Ok(DocumentReply::Named(chat.named_documents(user, session, &query).await?));
        }
        DocumentAct::Attach { session, document } => {
            let session = state.chat.of(session).await?.attach(user, session, document).await?;
            return Ok(DocumentReply::Session(session));
        }
        DocumentAct::Detach { session, document } => {
            state.chat.of(Some(session)).await?.detach(user, session, document).await?;
        }
        DocumentAct::Attached { session } => {
            let chat = state.chat.of(Some(session)).await?;
            return Ok(DocumentReply::Attached(told(chat.attached(user, session).await?)));
        }
        DocumentAct::SourcesOf { session, message } => {
            return Ok(DocumentReply::Sources(
                state.chat.of(Some(session)).await?.sources(user, session, message).await?,
            ));
        }
        DocumentAct::Unsupported { session, message } => {
            return Ok(DocumentReply::Unsupported(
                state.chat.of(Some(session)).await?.unsupported(user, session, message).await?,
            ));
        }
        // The others are about no chat.
        _ => {}
    }
    Ok(DocumentReply::Done)
}

//! The door of the library.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::shelf::{ShelfAct, ShelfReply};

/// Does what a person wants with the library. What changes files or folders is for administrators.
#[server(input = Postcard, output = Postcard)]
pub async fn library(act: ShelfAct) -> Result<ShelfReply, AppError> {
    let user = crate::ssr::require_user().await?;
    let models = crate::ssr::state()?.models;
    let administrator = crate::ssr::require_administrator().await;
    match act {
        ShelfAct::Look(query) => look(&models, query, administrator.is_ok()).await,
        ShelfAct::Describe { id } => {
            let details = models.describe(&id, administrator.is_ok()).await?;
            Ok(ShelfReply::Details(Box::new(told(details))))
        }
        act => {
            administrator?;
            manage(&models, user, act).await?;
            Ok(ShelfReply::Done)
        }
    }
}

#[cfg(feature = "ssr")]
use {
    models::Models,
    types::{
        ids::UserId,
        shelf::{ManagedShelf, Shelf, ShelfQuery},
    },
};

#[cfg(feature = "ssr")]
async fn look(models: &Models, query: ShelfQuery, is_managed: bool) -> Result<ShelfReply, AppError> {
    let view = models.shelf(query).await?;
    let managed = match is_managed {
        true => Some(ManagedShelf {
            folders: models.folders().await?,
            offered: models.offered_folders().await?,
            trash: models.trash().await?,
            duplicates: models.duplicates().await?,
        }),
        false => None,
    };
    let models::ShelfView { rows, n_found, n_found_bytes, n_all, labels } = view;
    let rows = told(rows);
    Ok(ShelfReply::Shelf(Box::new(Shelf { rows, n_found, n_found_bytes, n_all, labels, managed })))
}

#[cfg(feature = "ssr")]
async fn manage(models: &Models, user: UserId, act: ShelfAct) -> Result<(), AppError> {
    match act {
        ShelfAct::Look(_) | ShelfAct::Describe { .. } => {}
        ShelfAct::Note { id, note, tags } => models.save_note(&id, &note, &tags).await?,
        ShelfAct::AddFolder { path, label } => models.add_folder(&path, &label).await?,
        ShelfAct::Decide { path, is_wanted } => models.decide_about_folder(&path, is_wanted).await?,
        ShelfAct::SetFolderOn { id, is_on } => models.set_folder_on(id, is_on).await?,
        ShelfAct::RemoveFolder { id } => models.remove_folder(id).await?,
        ShelfAct::Delete { id } => models.delete(&id).await?,
        ShelfAct::Restore { id } => models.restore(id).await?,
        ShelfAct::EmptyTrash => models.empty_trash().await?,
        ShelfAct::FindDuplicates => models.find_duplicates(user).await?,
        ShelfAct::Link { models: same } => models.link(&same).await?,
        ShelfAct::Rewrite { id, to, imatrix } => models.rewrite(user, &id, to, &imatrix).await?,
        ShelfAct::Bring { path, how } => models.bring(user, &path, how).await?,
        ShelfAct::Adopt { id, how } => models.adopt(user, &id, how).await?,
        ShelfAct::Split { id, part_bytes } => models.split(user, &id, part_bytes).await?,
        ShelfAct::Merge { id } => models.merge(user, &id).await?,
        ShelfAct::MeasureQuants { id, imatrix } => models.measure_quants(user, &id, &imatrix).await?,
        ShelfAct::Reveal { id } => models.reveal(&id).await?,
    }
    Ok(())
}

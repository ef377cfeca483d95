//! The door of finding and fetching models.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::{prelude::*, server_fn::codec::Postcard};
use types::discover::{DiscoverAct, DiscoverReply};

/// Looks for models, or does something about a download, which is for administrators.
#[server(input = Postcard, output = Postcard)]
pub async fn discover(act: DiscoverAct) -> Result<DiscoverReply, AppError> {
    let user = crate::ssr::require_user().await?;
    let models = crate::ssr::state()?.models;
    let administrator = crate::ssr::require_administrator().await;
    match act {
        DiscoverAct::Look(query) => look(&models, query, administrator.is_ok()).await,
        DiscoverAct::Repository { repo, revision, wanted } => {
            let view = models.look_at_repository(Referred { repo, revision, wanted }).await?;
            Ok(DiscoverReply::Repository(Box::new(view)))
        }
        DiscoverAct::Downloads => Ok(DiscoverReply::Downloads(told(models.downloads().await?))),
        DiscoverAct::Foresee { chosen, way } => {
            Ok(DiscoverReply::Foreseen(Box::new(models.foresee_download(&chosen, way).await?)))
        }
        act => {
            administrator?;
            manage(&models, user, act).await?;
            Ok(DiscoverReply::Done)
        }
    }
}

#[cfg(feature = "ssr")]
use {
    models::{HubPage, Models, Referred},
    types::{
        discover::{DiscoverView, HubQuery},
        ids::UserId,
    },
};

/// The hub is asked only where somebody searched. That it does not answer takes nothing else away: the catalogue is searched
/// in any case.
#[cfg(feature = "ssr")]
async fn look(models: &Models, query: HubQuery, is_managed: bool) -> Result<DiscoverReply, AppError> {
    let is_search = query != HubQuery::default();
    if let Some(referred) = models.reference(&query.text).await {
        let view = models.look_at_repository(referred).await?;
        return Ok(DiscoverReply::Repository(Box::new(view)));
    }
    let (page, problem) = match is_search {
        false => (HubPage::default(), None),
        true => match models.search_hub(&query).await {
            Ok(page) => (page, None),
            Err(err) => (HubPage::default(), Some(crate::error::capitalised(&format!("{err}.")))),
        },
    };
    // It stands before the hub's first page only.
    let catalogue = if query.cursor.is_some() { Vec::new() } else { models.catalogue(&query).await? };
    let (hub, has_token, is_offline) = models.hub_state().await;
    Ok(DiscoverReply::Looked(Box::new(DiscoverView {
        catalogue,
        found: page.found,
        next: page.next,
        problem: told(problem),
        downloads: told(models.downloads().await?),
        hub,
        has_token,
        is_offline,
        is_managed,
    })))
}

#[cfg(feature = "ssr")]
async fn manage(models: &Models, user: UserId, act: DiscoverAct) -> Result<(), AppError> {
    match act {
        DiscoverAct::Look(_)
        | DiscoverAct::Repository { .. }
        | DiscoverAct::Foresee { .. }
        | DiscoverAct::Downloads => {}
        DiscoverAct::Download(chosen) => _ = models.download(user, &chosen).await?,
        DiscoverAct::Pause { id } => models.pause_download(id).await?,
        DiscoverAct::Resume { id } => models.resume_download(id).await?,
        DiscoverAct::Remove { id } => models.remove_download(id).await?,
        DiscoverAct::First { id } => models.download_first(id).await?,
        DiscoverAct::Limits { bytes_per_second, n_parallel } => {
            models.set_download_limits(bytes_per_second, n_parallel).await?;
        }
        DiscoverAct::Token { token } => models.set_hub_token(token).await?,
    }
    Ok(())
}

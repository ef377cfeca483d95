//! The doors of the stream.

use crate::error::AppError;
#[cfg(feature = "ssr")]
use crate::reasons::told;
use leptos::prelude::*;
use leptos::server_fn::{
    BoxedStream, Websocket,
    codec::{Postcard, PostcardEncoding},
};
use serde::{Deserialize, Serialize};
use types::{
    job::JobView,
    live::{LiveCommand, LiveEvent},
    model::Residents,
    system::SystemSample,
};

/// What the frame shows before the stream speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub models: Residents,
    pub jobs: Vec<JobView>,
    pub system: SystemSample,
}

/// The state of models, jobs and machine now.
#[server(output = Postcard)]
pub async fn load_overview() -> Result<Overview, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    let jobs = state.jobs.list(user).await?;
    let models = state.engine.status().borrow().clone();
    Ok(Overview { models: told(models), jobs: told(jobs), system: state.system.latest() })
}

/// Tells everything that changes, until the page leaves.
#[server(protocol = Websocket<PostcardEncoding, PostcardEncoding>)]
pub async fn live(
    input: BoxedStream<LiveCommand, AppError>,
) -> Result<BoxedStream<LiveEvent, AppError>, AppError> {
    let user = crate::ssr::require_user().await?;
    let state = crate::ssr::state()?;
    let reader = super::feed::Reader { user, locale: crate::platform::page_locale() };
    Ok(super::feed::feed(state, reader, input).into())
}

/// Every model of the library.
#[server(output = Postcard)]
pub async fn list_models() -> Result<Vec<types::model::ModelEntry>, AppError> {
    crate::ssr::require_user().await?;
    Ok(told(crate::ssr::state()?.models.list().await))
}

/// Makes a model the one that answers, loading it as a job if it is not in memory.
#[server(output = Postcard)]
pub async fn load_model(id: types::ids::ModelId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.load(user, id).await?)
}

/// Takes a model out of memory, or cancels its load.
#[server(output = Postcard)]
pub async fn unload_model(id: types::ids::ModelId) -> Result<(), AppError> {
    crate::ssr::require_user().await?;
    crate::ssr::state()?.models.unload(id).await;
    Ok(())
}

/// Keeps a model in memory until it is unloaded by hand, or no longer.
#[server(output = Postcard)]
pub async fn pin_model(id: types::ids::ModelId, pinned: bool) -> Result<(), AppError> {
    crate::ssr::require_user().await?;
    crate::ssr::state()?.models.pin(id, pinned).await;
    Ok(())
}

/// What there is to choose from when a model is loaded.
#[server(output = Postcard)]
pub async fn launch_panel(id: types::ids::ModelId) -> Result<types::launch::LaunchPanel, AppError> {
    crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.launch_panel(&id).await?)
}

/// What loading a model so would do now.
#[server(input = Postcard, output = Postcard)]
pub async fn forecast_load(
    id: types::ids::ModelId,
    profile: types::launch::LaunchProfile,
) -> Result<Option<types::launch::Forecast>, AppError> {
    crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.forecast(&id, profile).await?)
}

/// Keeps how a model is loaded from now on.
#[server(input = Postcard, output = Postcard)]
pub async fn save_launch_profile(
    id: types::ids::ModelId,
    profile: types::launch::LaunchProfile,
) -> Result<(), AppError> {
    crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.save_launch_profile(&id, profile).await?)
}

/// Measures what ways to keep keys and values cost with a model, how fast it computes, and what a model brings that guesses for
/// it, as a job.
#[server(input = Postcard, output = Postcard)]
pub async fn measure_model(
    id: types::ids::ModelId,
    draft: Option<types::ids::ModelId>,
) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.measure(user, &id, draft.as_ref()).await?)
}

/// Fetches the starter model and loads it, as a job.
#[server(output = Postcard)]
pub async fn fetch_starter_model() -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.models.fetch_starter(user).await?)
}

/// Ends one of the caller's jobs.
#[server(output = Postcard)]
pub async fn cancel_job(id: types::ids::JobId) -> Result<(), AppError> {
    let user = crate::ssr::require_user().await?;
    Ok(crate::ssr::state()?.jobs.cancel(user, id).await?)
}

//! Every address this server answers: one table builds the router, and tests walk it.

use crate::{
    conversations, documents, images, prompt_file,
    render::Renderer,
    security::{self, Hosts},
    site::Site,
    under_way::{self, UnderWay},
    uploads,
};
use api::ApiRoute;
use app::{App, CALLS_OF_BUILD, SiteFiles, error::AppError, shell};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderName, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get, post, put},
};
use leptos::{
    prelude::{LeptosOptions, provide_context},
    server_fn::error::SERVER_FN_ERROR_HEADER,
};
use leptos_axum::{LeptosRoutes, generate_route_list};
use state::AppState;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;
use tower_http::{
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    trace::TraceLayer,
};
use types::{document::MAX_DOCUMENT_BYTES, image::MAX_IMAGE_BYTES, shelf::UPLOAD_PART_BYTES};

/// A message of a megabyte, as a form encodes it.
const PAGE_BODY_BYTES: usize = 4 * 1024 * 1024;
/// An image in the only door that takes one.
const IMAGE_BODY_BYTES: usize = MAX_IMAGE_BYTES + 1024 * 1024;
const IMAGE_DOOR: &str = "/rpc/app/pages/chat/api/add_image";
/// A document, which is written to the disk while it arrives.
const DOCUMENT_BODY_BYTES: usize = MAX_DOCUMENT_BYTES as usize + 1;
/// A long conversation as JSON.
const API_BODY_BYTES: usize = 64 * 1024 * 1024;
/// To the first byte of a page or server function; streams go on.
const PAGE_TIME: Duration = Duration::from_secs(30);
/// The same of a door that waits for an image: 21 MB in this time are a third of a megabit in a second.
const IMAGE_TIME: Duration = Duration::from_secs(10 * 60);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Whoever [`app`]'s doors accept as a person.
    Person,
}

/// Whose rows a route touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// None.
    Nobody,
    /// The caller's own, by construction: the route takes no id.
    Caller,
    /// Those an id names; the layer compares their owner with the caller.
    Checked,
}

/// A server function: its path and what it may do. Pages and API routes bring their own lists.
pub(crate) struct Door {
    pub(crate) path: &'static str,
    pub(crate) scope: Scope,
    pub(crate) owner: Owner,
}

const fn door(path: &'static str, owner: Owner) -> Door {
    Door { path, scope: Scope::Person, owner }
}

/// Every server function. A test compares this list with what the program registers.
pub(crate) const DOORS: &[Door] = &[
    door("/rpc/app/live/api/cancel_job", Owner::Checked),
    door("/rpc/app/live/api/fetch_starter_model", Owner::Caller),
    door("/rpc/app/live/api/forecast_load", Owner::Nobody),
    door("/rpc/app/live/api/launch_panel", Owner::Nobody),
    door("/rpc/app/live/api/list_models", Owner::Nobody),
    door("/rpc/app/live/api/live", Owner::Checked),
    door("/rpc/app/live/api/load_model", Owner::Caller),
    door("/rpc/app/live/api/load_overview", Owner::Caller),
    door("/rpc/app/live/api/measure_model", Owner::Caller),
    door("/rpc/app/live/api/pin_model", Owner::Nobody),
    door("/rpc/app/live/api/save_launch_profile", Owner::Nobody),
    door("/rpc/app/live/api/unload_model", Owner::Nobody),
    door("/rpc/app/pages/chat/api/act_on_session", Owner::Checked),
    door("/rpc/app/pages/chats/api/act_on_folders", Owner::Checked),
    door("/rpc/app/pages/chats/api/list_chats", Owner::Caller),
    door(IMAGE_DOOR, Owner::Caller),
    door("/rpc/app/pages/chat/api/list_sessions", Owner::Caller),
    door("/rpc/app/pages/chat/api/begin_temporary", Owner::Caller),
    door("/rpc/app/pages/chat/api/call_tools", Owner::Checked),
    door("/rpc/app/pages/chat/api/load_thread", Owner::Checked),
    door("/rpc/app/pages/tree/api/load_tree", Owner::Checked),
    door("/rpc/app/pages/chat/api/send_message", Owner::Checked),
    door("/rpc/app/pages/chat/api/weigh_message", Owner::Checked),
    door("/rpc/app/pages/probabilities/api/load_probabilities", Owner::Checked),
    door("/rpc/app/pages/saw/api/load_seen", Owner::Checked),
    door("/rpc/app/pages/setup/api/act_on_presets", Owner::Caller),
    door("/rpc/app/pages/setup/api/load_setup", Owner::Checked),
    door("/rpc/app/pages/compare/api/act_on_runs", Owner::Checked),
    door("/rpc/app/pages/compare/api/follow_run", Owner::Checked),
    door("/rpc/app/pages/compare/api/load_compare", Owner::Caller),
    door("/rpc/app/pages/compare/api/load_run", Owner::Checked),
    door("/rpc/app/pages/prompts/api/act_on_prompts", Owner::Checked),
    door("/rpc/app/pages/prompts/api/list_prompts", Owner::Caller),
    door("/rpc/app/pages/prompts/api/load_prompt", Owner::Checked),
    door("/rpc/app/pages/prompts/api/named_prompts", Owner::Caller),
    door("/rpc/app/pages/discover/api/discover", Owner::Nobody),
    door("/rpc/app/pages/documents/api/documents", Owner::Checked),
    door("/rpc/app/pages/models/api/library", Owner::Nobody),
    door("/rpc/app/pages/settings/api/load_settings", Owner::Caller),
    door("/rpc/app/pages/settings/api/remove_remote", Owner::Nobody),
    door("/rpc/app/pages/settings/api/save_remote", Owner::Nobody),
    door("/rpc/app/pages/settings/api/save_settings", Owner::Caller),
    door("/rpc/app/pages/settings/api/set_theme", Owner::Caller),
    door("/rpc/app/pages/tools/api/tools", Owner::Caller),
];

/// The whole server.
pub(crate) fn build(state: AppState, site: Site, hosts: Hosts, under_way: UnderWay) -> Router {
    let files = Arc::new(site.files());
    let build = Arc::from(files.build.as_str());
    let pages = pages(&state, site, files).layer(middleware::from_fn(in_time));
    let documents = Router::new()
        .route("/files/documents", put(documents::add))
        .route("/files/documents/{id}", get(documents::file));
    let prompts = Router::new().route("/files/prompts", put(prompt_file::import));
    let uploads = Router::new().route("/files/models", get(uploads::state).put(uploads::receive));
    let api = api::ROUTES
        .iter()
        .fold(Router::new(), |router, route: &ApiRoute| router.route(route.path, (route.handler)()))
        .route("/v1", any(api::unknown_route))
        .route("/v1/", any(api::unknown_route))
        .route("/v1/{*rest}", any(api::unknown_route))
        .route("/images/{id}", get(images::image))
        .route("/prompts.json", get(prompt_file::export))
        .layer(middleware::from_fn_with_state(under_way, under_way::count));
    let conversations = Router::new()
        .route("/chats/export/{name}", get(conversations::export_one))
        .route("/chats/export.json", get(conversations::export_all))
        .route("/chats/import", post(conversations::import));
    log_doors();
    let all = pages
        .merge(bounded(api, API_BODY_BYTES).with_state(state.clone()))
        .merge(bounded(documents, DOCUMENT_BODY_BYTES).with_state(state.clone()))
        .merge(bounded(prompts, prompt_file::IMPORT_BYTES).with_state(state.clone()))
        .merge(bounded(uploads, UPLOAD_PART_BYTES as usize).with_state(state.clone()))
        .merge(bounded(conversations, conversations::IMPORT_BYTES).with_state(state))
        .layer(middleware::from_fn(tell_status))
        .layer(middleware::from_fn(listed_doors_only));
    for_build(all, build)
        .layer(middleware::from_fn(security::add_headers))
        .layer(middleware::from_fn_with_state(hosts, security::check_request))
        .layer(middleware::from_fn(api::shape_errors))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_response(()))
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
}

/// Routes whose bodies may be as large as this, whatever is usual.
fn bounded(routes: Router<AppState>, bytes: usize) -> Router<AppState> {
    routes.layer(DefaultBodyLimit::disable()).layer(RequestBodyLimitLayer::new(bytes))
}

/// Lets pages of this build call server functions at addresses that begin with [`CALLS_OF_BUILD`], and refuses those of others:
/// postcard names nothing, so what they send would be read as something else. Forms that are sent without scripting name their
/// fields, and say no build. Where `build` is empty, any will do.
fn for_build(all: Router, build: Arc<str>) -> Router {
    // Outside of the other router, which looks at the address that is left.
    Router::new().fallback_service(all).layer(middleware::from_fn_with_state(build, of_this_build))
}

async fn of_this_build(State(build): State<Arc<str>>, mut request: Request, next: Next) -> Response {
    if let Some((build_of_page, called)) = call_of_page(request.uri()) {
        if !build.is_empty() && *build != *build_of_page {
            return AppError::Outdated.reply().into_response();
        }
        *request.uri_mut() = called;
    }
    next.run(request).await
}

/// The build of the page that calls, and what it calls.
fn call_of_page(uri: &Uri) -> Option<(String, Uri)> {
    let path = uri.path_and_query()?.as_str().strip_prefix(CALLS_OF_BUILD)?;
    let (build, called) = path.split_at_checked(path.find("/rpc/")?)?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(called.parse().ok()?);
    Some((build.to_owned(), Uri::from_parts(parts).ok()?))
}

/// Server functions answer every error with the status 500; a person's mistake is none of the server's.
async fn tell_status(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let is_error = response.status() == StatusCode::INTERNAL_SERVER_ERROR;
    if !is_error || !response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, PAGE_BODY_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    parts.status = AppError::status_of(bytes.clone());
    Response::from_parts(parts, Body::from(bytes))
}

/// A server function that the table does not list is not there: nobody has thought about who may call it.
async fn listed_doors_only(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/rpc/") && !DOORS.iter().any(|door| door.path == path) {
        return StatusCode::NOT_FOUND.into_response();
    }
    next.run(request).await
}

/// Server functions answer where they are asked; some of them with streams.
async fn page_apart(State(renderer): State<Renderer>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with("/rpc/") {
        return next.run(request).await;
    }
    renderer.render(move || next.run(request)).await
}

/// Bodies of the size of images are for their door only; whoever sends one elsewhere, or does not say how large it is, is
/// refused before it is read.
async fn small_bodies_elsewhere(request: Request, next: Next) -> Response {
    let said = request.headers().get(header::CONTENT_LENGTH);
    let length = said.and_then(|said| said.to_str().ok()?.parse::<usize>().ok());
    let is_open_ended = request.headers().contains_key(header::TRANSFER_ENCODING);
    let is_large = is_open_ended || length.is_some_and(|length| length > PAGE_BODY_BYTES);
    if is_large && request.uri().path() != IMAGE_DOOR {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    next.run(request).await
}

/// Gives up what takes too long to begin.
async fn in_time(request: Request, next: Next) -> Response {
    let most = if request.uri().path() == IMAGE_DOOR { IMAGE_TIME } else { PAGE_TIME };
    let response = timeout(most, next.run(request)).await;
    response.unwrap_or_else(|_| StatusCode::SERVICE_UNAVAILABLE.into_response())
}

fn log_doors() {
    for Door { path, scope, owner } in DOORS {
        tracing::debug!(path, ?scope, ?owner, "route");
    }
}

fn pages(state: &AppState, site: Site, files: Arc<SiteFiles>) -> Router {
    let options = LeptosOptions::builder().output_name("chaosengine").build();
    let document = {
        let files = files.clone();
        move || shell(&files)
    };
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let renderer = Renderer::new();
    let not_found = leptos_axum::render_app_async_with_context(context.clone(), document.clone());
    gallery(&files)
        .leptos_routes_with_context(&options, generate_route_list(App), context, document)
        .route_layer(middleware::from_fn_with_state(renderer.clone(), page_apart))
        .fallback(move |request: Request| {
            let (site, render, renderer) = (site.clone(), not_found.clone(), renderer.clone());
            async move { file_or_page(&site, request, |it| renderer.render(move || render(it))).await }
        })
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(IMAGE_BODY_BYTES))
        .layer(middleware::from_fn(small_bodies_elsewhere))
        .with_state(options)
}

/// `/dev/ui`, where those who change the look of the product see all of it. Only debug builds have it.
#[cfg(debug_assertions)]
fn gallery(files: &Arc<SiteFiles>) -> Router<LeptosOptions> {
    let files = files.clone();
    let render = leptos_axum::render_app_async_with_context(|| (), move || app::gallery(&files));
    Router::new().route("/dev/ui", axum::routing::get(render))
}

#[cfg(not(debug_assertions))]
fn gallery(_: &Arc<SiteFiles>) -> Router<LeptosOptions> {
    Router::new()
}

async fn file_or_page<F>(site: &Site, request: Request, render: impl FnOnce(Request<Body>) -> F) -> Response
where
    F: Future<Output = Response<Body>>,
{
    if let Some(file) = site.serve(request.uri().path(), request.headers()).await {
        return file;
    }
    if request.uri().path().starts_with("/pkg/") {
        return (
            StatusCode::NOT_FOUND,
            "This file belongs to another version of the program. Reload the page.\n",
        )
            .into_response();
    }
    render(request).await
}

/// The path without its query: what people search for is theirs.
fn span(request: &Request<Body>) -> tracing::Span {
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

#[cfg(test)]
mod tests;

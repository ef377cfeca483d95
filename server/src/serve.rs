//! `chaosengine serve`: the port opens first, the model loads behind it, and nothing is lost at the end.

use crate::{
    config::{self, Config},
    exit::Exit,
    port, purge, router,
    security::Hosts,
    site::Site,
    under_way::UnderWay,
};
use chat::{Chat, Imports, KnowsModel};
use compare::{Compare, Load, LoadError};
use futures::future::join_all;
use inference::{Engine, EngineError, Engines, Guarded, KvFiles, Limits, LlamaConfig, Remotes, Residency};
use jobs::Jobs;
use models::{Drafts, Environment, HubAccess, Library, Models, ModelsError, RemoteList, VARIABLES};
use prompts::Prompts;
use rag::{Below, Rag, ReadLimits, Reader};
use sandbox::{Bounds, RunCode, Sandbox};
use state::AppState;
use std::{
    future::IntoFuture,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::Store;
use system::{DataDir, PathError, Sampler};
use tokio_util::sync::CancellationToken;
use toolbox::Toolbox;
use tools::{Launcher, Tool};
use types::{
    ids::{ModelId, UserId},
    secret::Secret,
};

/// How long running answers may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// How long open connections may take to end after that.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Serves until it is asked to end.
pub(crate) async fn serve(config: &Config) -> Result<(), Exit> {
    let listeners = port::listen(config.host, config.port, config.port_search).await?;
    let address = listeners[0].local_addr().map_err(failed)?;
    let paths = DataDir::open(config.data_dir.as_deref()).map_err(|err| Exit::Failed(err.to_string()))?;
    let _lock = paths.lock().map_err(refused_folder)?;
    let (state, wanted) = open_layers(config, paths).await?;
    let hosts = Hosts::new(&config.names, config.host);
    let under_way = UnderWay::default();
    let router = router::build(state.clone(), Site::new(config.site.clone()), hosts, under_way.clone());

    let stop = CancellationToken::new();
    // Some doors are for those at this machine only.
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serve = |listener| {
        let server = axum::serve(listener, router.clone());
        tokio::spawn(server.with_graceful_shutdown(stop.clone().cancelled_owned()).into_future())
    };
    let servers: Vec<_> = listeners.into_iter().map(serve).collect();
    let purging = tokio::spawn(purge::again_and_again(state.clone()));
    announce(config, address)?;
    if config.load_model {
        load_model(&state, wanted).await;
    }

    wait_for_end().await;
    tracing::info!("ending: running answers get {} s", GRACE.as_secs());
    stop.cancel();
    purging.abort();
    tokio::join!(state.chat.shutdown(GRACE), state.compare.shutdown(GRACE), under_way.end(GRACE));
    state.toolbox.shutdown().await;
    state.engine.unload_all().await;
    // Pages hold their stream open for as long as they live: they are not waited for.
    _ = tokio::time::timeout(LAST_BYTES, join_all(servers)).await;
    Ok(())
}

/// Where workers keep what they computed of conversations.
fn kv_files(config: &Config, paths: &DataDir) -> KvFiles {
    let folder = paths.kv_states();
    let free_bytes = system::paths::free_bytes(paths.root()).unwrap_or(0);
    KvFiles { folder, max_bytes: config.kv_files.bytes(free_bytes) }
}

/// How workers are started.
fn worker(config: &Config, paths: &DataDir, machine_bytes: u64) -> Result<LlamaConfig, Exit> {
    let mut worker = LlamaConfig::for_current_exe().map_err(failed)?;
    worker.n_ctx = config.context;
    worker.n_sequences = config.parallel.unwrap_or(worker.n_sequences);
    worker.kv_type = config.kv_type.unwrap_or_default();
    worker.kv_files = Some(kv_files(config, paths));
    worker.saved_bytes = config.kv_memory.bytes(machine_bytes);
    worker.has_gpu = engine::COMPUTES_ON_GPU;
    Ok(worker)
}

/// The models there are, and the one that the command line named.
fn library(
    config: &Config,
    paths: &DataDir,
    worker: &LlamaConfig,
) -> Result<(Library, Option<ModelId>), Exit> {
    let named = config.model.as_deref().map(PathBuf::from).filter(|path| is_path(path));
    let library = Library::new(paths.models(), named.iter().cloned().collect(), worker.kv_type);
    let drafts = drafts(&library, config.draft_model.as_deref())?;
    if let Some(missing) = config.projector.as_ref().filter(|path| !path.is_file()) {
        return Err(Exit::Failed(format!("there is no projector {}", missing.display())));
    }
    let library = library.with_drafts(drafts).with_projector(config.projector.clone());
    let wanted = match (&named, &config.model) {
        (Some(path), _) => Some(library.id_of_named(path)),
        (None, name) => name.clone().map(ModelId),
    };
    Ok((library, wanted))
}

/// Opens everything, and says which model the command line named.
pub(crate) async fn open_layers(
    config: &Config,
    paths: DataDir,
) -> Result<(AppState, Option<ModelId>), Exit> {
    let database = paths.database();
    let database_failed = |source| Exit::Database { path: database.display().to_string(), source };
    let store = Store::open(&database).await.map_err(database_failed)?;
    let machine_bytes = system::total_memory_bytes();
    let worker = worker(config, &paths, machine_bytes)?;
    let limits = Limits {
        budget_bytes: config.model_memory.bytes(machine_bytes),
        machine_bytes,
        left_bytes: system::available_memory_bytes,
        keep_alive: config.keep_alive,
    };
    let remotes = Remotes::default();
    let local = Arc::new(Residency::new(worker.clone(), limits));
    let system = Sampler::start(config.thermal.clone());
    let readings = system.clone();
    let engine = Arc::new(Engines::new(local, remotes.clone()));
    let engine: Arc<dyn Engine> = Arc::new(Guarded::new(engine, Arc::new(move || readings.latest())));
    let jobs = Jobs::open(store.clone()).await.map_err(database_failed)?;
    let (library, wanted) = library(config, &paths, &worker)?;
    let remotes = RemoteList::open(paths.remotes(), remotes).await;
    let adapters = paths.adapters();
    let models =
        Models::new(library, Arc::clone(&engine), jobs.clone(), store.clone(), worker, remotes, adapters);
    let models = open_shelf(models, &paths).await?;
    let below = Below {
        store: store.clone(),
        jobs: jobs.clone(),
        models: models.clone(),
        engine: Arc::clone(&engine),
    };
    let documents = open_documents(below, &paths).await?;
    let prompts = Prompts::open(store.clone()).await.map_err(|err| Exit::Failed(err.to_string()))?;
    let toolbox = open_toolbox(store.clone(), &documents, &paths).await?;
    let chat = Chat::open(store.clone(), Arc::clone(&engine)).await;
    let chat = chat.map_err(|err| Exit::Failed(err.to_string()))?.with_documents(documents.clone());
    let chat = chat.with_tools(toolbox.clone()).with_approval_time(config.approval_time.0);
    let chat = chat.with_models(knowing(&models));
    let imports = Imports::open(chat.clone(), jobs.clone(), paths.imports()).await;
    let imports = imports.map_err(|err| Exit::Failed(err.to_string()))?;
    let compare = Compare::open(store, Arc::clone(&engine), loading(&models)).await;
    let compare = compare.map_err(|err| Exit::Failed(err.to_string()))?;
    let version = env!("CARGO_PKG_VERSION");
    let state = AppState {
        chat,
        compare,
        documents,
        engine,
        imports,
        jobs,
        models,
        prompts,
        system,
        toolbox,
        paths,
        version,
    };
    Ok((state, wanted))
}

async fn open_documents(below: Below, paths: &DataDir) -> Result<Rag, Exit> {
    let reader = Reader::for_current_exe(ReadLimits::default()).map_err(failed)?;
    Rag::open(below, reader, paths.documents()).await.map_err(|err| Exit::Failed(err.to_string()))
}

/// How chats find out which models there are: they know nothing of files.
fn knowing(models: &Models) -> KnowsModel {
    let models = models.clone();
    Arc::new(move |id| {
        let models = models.clone();
        Box::pin(async move { models.find(&id).await.is_some() })
    })
}

/// The library with everyone's folders, and the downloads that were under way.
async fn open_shelf(models: Models, paths: &DataDir) -> Result<Models, Exit> {
    let models = models.with_environment(places()).with_hub(hub_access(paths));
    models.open_library().await.map_err(|err| Exit::Failed(err.to_string()))?;
    models.start_downloads();
    models.start_watching();
    Ok(models)
}

/// What decides where other programs of this machine keep their models.
fn places() -> Environment {
    let variables = config::environment().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        VARIABLES.contains(&name.as_str()).then(|| (name, PathBuf::from(value)))
    });
    Environment { home: system::paths::home(), variables: variables.collect() }
}

/// Which model hub is asked, by the variables that other programs use for it, too.
fn hub_access(paths: &DataDir) -> HubAccess {
    let variable = |name: &str| {
        let (_, value) = config::environment().find(|(it, _)| it == name)?;
        value.into_string().ok().filter(|value| !value.is_empty())
    };
    let is_offline =
        variable("HF_HUB_OFFLINE").is_some_and(|it| !matches!(it.as_str(), "0" | "false" | "no"));
    let usual = HubAccess::default();
    HubAccess {
        endpoint: variable("HF_ENDPOINT").unwrap_or(usual.endpoint),
        token: variable("HF_TOKEN").map(Secret::new),
        is_offline,
        token_file: Some(paths.hub_token()),
    }
}

/// What runs programs that models write, where an administrator has installed interpreters.
async fn code_tools(folder: PathBuf) -> Vec<Arc<dyn Tool>> {
    let open = move || Sandbox::open(folder).map(|sandbox| RunCode::tools(&sandbox, &Bounds::default()));
    match tokio::task::spawn_blocking(open).await {
        Ok(Ok(tools)) => tools,
        Ok(Err(err)) => {
            tracing::warn!(error = %err, "no programs are run for models");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// Servers of tools that are switched on begin to be connected behind it.
async fn open_toolbox(store: Store, documents: &Rag, paths: &DataDir) -> Result<Toolbox, Exit> {
    let mut more = chat::document_tools(documents, &store);
    more.extend(code_tools(paths.interpreters()).await);
    let toolbox = Toolbox::open_with_keys(store, more, paths.tool_keys()).await;
    let toolbox = toolbox.map_err(|err| Exit::Failed(err.to_string()))?;
    toolbox.start_servers(Launcher::new(system::process::command, config::environment())).await;
    Ok(toolbox)
}

/// How comparisons bring a model into memory.
fn loading(models: &Models) -> Load {
    let models = models.clone();
    Arc::new(move |user, id| {
        let models = models.clone();
        Box::pin(async move {
            models.ensure_loaded(user, &id).await.map_err(|err| match err {
                ModelsError::Engine(EngineError::DoesNotFit(shortage)) => {
                    LoadError::DoesNotFit(shortage.to_string())
                }
                err => LoadError::Failed(err.to_string()),
            })
        })
    })
}

fn refused_folder(err: PathError) -> Exit {
    let sentence = err.to_string();
    if matches!(err, PathError::InUse { .. }) { Exit::InUse(sentence) } else { Exit::Failed(sentence) }
}

/// Who guesses tokens: a file, a model of the library by its name, or the one that is known for each model.
fn drafts(library: &Library, wanted: Option<&str>) -> Result<Drafts, Exit> {
    let Some(wanted) = wanted else { return Ok(Drafts::None) };
    let path = PathBuf::from(wanted);
    let found = if path.is_file() { Some(path) } else { library.path_of(&ModelId(wanted.to_owned())) };
    match found {
        Some(path) => Ok(Drafts::Model(path)),
        None if wanted == "auto" => Ok(Drafts::Known),
        None => {
            let folder = library.folder().display();
            Err(Exit::Failed(format!("there is no draft model “{wanted}” in {folder}, and no such file")))
        }
    }
}

/// Whether it is a file or a model's folder rather than a name from the library.
fn is_path(model: &Path) -> bool {
    model.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
        || model.join("config.json").is_file()
}

async fn load_model(state: &AppState, wanted: Option<ModelId>) {
    if let Err(err) = state.models.load_at_start(UserId::LOCAL, wanted).await {
        tracing::error!(error = %err, "no model was loaded at start");
    }
}

fn announce(config: &Config, address: SocketAddr) -> Result<(), Exit> {
    let (url, others) = addresses(address);
    writeln!(io::stdout(), "ChaosEngineAI is at {url}").map_err(failed)?;
    if let Some(others) = others {
        writeln!(io::stdout(), "{others}").map_err(failed)?;
    }
    if config.open {
        browser::open(&url);
    }
    Ok(())
}

/// Where whoever sits at this machine finds the server that listens on `address`, and what to tell of others.
fn addresses(address: SocketAddr) -> (String, Option<String>) {
    let (ip, port) = (address.ip(), address.port());
    if ip.to_canonical().is_loopback() {
        return (format!("http://{address}"), None);
    }
    let others = if ip.is_unspecified() {
        format!("Others on this network reach it at this machine's address, port {port}.")
    } else {
        format!("Others reach it at http://{address}.")
    };
    (format!("http://127.0.0.1:{port}"), Some(others))
}

fn failed(err: io::Error) -> Exit {
    Exit::Failed(err.to_string())
}

/// Ends with Ctrl-C, and where the system has it, with the request to terminate.
async fn wait_for_end() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = interrupted => {}
        () = signals::terminated() => {}
    }
}

#[cfg(unix)]
mod signals {
    use tokio::signal::unix::{SignalKind, signal};

    pub(super) async fn terminated() {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => _ = signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
mod signals {
    pub(super) async fn terminated() {
        std::future::pending().await
    }
}

mod browser {
    use std::path::Path;

    #[cfg(target_os = "macos")]
    const OPENER: (&str, &[&str]) = ("open", &[]);
    #[cfg(windows)]
    const OPENER: (&str, &[&str]) = ("explorer", &[]);
    #[cfg(not(any(target_os = "macos", windows)))]
    const OPENER: (&str, &[&str]) = ("xdg-open", &[]);

    /// Opens the person's browser; without one, the address stands in the terminal.
    pub(super) fn open(url: &str) {
        let (program, args) = OPENER;
        let mut command = system::process::command(Path::new(program));
        match command.args(args).arg(url).kill_on_drop(false).spawn() {
            Ok(mut child) => _ = tokio::spawn(async move { child.wait().await }),
            Err(err) => tracing::warn!(error = %err, "the browser could not be opened"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[test]
    fn whoever_sits_here_is_sent_to_this_machines_own_address() {
        let check = |listens: &str, expected: &str, others: Option<&str>| {
            let (url, said) = addresses(listens.parse().unwrap());
            assert_eq!(url, expected);
            assert!(said.as_deref().unwrap_or_default().contains(others.unwrap_or_default()), "{said:?}");
            assert_eq!(said.is_some(), others.is_some());
        };
        check("127.0.0.1:8876", "http://127.0.0.1:8876", None);
        check("[::1]:8876", "http://[::1]:8876", None);
        check("0.0.0.0:8876", "http://127.0.0.1:8876", Some("port 8876"));
        check("192.168.1.2:8876", "http://127.0.0.1:8876", Some("http://192.168.1.2:8876"));
        check("[fe80::1]:8876", "http://127.0.0.1:8876", Some("http://[fe80::1]:8876"));
    }
}

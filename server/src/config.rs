//! What the program was asked to do. The only reader of arguments and environment.

use inference::KeepAlive;
use lexopt::{Arg, Parser, ValueExt};
use std::{
    env,
    ffi::OsString,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};
use types::{ids::ModelId, kv::KvType};

/// The port people know.
pub(crate) const DEFAULT_PORT: u16 = 8876;

/// The system, the browser and what is saved of conversations need the rest.
const DEFAULT_MODEL_MEMORY: Amount = Amount::Percent(70);

/// A conversation that comes back is copied from there instead of computed.
const DEFAULT_KV_MEMORY: Amount = Amount::Percent(12);
/// Enough for weeks of conversations, and little beside what people keep.
const DEFAULT_KV_FILES: Amount = Amount::Percent(5);

const DEFAULT_KEEP_ALIVE: KeepAlive = KeepAlive::For(Duration::from_secs(30 * 60));

const DEFAULT_APPROVAL_TIME: ApprovalTime = ApprovalTime(tools::APPROVAL_TIME);
/// An answer waits with its questions, and is to end.
const APPROVAL_TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

pub(crate) const HELP: &str = "\
chaosengine: a local AI workstation, served to your browser

Usage: chaosengine [serve] [options]      serve the web app and the API (the default)
       chaosengine fetch-starter          put a small chat model into the library
       chaosengine measure kv MODEL       measure what every --kv-type, or the one given, costs with a model: a GGUF
                                          file, or a name from the library
       chaosengine measure speed MODEL    measure how fast a model computes with other threads, batches and layers of a
                                          graphics card
       chaosengine measure draft MODEL DRAFT
                                          measure how fast a model answers while another one guesses for it, and alone
       chaosengine measure fit MODEL      load a model in several ways, or with the --context and the --kv-type given, and
                                          print what each takes beside what was foretold
       chaosengine measure scan FOLDER    measure how long looking through a folder of models takes
       chaosengine measure search QUESTIONS FOLDER [MODEL]
                                          measure how well questions find their answers in the files of a folder, and how
                                          fast; a line for each question: it, the file, words of the answer; tabs between;
                                          what was found is ranked by MODEL, where one is given
       chaosengine --help | --version

Options of serve:
  --port N          listen on this port [8876]
  --port-search     if it is taken, take the next free one
  --lan             listen for the whole local network, not only for this machine
  --host ADDRESS    listen on this address, and for this machine itself
  --name HOST       also answer to this host name; may be repeated
  --model M         load this model: a GGUF file, a folder with model.safetensors, or a name from the library
  --no-model        load no model at start
  --draft-model M   let this smaller model with the same vocabulary guess tokens, where that is faster: a GGUF file, a name
                    from the library, or auto for the one of the library that is known for each model
  --projector FILE  lets the file named with --model look at images; without it, one in the model's folder is found
  --context N       the longest a conversation may become, in tokens [8192, or what the model was made for]
  --parallel N      answers that are written at the same time [16]
  --model-memory M  memory that all loaded models may take: 8G, 500M or 60% of the machine's [70%]
  --kv-type K       how keys and values are kept: f16, f32, bf16, q8, q5, q4, or apart as in q8/q5; smaller is slower
                    on most processors and less exact, see chaosengine measure kv. With +window as in f16+window, a
                    conversation may become longer than the context: the model forgets its middle [f16]
  --kv-memory M     memory that computed conversations of all models may take while others run: 4G, 500M, or 12% of
                    the machine's [12%]
  --kv-files S      files that keep computed conversations over a restart may take: 4G, 500M, 0M for none, or 5% of
                    what is free [5%]
  --keep-alive T    unload a model that nobody used for so long: 30m, 2h, 90 seconds, -1 for never; one stays,
                    the chosen one or else the one that was used last [30m]
  --approval-time T a question whether a tool may run waits so long for its answer, a second to a day [5m]
  --thermal DIR     read how hot the machine is from the thermal zones in this folder, which are as Linux has them in
                    /sys/class/thermal [what the system's own sensors tell]
  --open            open the browser

Options of every command:
  --data-dir DIR    keep everything in this folder
  --log FILTER      what to log, for example info or chat=debug [info]

Every option can also be given in the environment: CHAOSENGINE_PORT=9000, CHAOSENGINE_LAN=1, CHAOSENGINE_MODEL=…,
CHAOSENGINE_HOME for --data-dir. An argument wins over the environment.

Exit codes: 0 ended as asked · 1 failed · 2 wrong arguments · 3 the port is taken
            4 the database cannot be opened, or another server uses the folder

The web app is at http://127.0.0.1:8876, the OpenAI-compatible API at http://127.0.0.1:8876/v1.
";

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Help,
    Version,
    /// Be the worker that the server started.
    Worker,
    /// Read one document, whose name ends so, for the server that started it.
    Extract {
        ending: String,
    },
    FetchStarter(Config),
    MeasureSearch {
        questions: PathBuf,
        folder: PathBuf,
        ranker: Option<ModelId>,
        config: Config,
    },
    MeasureKv {
        model: String,
        config: Config,
    },
    MeasureSpeed {
        model: String,
        config: Config,
    },
    MeasureDraft {
        model: String,
        draft: String,
        config: Config,
    },
    /// Look through a folder of models.
    MeasureScan {
        folder: PathBuf,
        config: Config,
    },
    /// Load a model in several ways, and compare what it takes with what was foretold.
    MeasureFit {
        model: String,
        config: Config,
    },
    Serve(Config),
}

/// Of memory or of room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    Bytes(u64),
    /// Of all there is.
    Percent(u64),
}

impl Amount {
    /// In bytes, where a percentage is of `all`.
    pub(crate) fn bytes(self, all: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(percent) => all / 100 * percent,
        }
    }
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("“{text}” is no size such as 8G, 500M or 60%");
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let number: u64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
        match unit {
            '%' if number <= 1000 => Ok(Self::Percent(number)),
            'G' => number.checked_mul(1_000_000_000).map(Self::Bytes).ok_or_else(wrong),
            'M' => number.checked_mul(1_000_000).map(Self::Bytes).ok_or_else(wrong),
            _ => Err(wrong()),
        }
    }
}

/// How long a question whether a tool may run waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ApprovalTime(pub(crate) Duration);

impl FromStr for ApprovalTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(KeepAlive::For(time)) if APPROVAL_TIMES.contains(&time) => Ok(Self(time)),
            _ => Err(format!("“{text}” is no time from a second to a day, such as 90s, 10m or 2h")),
        }
    }
}

/// How to do it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) port_search: bool,
    pub(crate) names: Vec<String>,
    pub(crate) model: Option<String>,
    pub(crate) load_model: bool,
    /// A file, a name from the library, or `auto`.
    pub(crate) draft_model: Option<String>,
    pub(crate) projector: Option<PathBuf>,
    pub(crate) context: Option<u32>,
    pub(crate) parallel: Option<u32>,
    pub(crate) model_memory: Amount,
    /// `None` takes half precision, and measures all of them.
    pub(crate) kv_type: Option<KvType>,
    pub(crate) kv_memory: Amount,
    pub(crate) kv_files: Amount,
    pub(crate) keep_alive: KeepAlive,
    pub(crate) approval_time: ApprovalTime,
    /// `None` asks the system's own sensors.
    pub(crate) thermal: Option<PathBuf>,
    pub(crate) open: bool,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) log: String,
    pub(crate) site: Option<PathBuf>,
}

/// Wrong arguments: one sentence.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl From<lexopt::Error> for UsageError {
    fn from(err: lexopt::Error) -> Self {
        Self(err.to_string())
    }
}

impl Config {
    fn from_env(read: &impl Fn(&str) -> Option<OsString>) -> Result<Self, UsageError> {
        let text = |name: &str| read(name).map(|value| value.to_string_lossy().into_owned());
        let number = |name: &str| text(name).map(|value| parse(name, &value)).transpose();
        let is_set =
            |name: &str| text(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
        let lan = if is_set("CHAOSENGINE_LAN") { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
        Ok(Self {
            host: text("CHAOSENGINE_HOST").map_or(Ok(lan.into()), |host| parse("CHAOSENGINE_HOST", &host))?,
            port: text("CHAOSENGINE_PORT")
                .map_or(Ok(DEFAULT_PORT), |port| parse("CHAOSENGINE_PORT", &port))?,
            port_search: is_set("CHAOSENGINE_PORT_SEARCH"),
            names: text("CHAOSENGINE_NAME").into_iter().collect(),
            model: text("CHAOSENGINE_MODEL"),
            load_model: !is_set("CHAOSENGINE_NO_MODEL"),
            draft_model: text("CHAOSENGINE_DRAFT_MODEL"),
            projector: text("CHAOSENGINE_PROJECTOR").map(PathBuf::from),
            context: number("CHAOSENGINE_CONTEXT")?,
            parallel: number("CHAOSENGINE_PARALLEL")?,
            model_memory: text("CHAOSENGINE_MODEL_MEMORY")
                .map_or(Ok(DEFAULT_MODEL_MEMORY), |size| parse("CHAOSENGINE_MODEL_MEMORY", &size))?,
            kv_type: text("CHAOSENGINE_KV_TYPE")
                .map(|kind| parse("CHAOSENGINE_KV_TYPE", &kind))
                .transpose()?,
            kv_memory: text("CHAOSENGINE_KV_MEMORY")
                .map_or(Ok(DEFAULT_KV_MEMORY), |size| parse("CHAOSENGINE_KV_MEMORY", &size))?,
            kv_files: text("CHAOSENGINE_KV_FILES")
                .map_or(Ok(DEFAULT_KV_FILES), |size| parse("CHAOSENGINE_KV_FILES", &size))?,
            keep_alive: text("CHAOSENGINE_KEEP_ALIVE")
                .map_or(Ok(DEFAULT_KEEP_ALIVE), |time| parse("CHAOSENGINE_KEEP_ALIVE", &time))?,
            approval_time: text("CHAOSENGINE_APPROVAL_TIME")
                .map_or(Ok(DEFAULT_APPROVAL_TIME), |time| parse("CHAOSENGINE_APPROVAL_TIME", &time))?,
            thermal: text("CHAOSENGINE_THERMAL").map(PathBuf::from),
            open: is_set("CHAOSENGINE_OPEN"),
            data_dir: read("CHAOSENGINE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from),
            log: text("CHAOSENGINE_LOG").unwrap_or_else(|| "info".to_owned()),
            site: read("CHAOSENGINE_SITE").map(PathBuf::from),
        })
    }
}

/// What this process was asked to do.
pub(crate) fn read() -> Result<Action, UsageError> {
    parse_args(Parser::from_env(), &|name| env::var_os(name))
}

/// This process's environment, of which servers of tools are given a part.
pub(crate) fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os()
}

fn parse_args(mut args: Parser, env: &impl Fn(&str) -> Option<OsString>) -> Result<Action, UsageError> {
    let mut config = Config::from_env(env)?;
    let mut words: Vec<String> = Vec::new();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Action::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Action::Version),
            Arg::Long("host") => config.host = args.value()?.parse()?,
            Arg::Long("lan") => config.host = Ipv4Addr::UNSPECIFIED.into(),
            Arg::Long("port") => config.port = args.value()?.parse()?,
            Arg::Long("port-search") => config.port_search = true,
            Arg::Long("name") => config.names.push(args.value()?.string()?),
            Arg::Long("model") => config.model = Some(args.value()?.string()?),
            Arg::Long("no-model") => config.load_model = false,
            Arg::Long("draft-model") => config.draft_model = Some(args.value()?.string()?),
            Arg::Long("projector") => config.projector = Some(args.value()?.into()),
            Arg::Long("context") => config.context = Some(args.value()?.parse()?),
            Arg::Long("parallel") => config.parallel = Some(args.value()?.parse()?),
            Arg::Long("model-memory") => config.model_memory = args.value()?.parse()?,
            Arg::Long("kv-type") => config.kv_type = Some(args.value()?.parse()?),
            Arg::Long("kv-memory") => config.kv_memory = args.value()?.parse()?,
            Arg::Long("kv-files") => config.kv_files = args.value()?.parse()?,
            Arg::Long("keep-alive") => config.keep_alive = args.value()?.parse()?,
            Arg::Long("approval-time") => config.approval_time = args.value()?.parse()?,
            Arg::Long("thermal") => config.thermal = Some(args.value()?.into()),
            Arg::Long("open") => config.open = true,
            Arg::Long("data-dir") => config.data_dir = Some(args.value()?.into()),
            Arg::Long("log") => config.log = args.value()?.string()?,
            Arg::Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["serve"] => Ok(Action::Serve(config)),
        ["fetch-starter"] => Ok(Action::FetchStarter(config)),
        ["measure", "search", questions, folder, ref ranker @ ..] if ranker.len() < 2 => {
            let ranker = ranker.first().map(|model| ModelId((*model).to_owned()));
            Ok(Action::MeasureSearch { questions: questions.into(), folder: folder.into(), ranker, config })
        }
        ["measure", "scan", folder] => Ok(Action::MeasureScan { folder: folder.into(), config }),
        ["measure", "fit", model] => Ok(Action::MeasureFit { model: (*model).to_owned(), config }),
        ["measure", "speed", model] => Ok(Action::MeasureSpeed { model: (*model).to_owned(), config }),
        ["measure", "draft", model, draft] => {
            Ok(Action::MeasureDraft { model: (*model).to_owned(), draft: (*draft).to_owned(), config })
        }
        ["measure", "kv", model] => Ok(Action::MeasureKv { model: (*model).to_owned(), config }),
        ["worker"] => Ok(Action::Worker),
        ["extract", ending] => Ok(Action::Extract { ending: (*ending).to_owned() }),
        _ => Err(UsageError(format!("“{}” is no command; see chaosengine --help", words.join(" ")))),
    }
}

fn parse<T: FromStr>(name: &str, text: &str) -> Result<T, UsageError> {
    text.parse().map_err(|_| UsageError(format!("{name} cannot be “{text}”")))
}

#[cfg(test)]
mod tests;

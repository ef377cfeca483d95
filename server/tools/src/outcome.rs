//! What comes of a call.

use crate::known;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use types::{
    called::{CallFailure, CallProblem},
    image::ImageFile,
    toolbox::Source,
    tools::ToolCall,
};

/// What a tool found out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// For the model.
    pub text: String,
    /// For the person: one line, of which no word is this product's, since pages are in the person's language. Empty where
    /// nothing came of the call.
    pub shown: String,
    /// What the text relies on, in the order in which lines made by [`Source::line`] name them, from 1.
    pub sources: Vec<Source>,
    /// For the person, and for a model with eyes.
    pub images: Vec<ImageFile>,
}

impl Answer {
    /// Text for the model and one line for the person.
    pub fn new(text: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { text: text.into(), shown: shown.into(), ..Self::default() }
    }

    /// The same with what it relies on.
    pub fn with_sources(self, sources: Vec<Source>) -> Self {
        Self { sources, ..self }
    }

    /// The same with images.
    pub fn with_images(self, images: Vec<ImageFile>) -> Self {
        Self { images, ..self }
    }
}

/// Why a call came to nothing. `Display` is a sentence for both, the model and the person, and holds nothing that a
/// tool's server sent unless the server meant it as an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Failure {
    /// There is no such tool.
    #[error("there is no tool “{name}”; there are: {known}")]
    Unknown { name: String, known: String },
    /// What is wrong with the arguments.
    #[error("the arguments do not fit: {0}")]
    Arguments(String),
    /// They are longer than any that are taken.
    #[error("the arguments do not fit: they have more than {limit} bytes")]
    ArgumentsTooLong { limit: usize },
    /// The person, or what the person has set, does not allow it.
    #[error("it was not run: {0}")]
    NotAllowed(NotAllowed),
    /// Nothing came in time.
    #[error("it took longer than {} seconds and was stopped", .0.as_secs_f32())]
    TimedOut(Duration),
    /// A mistake of the tool's program.
    #[error("the tool broke down; this is a mistake in the tool, not in the call")]
    Broken,
    /// The answer has called as often as it may; what the model is told about that.
    #[error("{0}")]
    OutOfRounds(String),
    /// The tool could not do it, and says why; a page says it in the person's language where it is known.
    #[error("{sentence}")]
    Refused { sentence: String, known: Option<CallFailure> },
}

/// Why a call may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum NotAllowed {
    #[error("this tool is switched off")]
    Never,
    #[error("the person said no; do not call it again with the same arguments")]
    Denied,
    #[error("nobody answered the question whether it may run")]
    Unanswered,
}

impl Failure {
    fn cut(self) -> Self {
        let short = |text: String| cut(text, MAX_FAILURE_BYTES).0;
        match self {
            Self::Refused { sentence, known } => {
                let known = known.map(|it| CallFailure { name: crate::shown::line(&it.name), ..it });
                Self::Refused { sentence: short(sentence), known }
            }
            Self::Arguments(text) => Self::Arguments(short(text)),
            failure => failure,
        }
    }

    /// The same apart from any language; none where only the tool's own sentence says what happened.
    pub fn known(&self) -> Option<CallFailure> {
        let of = CallFailure::of::<CallProblem>;
        Some(match self {
            Self::Unknown { name, .. } if NEED_SETTING_UP.contains(&name.as_str()) => {
                of(CallProblem::NotSetUp).about(name)
            }
            Self::Unknown { .. } => of(CallProblem::Unknown),
            Self::Arguments(_) => of(CallProblem::Arguments),
            Self::ArgumentsTooLong { limit } => of(CallProblem::ArgumentsTooLong).with_number(*limit as u64),
            Self::NotAllowed(NotAllowed::Never) => of(CallProblem::SwitchedOff),
            Self::NotAllowed(NotAllowed::Denied) => of(CallProblem::Denied),
            Self::NotAllowed(NotAllowed::Unanswered) => of(CallProblem::Unanswered),
            Self::TimedOut(after) => of(CallProblem::TimedOut).with_number(known::seconds(*after)),
            Self::Broken => of(CallProblem::Broken),
            Self::OutOfRounds(_) => of(CallProblem::OutOfRounds),
            Self::Refused { known, .. } => return known.clone(),
        })
    }

    /// The tool's own sentence, which only who knows English can read: what happened, why, and what can be done.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::Refused { sentence: sentence.into(), known: None }
    }

    /// Such a sentence for the model, and the same for the page.
    pub fn refused_as(known: CallFailure, sentence: impl Into<String>) -> Self {
        Self::Refused { sentence: sentence.into(), known: Some(known) }
    }
}

/// How a call ended. Bounded, and there for every call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    pub call: ToolCall,
    /// `None` where the tool did what was asked.
    pub failure: Option<Failure>,
    /// For the model.
    pub text: String,
    /// For the person: one line, which may be empty.
    pub shown: String,
    pub sources: Vec<Source>,
    pub images: Vec<ImageFile>,
    pub duration: Duration,
    /// How many bytes the text had where not all of them are here.
    pub cut_from: Option<usize>,
}

impl Outcome {
    /// A call that came to nothing.
    pub fn failed(call: ToolCall, failure: Failure, duration: Duration) -> Self {
        let failure = failure.cut();
        let shown = crate::shown::line(&failure.to_string());
        let text = format!("Error: {failure}");
        let (sources, images) = Default::default();
        Self { call, failure: Some(failure), text, shown, sources, images, duration, cut_from: None }
    }

    /// What a tool gave, cut to size.
    pub(crate) fn done(call: ToolCall, answer: Answer, duration: Duration, text_bytes: usize) -> Self {
        let Answer { text, shown, sources, images } = answer;
        let (text, mut sources) = with_pages(text, sources);
        let n_named = named(&text, &sources);
        let (text, cut_from) = cut(text, text_bytes);
        if cut_from.is_some() && n_named == sources.len() {
            // An answer relies on nothing that the model was not given.
            sources.truncate(named(&text, &sources));
        }
        let shown = crate::shown::line(&shown);
        let images = bounded_images(images);
        Self { call, failure: None, text, shown, sources, images, duration, cut_from }
    }
}

impl Outcome {
    /// Numbers the sources from `first` on, in the text too, so that those of several calls can be told apart in one
    /// answer. Other lines that begin like one get other brackets: pages have numbers of their own, or would be taken for another
    /// page. For the outcome of a call as it came.
    pub fn number_sources_from(&mut self, first: usize) {
        if self.sources.is_empty() {
            return;
        }
        let mut sources = self.sources.iter().enumerate().peekable();
        let mut lines = Vec::new();
        for line in self.text.split('\n') {
            match sources.next_if(|(n, source)| line == source.line(n + 1)) {
                Some((n, source)) => lines.push(source.line(first + n)),
                None => lines.push(unnumbered(line)),
            }
        }
        self.text = lines.join("\n");
    }
}

/// Tools of this product that are there only once somebody has set them up.
const NEED_SETTING_UP: [&str; 4] = ["web_search", "generate_image", "run_python", "run_javascript"];
const MAX_FAILURE_BYTES: usize = 4 << 10;
const MAX_SOURCES: usize = 50;
const MAX_IMAGES: usize = 8;

/// How many of the sources the text names, each by a line of its own.
fn named(text: &str, sources: &[Source]) -> usize {
    let named = |n: usize, line: &str| sources.get(n).is_some_and(|source| line == source.line(n + 1));
    text.split('\n').fold(0, |n, line| if named(n, line) { n + 1 } else { n })
}

/// A line that does not begin like a source, which is a number and words. Lists, links and what programs print stay as they are. As
/// long as it was.
fn unnumbered(line: &str) -> String {
    let numbered = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match numbered.filter(|&(number, words)| is_number(number) && words.starts_with(char::is_alphabetic)) {
        Some((number, words)) => format!("({number}) {words}"),
        None => line.to_owned(),
    }
}

fn cut(mut text: String, limit: usize) -> (String, Option<usize>) {
    let n_bytes = text.len();
    if n_bytes <= limit {
        return (text, None);
    }
    text.truncate(text.floor_char_boundary(limit));
    text.push_str(&format!("\n[Cut here: {n_bytes} bytes, of which the first {} are above.]", text.len()));
    text.shrink_to_fit();
    (text, Some(n_bytes))
}

/// The text with those of its sources that are taken. What the others were called stays there without a number, which would be
/// that of another one.
fn with_pages(text: String, sources: Vec<Source>) -> (String, Vec<Source>) {
    if sources.is_empty() {
        return (text, sources);
    }
    let mut given = sources.into_iter().enumerate().peekable();
    let mut pages: Vec<Source> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let Some((_, source)) = given.next_if(|(n, source)| line == source.line(n + 1)) else {
            lines.push(line.to_owned());
            continue;
        };
        let source = Source { title: crate::shown::line(&source.title), url: source.url };
        if source.is_page() && pages.len() < MAX_SOURCES {
            lines.push(source.line(pages.len() + 1));
            pages.push(source);
        } else {
            lines.push(format!("- {}", source.title));
        }
    }
    // The text names them in no line of their own.
    pages.extend(given.filter_map(|(_, source)| bounded(source)));
    pages.truncate(MAX_SOURCES);
    (lines.join("\n"), pages)
}

fn bounded(source: Source) -> Option<Source> {
    source.is_page().then(|| Source { title: crate::shown::line(&source.title), url: source.url })
}

fn bounded_images(images: Vec<ImageFile>) -> Vec<ImageFile> {
    let fits =
        |image: &ImageFile| image.kind().is_some() && image.bytes().len() <= types::image::MAX_IMAGE_BYTES;
    images.into_iter().filter(fits).take(MAX_IMAGES).collect()
}

#[cfg(test)]
mod tests;

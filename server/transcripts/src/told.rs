//! What our own files tell beside what was said: how a conversation is set up, and how each answer came about. Other products'
//! files have none of it.

use serde::{Deserialize, Serialize};
use types::{
    chat::{History, MessageState, Searched, Usage},
    guard::Warning,
    ids::ModelId,
    launch::LaunchProfile,
    overrides::Overrides,
    reasoning::Effort,
};

/// The most passages of one answer, and the longest text of one, in bytes.
const MAX_QUOTES: usize = 200;
const MAX_QUOTE_BYTES: usize = 64 * 1024;
/// The most tools of one conversation, and the most collections.
const MAX_NAMES: usize = 200;
/// The longest sentence that says why an answer failed, and the longest of the other short texts, in bytes.
pub(crate) const MAX_LINE_BYTES: usize = 4 * 1024;

/// Why a call failed, as it is kept here, too. A file of another version may know other ways: those are told by the sentence
/// beside it.
pub(crate) mod failure {
    use serde::{Deserialize, Deserializer, Serializer};
    use serde_json::Value;
    use types::called::CallFailure;

    pub(crate) fn serialize<S: Serializer>(
        failure: &Option<CallFailure>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match failure {
            Some(failure) => serializer.serialize_str(&failure.written()),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<CallFailure>, D::Error> {
        let told = Value::deserialize(deserializer)?;
        Ok(told.as_str().and_then(CallFailure::read))
    }
}

/// Files of images as texts in Base64. What is none is left out.
pub(crate) mod images {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(images: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(images.iter().map(|bytes| BASE64_STANDARD.encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let told = Vec::<String>::deserialize(deserializer)?;
        Ok(told.iter().filter_map(|text| BASE64_STANDARD.decode(text).ok()).collect())
    }
}

/// How a conversation is set up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setup {
    /// What models are told first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// A JSON schema that answers fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_schema: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub sampling: Overrides,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
    /// What becomes of it once it does not fit the model.
    #[serde(skip_serializing_if = "is_default")]
    pub history: History,
    #[serde(skip_serializing_if = "is_default")]
    pub keeps_probabilities: bool,
    /// The names of the tools that its answers may call; `None` where they are those that new ones begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// The names of the collections that its answers look into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collections: Vec<String>,
    /// The model that answered last, and how it was loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// What it was forked from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// A model, and how it was loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredBy {
    pub model: ModelId,
    #[serde(default)]
    pub profile: LaunchProfile,
}

/// The conversation that another was forked from, as it can be told anywhere: by its name, and by what both have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    pub title: String,
    /// The last turn that both have, as a place in the turns of this one.
    pub turn: usize,
}

impl Setup {
    /// What a stranger's file may say.
    pub(crate) fn within_limits(self) -> Self {
        let short = |names: Vec<String>| -> Vec<String> {
            names.into_iter().take(MAX_NAMES).map(|name| cut(name, MAX_LINE_BYTES)).collect()
        };
        Self {
            tools: self.tools.map(short),
            collections: short(self.collections),
            answered_by: self.answered_by.filter(|it| it.model.0.len() <= MAX_LINE_BYTES),
            origin: self.origin.filter(|it| it.title.len() <= MAX_LINE_BYTES),
            ..self
        }
    }
}

/// How an answer came about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ended {
    /// Without one it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// How keys and values were kept, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kv: Option<String>,
    /// It came of a critique of the one before.
    #[serde(skip_serializing_if = "is_default")]
    pub is_revised: bool,
    /// How many turns before it the model was not given, and the summary that stood for them.
    #[serde(skip_serializing_if = "is_default")]
    pub n_left_out: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// A person put it in these words.
    #[serde(skip_serializing_if = "is_default")]
    pub is_corrected: bool,
    /// How many images of the turns before it the model did not see.
    #[serde(skip_serializing_if = "is_default")]
    pub n_unseen_images: u32,
    /// What searching the documents for it came to.
    #[serde(skip_serializing_if = "is_default")]
    pub searched: Searched,
    /// How earlier versions wrote that it failed.
    #[serde(skip_serializing)]
    pub without_documents: bool,
    /// What was told of the machine while it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Warning>,
    /// How long the model thought, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_ms: Option<u32>,
    /// What it was given to read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quotes: Vec<Quote>,
}

/// A passage that an answer was given to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Quote {
    /// What the answer calls it.
    pub number: u32,
    pub document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub heading: String,
    pub text: String,
    #[serde(skip_serializing_if = "is_default")]
    pub is_whole: bool,
}

impl Ended {
    /// What a stranger's file may say. What ran when it was written runs nowhere now.
    pub(crate) fn within_limits(self) -> Self {
        let short = |text: Option<String>| text.map(|text| cut(text, MAX_LINE_BYTES));
        let quote = |quote: Quote| Quote {
            document: cut(quote.document, MAX_LINE_BYTES),
            heading: cut(quote.heading, MAX_LINE_BYTES),
            text: cut(quote.text, MAX_QUOTE_BYTES),
            ..quote
        };
        Self {
            state: self.state.map(|state| match state {
                MessageState::Running => MessageState::Stopped,
                state => state,
            }),
            error: short(self.error),
            kv: short(self.kv),
            summary: self.summary.map(|text| cut(text, MAX_QUOTE_BYTES)),
            quotes: self.quotes.into_iter().take(MAX_QUOTES).map(quote).collect(),
            ..self
        }
    }
}

pub(crate) fn cut(text: String, limit: usize) -> String {
    if text.len() <= limit { text } else { text[..text.floor_char_boundary(limit)].to_owned() }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

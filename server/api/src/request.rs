//! OpenAI's requests, read leniently and checked strictly.

mod messages;
mod reasoning;
mod tools;

use crate::{caller::Names, error::ApiError, keep_alive::KeepAliveField, lenient::null_is_default};
use inference::{EngineError, Gap, GenerateRequest, Prompt, Speculation, Tenant};
use messages::{Message, turns};
use reasoning::ReasoningFields;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use tools::ToolFields;
use types::{
    chat::Guesser,
    constraint::Constraint,
    guard::GuardSettings,
    ids::UserId,
    sampling::{MAX_REPEAT_LAST_N, Mirostat, Sampling, Step},
};

/// The most answers of one request.
const MAX_CHOICES: u32 = 8;

/// The most answers of one request with several prompts.
const MAX_ANSWERS: usize = 32;

/// The most alternatives beside every token of continued text.
const MAX_TEXT_LOGPROBS: u32 = 5;

/// What both endpoints share. Fields of the API that change nothing here are ignored.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Common {
    pub(crate) model: Option<String>,
    #[serde(flatten)]
    pub(crate) names: Names,
    /// How long the model stays in memory after the answer.
    pub(crate) keep_alive: Option<KeepAliveField>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) stream: bool,
    pub(crate) stream_options: Option<StreamOptions>,
    temperature: Option<f32>,
    top_p: Option<f32>,
    /// 0, and whatever is negative: all tokens.
    top_k: Option<i64>,
    min_p: Option<f32>,
    typical_p: Option<f32>,
    top_n_sigma: Option<f32>,
    xtc_probability: Option<f32>,
    xtc_threshold: Option<f32>,
    #[serde(alias = "dynatemp_range")]
    dynamic_temperature_range: Option<f32>,
    #[serde(alias = "dynatemp_exponent")]
    dynamic_temperature_exponent: Option<f32>,
    repeat_penalty: Option<f32>,
    /// -1: as many tokens as are looked at.
    repeat_last_n: Option<i64>,
    dry_multiplier: Option<f32>,
    dry_base: Option<f32>,
    dry_allowed_length: Option<u32>,
    /// -1: all tokens.
    dry_penalty_last_n: Option<i64>,
    dry_sequence_breakers: Option<Vec<String>>,
    mirostat: Option<u32>,
    mirostat_tau: Option<f32>,
    mirostat_eta: Option<f32>,
    samplers: Option<Vec<Step>>,
    min_tokens: Option<u32>,
    ignore_eos: Option<bool>,
    /// By token id; keys of JSON objects are text.
    logit_bias: Option<BTreeMap<String, f32>>,
    presence_penalty: Option<f32>,
    frequency_penalty: Option<f32>,
    /// -1, and whatever else is negative: another one each time.
    seed: Option<i64>,
    /// -1: to the end of the context.
    max_tokens: Option<i64>,
    max_completion_tokens: Option<i64>,
    stop: Option<OneOrMany>,
    n: Option<u32>,
    /// “auto” guesses tokens where that is faster, “always” wherever there is a guess, “off” nowhere.
    speculation: Option<String>,
    response_format: Option<ResponseFormat>,
    /// By name, or by number in the list of `/lora-adapters`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) lora: Vec<Lora>,
    /// `false`: the answer goes on whatever comes of it.
    guards: Option<bool>,
    /// GBNF.
    grammar: Option<String>,
    json_schema: Option<Value>,
    regex: Option<String>,
    lark: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat {
    Text,
    /// A schema here is llama-server's addition.
    JsonObject {
        schema: Option<Value>,
    },
    /// One without a name is llama-server's shape.
    JsonSchema {
        json_schema: Option<NamedSchema>,
        schema: Option<Value>,
    },
}

/// OpenAI's `name` and `strict` change nothing here: every schema is held strictly.
#[derive(Clone, Debug, Deserialize)]
struct NamedSchema {
    schema: Option<Value>,
}

/// An adapter and its strength.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lora {
    pub(crate) id: Option<usize>,
    pub(crate) name: Option<String>,
    /// As trained where nothing is said.
    pub(crate) scale: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) include_usage: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// `POST /v1/chat/completions`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ChatRequest {
    messages: Vec<Message>,
    #[serde(default, deserialize_with = "null_is_default")]
    logprobs: bool,
    top_logprobs: Option<u32>,
    /// The last message, the assistant's, goes on where it ends.
    #[serde(default, deserialize_with = "null_is_default")]
    continue_final_message: bool,
    #[serde(flatten)]
    tools: ToolFields,
    #[serde(flatten)]
    reasoning: ReasoningFields,
    #[serde(flatten)]
    pub(crate) common: Common,
}

/// `POST /v1/completions`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct CompletionRequest {
    /// Several are answered beside each other.
    prompt: OneOrMany,
    logprobs: Option<u32>,
    echo: Option<bool>,
    /// What comes behind the answer, which stands between it and the prompt.
    suffix: Option<String>,
    best_of: Option<u32>,
    #[serde(flatten)]
    pub(crate) common: Common,
}

impl ChatRequest {
    pub(crate) fn to_generate(&self) -> Result<GenerateRequest, ApiError> {
        if self.messages.is_empty() {
            return Err(ApiError::invalid("messages", "messages must not be empty"));
        }
        let turns = turns(&self.messages)?;
        let logprobs = match (self.logprobs, self.top_logprobs) {
            (false, Some(1..)) => {
                return Err(ApiError::invalid("top_logprobs", "top_logprobs needs logprobs to be true"));
            }
            (asked, n) => asked.then_some(n.unwrap_or(0)),
        };
        let prompt = if self.continue_final_message { Prompt::Continue(turns) } else { Prompt::Chat(turns) };
        let request = GenerateRequest {
            reasoning: self.reasoning.read()?,
            tools: self.tools.read()?,
            template_values: self.reasoning.template_values(),
            ..self.common.request(prompt, logprobs)?
        };
        request.check()?;
        Ok(request)
    }
}

impl CompletionRequest {
    /// One for every prompt.
    pub(crate) fn to_generate(&self) -> Result<Vec<GenerateRequest>, ApiError> {
        let texts = match &self.prompt {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        };
        let n_answers = texts.len().saturating_mul(self.common.n_choices() as usize);
        if texts.is_empty() || n_answers > MAX_ANSWERS {
            let message =
                format!("prompt must have 1 to {MAX_ANSWERS} texts, counted once for each of n answers");
            return Err(ApiError::invalid("prompt", message));
        }
        if self.logprobs.is_some_and(|n| n > MAX_TEXT_LOGPROBS) {
            let message = format!("logprobs must be at most {MAX_TEXT_LOGPROBS}");
            return Err(ApiError::invalid("logprobs", message));
        }
        self.check_ignored()?;
        let request = |text: &String| self.common.request(self.prompt_of(text.clone()), self.logprobs);
        texts.iter().map(|text| request(text).map_err(ApiError::of_text)).collect()
    }

    fn prompt_of(&self, text: String) -> Prompt {
        match self.suffix.as_ref().filter(|suffix| !suffix.is_empty()) {
            Some(after) => {
                let gap = Gap { before: text, after: after.clone(), said: String::new() };
                Prompt::Fill(Box::new(gap))
            }
            None => Prompt::Text(text),
        }
    }

    /// Refuses what would change the answer and cannot be done.
    fn check_ignored(&self) -> Result<(), ApiError> {
        let refuse = |field: &'static str, message: &str| Err(ApiError::invalid(field, message));
        if self.echo == Some(true) {
            return refuse("echo", "echo is not supported: put the prompt before the answer yourself");
        }
        if self.best_of.is_some_and(|n| n > self.common.n_choices()) {
            return refuse("best_of", "best_of is not supported: ask for n and choose among them");
        }
        Ok(())
    }
}

impl Common {
    /// How many answers are wanted.
    pub(crate) fn n_choices(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    fn request(&self, prompt: Prompt, logprobs: Option<u32>) -> Result<GenerateRequest, ApiError> {
        if !(1..=MAX_CHOICES).contains(&self.n_choices()) {
            return Err(ApiError::invalid("n", format!("n must be between 1 and {MAX_CHOICES}")));
        }
        let sampling = self.sampling()?;
        sampling.check().map_err(EngineError::from)?;
        let stop = match self.stop.clone() {
            None => Vec::new(),
            Some(OneOrMany::One(stop)) => vec![stop],
            Some(OneOrMany::Many(stops)) => stops,
        };
        let request = GenerateRequest {
            sampling,
            stop,
            constraint: self.constraint()?,
            logprobs,
            speculation: self.speculation()?,
            ..GenerateRequest::new(prompt, Tenant(UserId::LOCAL.0))
        };
        request.check()?;
        Ok(request)
    }

    /// The person's guards, as far as this request wants them: one that goes on past every end is not stopped for
    /// what it says.
    pub(crate) fn guards(&self, usual: GuardSettings) -> GuardSettings {
        match (self.guards, self.ignore_eos) {
            (Some(false), _) => GuardSettings::NONE,
            (_, Some(true)) => usual.without_content(),
            _ => usual,
        }
    }

    fn speculation(&self) -> Result<Speculation, ApiError> {
        match self.speculation.as_deref() {
            None | Some("auto") => Ok(Speculation::Auto),
            Some("off") => Ok(Speculation::Off),
            Some("always") => Ok(Speculation::Always),
            Some(name) => {
                let guesser = Guesser::named(name).filter(|it| *it != Guesser::Nobody);
                let names: Vec<_> = Guesser::ALL[1..].iter().map(|it| format!("“{}”", it.name())).collect();
                let wrong =
                    || format!("speculation must be “auto”, “always”, “off” or one of {}", names.join(", "));
                guesser.map(Speculation::Only).ok_or_else(|| ApiError::invalid("speculation", wrong()))
            }
        }
    }

    /// Where a request is silent the API's own defaults hold, not the person's settings: programs expect them.
    fn sampling(&self) -> Result<Sampling, ApiError> {
        let usual = Sampling::default();
        Ok(Sampling {
            temperature: self.temperature.unwrap_or(1.0),
            top_p: self.top_p.unwrap_or(1.0),
            top_k: self.top_k.and_then(bounded).unwrap_or(0),
            min_p: self.min_p.unwrap_or(0.0),
            typical_p: self.typical_p.unwrap_or(1.0),
            top_n_sigma: self.top_n_sigma.unwrap_or(0.0),
            xtc_probability: self.xtc_probability.unwrap_or(0.0),
            xtc_threshold: self.xtc_threshold.unwrap_or(usual.xtc_threshold),
            dynamic_temperature_range: self.dynamic_temperature_range.unwrap_or(0.0),
            dynamic_temperature_exponent: self
                .dynamic_temperature_exponent
                .unwrap_or(usual.dynamic_temperature_exponent),
            repeat_penalty: self.repeat_penalty.unwrap_or(1.0),
            repeat_last_n: self
                .repeat_last_n
                .map_or(usual.repeat_last_n, |n| bounded(n).unwrap_or(MAX_REPEAT_LAST_N)),
            dry_multiplier: self.dry_multiplier.unwrap_or(0.0),
            dry_base: self.dry_base.unwrap_or(usual.dry_base),
            dry_allowed_length: self.dry_allowed_length.unwrap_or(usual.dry_allowed_length),
            dry_penalty_last_n: self.dry_penalty_last_n.and_then(bounded),
            dry_sequence_breakers: self.dry_sequence_breakers.clone().unwrap_or(usual.dry_sequence_breakers),
            mirostat: self.mirostat()?,
            mirostat_tau: self.mirostat_tau.unwrap_or(usual.mirostat_tau),
            mirostat_eta: self.mirostat_eta.unwrap_or(usual.mirostat_eta),
            samplers: self.samplers.clone().unwrap_or(usual.samplers),
            min_tokens: self.min_tokens.unwrap_or(0),
            ignore_eos: self.ignore_eos.unwrap_or(false),
            logit_bias: self.biases()?,
            presence_penalty: self.presence_penalty.unwrap_or(0.0),
            frequency_penalty: self.frequency_penalty.unwrap_or(0.0),
            // A negative one asks for another one each time. Larger seeds than the sampler has are folded: the same seed
            // still gives the same answer.
            seed: self.seed.filter(|seed| *seed >= 0).map(|seed| (seed ^ (seed >> 32)) as u32),
            max_tokens: self.max_completion_tokens.or(self.max_tokens).and_then(bounded),
        })
    }

    fn constraint(&self) -> Result<Option<Constraint>, ApiError> {
        let schema = |schema: &Value| Constraint::JsonSchema(schema.to_string());
        let format = match &self.response_format {
            None | Some(ResponseFormat::Text) => None,
            Some(ResponseFormat::JsonObject { schema: None }) => Some(Constraint::json_object()),
            Some(ResponseFormat::JsonObject { schema: Some(it) }) => Some(schema(it)),
            Some(ResponseFormat::JsonSchema { json_schema, schema: bare }) => {
                let named = json_schema.as_ref().and_then(|it| it.schema.as_ref());
                let missing = || {
                    ApiError::invalid(
                        "response_format",
                        "response_format needs a schema, in json_schema.schema",
                    )
                };
                Some(schema(named.or(bare.as_ref()).ok_or_else(missing)?))
            }
        };
        // Programs send an empty grammar for none.
        let grammar = self.grammar.clone().filter(|grammar| !grammar.is_empty()).map(Constraint::Gbnf);
        let all = [
            format,
            grammar,
            self.json_schema.as_ref().map(schema),
            self.regex.clone().map(Constraint::Regex),
            self.lark.clone().map(Constraint::Lark),
        ];
        let fields = ["response_format", "grammar", "json_schema", "regex", "lark"];
        let mut given = fields.into_iter().zip(all).filter_map(|(field, form)| Some((field, form?)));
        let first = given.next();
        if given.next().is_some() {
            let message = "only one of response_format, grammar, json_schema, regex and lark can be given";
            return Err(ApiError::invalid("response_format", message));
        }
        let Some((field, form)) = first else { return Ok(None) };
        form.check().map_err(|err| ApiError::invalid(field, err.to_string()))?;
        Ok(Some(form))
    }

    fn mirostat(&self) -> Result<Mirostat, ApiError> {
        match self.mirostat {
            None | Some(0) => Ok(Mirostat::Off),
            Some(1) => Ok(Mirostat::V1),
            Some(2) => Ok(Mirostat::V2),
            Some(_) => Err(ApiError::invalid("mirostat", "mirostat must be 0, 1 or 2")),
        }
    }

    fn biases(&self) -> Result<Vec<(u32, f32)>, ApiError> {
        let bias = |(token, &bias): (&String, &f32)| match token.parse() {
            Ok(token) => Ok((token, bias)),
            Err(_) => Err(ApiError::invalid("logit_bias", format!("“{token}” is no token id"))),
        };
        self.logit_bias.iter().flatten().map(bias).collect()
    }
}

/// A number of tokens; `None` where it is negative, which stands for no bound.
fn bounded(n: i64) -> Option<u32> {
    (n >= 0).then(|| u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;

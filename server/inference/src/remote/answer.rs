//! An answer as OpenAI's API streams it, piece by piece. Pure.

use super::{RemoteProblem, problem::shown, thinking::Splitter};
use crate::{GenerateEvent, TokenLogprob};
use serde::Deserialize;
use serde_json::Value;
use types::{
    chat::{FinishReason, Usage},
    tools::{CallPiece, MAX_CALLS},
};

/// More text than any model writes.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// What the stream's last event says.
const END: &str = "[DONE]";

/// What has come of one answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    n_bytes: usize,
    /// Pieces of text, or tokens where they are told.
    n_tokens: u32,
    /// The call that is being written, by the server's count, and how many there were.
    call: Option<u32>,
    n_calls: usize,
    /// Of what a chat says.
    splitter: Splitter,
    reason: Option<FinishReason>,
    counts: Option<Counts>,
    is_over: bool,
}

#[derive(Debug, Deserialize)]
struct Piece {
    choices: Option<Vec<Choice>>,
    usage: Option<Counts>,
    error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    delta: Option<Delta>,
    text: Option<String>,
    finish_reason: Option<String>,
    logprobs: Option<Logprobs>,
}

#[derive(Debug, Deserialize)]
struct Delta {
    content: Option<String>,
    /// What is thought, by DeepSeek's name, which most servers took over.
    reasoning_content: Option<Value>,
    /// By OpenRouter's name, which newer vLLM has, too.
    reasoning: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

impl Delta {
    /// What is thought. Servers that use both names say the same in both.
    fn thought(&self) -> String {
        let names = [&self.reasoning_content, &self.reasoning].into_iter().flatten();
        names.filter_map(Value::as_str).find(|text| !text.is_empty()).unwrap_or_default().to_owned()
    }
}

/// What a call adds. Servers that tell a call whole may leave its number out.
#[derive(Debug, Deserialize)]
struct CallDelta {
    index: Option<u32>,
    function: Option<FunctionDelta>,
}

#[derive(Debug, Deserialize)]
struct FunctionDelta {
    name: Option<String>,
    arguments: Option<String>,
}

/// Of a chat, or of continued text.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Logprobs {
    Chat {
        content: Vec<ChatToken>,
    },
    Text {
        tokens: Vec<String>,
        token_logprobs: Vec<Option<f32>>,
        top_logprobs: Option<Vec<Option<std::collections::BTreeMap<String, f32>>>>,
    },
    Other(serde::de::IgnoredAny),
}

#[derive(Debug, Deserialize)]
struct ChatToken {
    token: String,
    bytes: Option<Vec<u8>>,
    logprob: f32,
    #[serde(default)]
    top_logprobs: Vec<ChatToken>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Counts {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
    prompt_tokens_details: Option<PromptCounts>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct PromptCounts {
    cached_tokens: Option<u32>,
}

impl Answer {
    /// What the data of one event say.
    pub(super) fn take(&mut self, data: &str) -> Result<Option<GenerateEvent>, RemoteProblem> {
        if data.trim() == END {
            self.is_over = true;
            let (text, reasoning) = self.splitter.end();
            return Ok(self.event(text, reasoning, Vec::new(), Vec::new()));
        }
        let piece: Piece = serde_json::from_str(data).map_err(|_| {
            RemoteProblem::Garbage(format!("“{}”", shown(data).chars().take(60).collect::<String>()))
        })?;
        if let Some(error) = piece.error {
            let message = error.get("message").and_then(Value::as_str).or_else(|| error.as_str());
            return Err(RemoteProblem::BrokeOff(shown(message.unwrap_or("it does not say why"))));
        }
        self.counts = piece.usage.or(self.counts);
        let choice = piece.choices.and_then(|choices| choices.into_iter().next()).unwrap_or_default();
        self.reason = choice.finish_reason.as_deref().map(reason).or(self.reason);
        let (mut text, mut reasoning) = (choice.text.unwrap_or_default(), String::new());
        let (mut calls, is_chat) = (Vec::new(), choice.delta.is_some());
        if let Some(delta) = choice.delta {
            reasoning = delta.thought();
            calls = self.calls(delta.tool_calls.unwrap_or_default())?;
            text.push_str(&delta.content.unwrap_or_default());
        }
        let logprobs = choice.logprobs.map(tokens).unwrap_or_default();
        self.n_bytes += text.len() + reasoning.len() + calls.iter().map(n_bytes).sum::<usize>();
        if self.n_bytes > MAX_ANSWER_BYTES {
            return Err(RemoteProblem::Garbage("it is endless".to_owned()));
        }
        if text.is_empty() && reasoning.is_empty() && calls.is_empty() && logprobs.is_empty() {
            return Ok(None);
        }
        self.n_tokens += (logprobs.len() as u32).max(1);
        if is_chat {
            let (said, thought) = self.splitter.feed(&text);
            text = said;
            reasoning.push_str(&thought);
        }
        Ok(self.event(text, reasoning, calls, logprobs))
    }

    /// `None` where nothing came.
    fn event(
        &self,
        text: String,
        reasoning: String,
        calls: Vec<CallPiece>,
        logprobs: Vec<TokenLogprob>,
    ) -> Option<GenerateEvent> {
        let is_nothing = text.is_empty() && reasoning.is_empty() && calls.is_empty() && logprobs.is_empty();
        (!is_nothing).then(|| GenerateEvent::Text { text, reasoning, calls, logprobs, usage: self.usage() })
    }

    /// The pieces of calls, one call after the other: what goes back to an earlier one belongs nowhere.
    fn calls(&mut self, deltas: Vec<CallDelta>) -> Result<Vec<CallPiece>, RemoteProblem> {
        let mut pieces = Vec::new();
        for delta in deltas {
            let Some(function) = delta.function else { continue };
            let index = delta.index.or(self.call).unwrap_or(0);
            let name = function.name.filter(|name| !name.is_empty());
            match (name, self.call) {
                (Some(name), call) if call.is_none_or(|call| index > call) || delta.index.is_none() => {
                    self.n_calls += 1;
                    if self.n_calls > MAX_CALLS {
                        return Err(RemoteProblem::Garbage(format!("more than {MAX_CALLS} calls")));
                    }
                    self.call = Some(index);
                    pieces.push(CallPiece::Begin { name });
                }
                (_, Some(call)) if call == index => {}
                _ => return Err(RemoteProblem::Garbage("calls in no order".to_owned())),
            }
            let arguments = function.arguments.filter(|arguments| !arguments.is_empty());
            pieces.extend(arguments.map(CallPiece::Arguments));
        }
        Ok(pieces)
    }

    /// The end was announced: what may still come are the counts.
    pub(super) fn has_ended(&self) -> bool {
        self.is_over || self.reason.is_some()
    }

    /// Nothing more will come.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Why it ended. Servers that say nothing have ended by themselves.
    pub(super) fn reason(&self) -> FinishReason {
        self.reason.unwrap_or(FinishReason::Stop)
    }

    /// What the server has counted, else what has come. Times are for the caller to add.
    pub(super) fn usage(&self) -> Usage {
        let Some(counts) = self.counts else {
            return Usage { n_generated_tokens: self.n_tokens, ..Usage::default() };
        };
        Usage {
            n_prompt_tokens: counts.prompt_tokens,
            n_cached_tokens: counts.prompt_tokens_details.and_then(|it| it.cached_tokens).unwrap_or(0),
            n_generated_tokens: counts.completion_tokens,
            ..Usage::default()
        }
    }
}

fn n_bytes(piece: &CallPiece) -> usize {
    match piece {
        CallPiece::Begin { name } => name.len(),
        CallPiece::Arguments(text) => text.len(),
    }
}

fn reason(name: &str) -> FinishReason {
    match name {
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        _ => FinishReason::Stop,
    }
}

fn tokens(logprobs: Logprobs) -> Vec<TokenLogprob> {
    match logprobs {
        Logprobs::Chat { content } => content.into_iter().map(chat_token).collect(),
        Logprobs::Text { tokens, token_logprobs, top_logprobs } => {
            let mut tops = top_logprobs.unwrap_or_default().into_iter();
            let token = |(token, logprob): (String, Option<f32>)| {
                let top = tops.next().flatten().unwrap_or_default();
                let mut top: Vec<_> =
                    top.into_iter().map(|(token, logprob)| (token.into_bytes(), logprob)).collect();
                top.sort_by(|a, b| b.1.total_cmp(&a.1));
                TokenLogprob { bytes: token.into_bytes(), logprob: logprob.unwrap_or(0.0), top }
            };
            tokens.into_iter().zip(token_logprobs).map(token).collect()
        }
        Logprobs::Other(_) => Vec::new(),
    }
}

fn chat_token(token: ChatToken) -> TokenLogprob {
    let bytes = |token: String, bytes: Option<Vec<u8>>| bytes.unwrap_or_else(|| token.into_bytes());
    let top = token.top_logprobs.into_iter().map(|it| (bytes(it.token, it.bytes), it.logprob)).collect();
    TokenLogprob { bytes: bytes(token.token, token.bytes), logprob: token.logprob, top }
}

#[cfg(test)]
mod tests;

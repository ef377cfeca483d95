//! A request as OpenAI's API takes it. Pure.

use super::RemoteProblem;
use crate::{Gap, GenerateRequest, Prompt};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use types::{
    chat::{ChatTurn, Role},
    constraint::Constraint,
    image::ImageKind,
    reasoning::{Effort, Reasoning},
    remote::Dialect,
    sampling::{Mirostat, Sampling},
    tools::{Tool, ToolCall, ToolChoice, ToolUse},
};

/// What a server is asked that cannot be given the beginning of an answer. llama.cpp's goes on with a last message of
/// the assistant by itself.
const GO_ON: &str = "Go on exactly where your last message ends, without repeating or introducing anything.";

/// The function of the API that a prompt of this kind is sent to.
pub(super) fn function(prompt: &Prompt) -> &'static str {
    match prompt {
        Prompt::Chat(_) | Prompt::Continue(_) => "chat/completions",
        Prompt::Text(_) | Prompt::Fill(_) => "completions",
    }
}

/// The request's body. What the other side is not known to understand is refused where it changes what the answer is, and
/// left out where it only changes how it is chosen.
pub(super) fn body(model: &str, dialect: Dialect, request: &GenerateRequest) -> Result<Value, RemoteProblem> {
    if !request.adapters.is_empty() {
        return Err(RemoteProblem::Unsupported("LoRA adapter".to_owned()));
    }
    let mut body = Map::new();
    body.insert("model".into(), json!(model));
    match &request.prompt {
        Prompt::Chat(turns) => body.insert("messages".into(), turns.iter().map(message).collect()),
        Prompt::Continue(turns) => {
            let asked = (dialect != Dialect::Llama).then(|| ChatTurn::new(Role::User, GO_ON));
            body.insert("messages".into(), turns.iter().chain(&asked).map(message).collect())
        }
        Prompt::Text(text) => body.insert("prompt".into(), json!(text)),
        Prompt::Fill(gap) => {
            let Gap { before, after, said } = &**gap;
            body.insert("suffix".into(), json!(after));
            body.insert("prompt".into(), json!(format!("{before}{said}")))
        }
    };
    body.insert("stream".into(), json!(true));
    body.insert("stream_options".into(), json!({"include_usage": true}));
    add_sampling(&mut body, dialect, &request.sampling);
    if !request.stop.is_empty() {
        body.insert("stop".into(), json!(request.stop));
    }
    if let Some(constraint) = &request.constraint {
        add_constraint(&mut body, dialect, constraint)?;
    }
    if let Some(tools) = &request.tools {
        add_tools(&mut body, tools)?;
    }
    if !matches!(request.prompt, Prompt::Text(_) | Prompt::Fill(_)) {
        add_thinking(&mut body, dialect, request)?;
    }
    if let Some(n) = request.logprobs {
        add_logprobs(&mut body, &request.prompt, n);
    }
    Ok(Value::Object(body))
}

fn message(turn: &ChatTurn) -> Value {
    let role = match turn.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut message = json!({"role": role, "content": content(turn)});
    if !turn.calls.is_empty() {
        message["tool_calls"] = turn.calls.iter().map(call).collect();
        if turn.content.is_empty() {
            message["content"] = Value::Null;
        }
    }
    if let Some(id) = &turn.call_id {
        message["tool_call_id"] = json!(id);
    }
    message
}

fn content(turn: &ChatTurn) -> Value {
    if turn.images.is_empty() {
        return json!(turn.content);
    }
    let text = |text: &str| (!text.is_empty()).then(|| json!({"type": "text", "text": text}));
    let mut parts = Vec::new();
    let mut from = 0;
    for image in &turn.images {
        let at = if turn.content.is_char_boundary(image.at) { image.at.max(from) } else { from };
        parts.extend(text(&turn.content[from..at]));
        let kind = image.file.kind().map_or("application/octet-stream", ImageKind::media_type);
        let url = format!("data:{kind};base64,{}", BASE64_STANDARD.encode(image.file.bytes()));
        parts.push(json!({"type": "image_url", "image_url": {"url": url}}));
        from = at;
    }
    parts.extend(text(&turn.content[from..]));
    Value::Array(parts)
}

fn call(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments});
    json!({"id": call.id, "type": "function", "function": function})
}

fn add_tools(body: &mut Map<String, Value>, tools: &ToolUse) -> Result<(), RemoteProblem> {
    let list = tools.tools.iter().map(tool).collect::<Result<_, _>>()?;
    let choice = match &tools.choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
    };
    body.insert("tools".into(), Value::Array(list));
    body.insert("tool_choice".into(), choice);
    if !tools.in_parallel {
        body.insert("parallel_tool_calls".into(), json!(false));
    }
    Ok(())
}

fn tool(tool: &Tool) -> Result<Value, RemoteProblem> {
    let parameters: Value = serde_json::from_str(&tool.parameters)
        .map_err(|_| RemoteProblem::Unsupported("schema that is no JSON".to_owned()))?;
    let function = json!({"name": tool.name, "description": tool.description, "parameters": parameters});
    Ok(json!({"type": "function", "function": function}))
}

fn add_sampling(body: &mut Map<String, Value>, dialect: Dialect, sampling: &Sampling) {
    let mut add = |name: &str, value: Value| body.insert(name.to_owned(), value);
    add("temperature", json!(sampling.temperature));
    add("top_p", json!(sampling.top_p));
    if sampling.presence_penalty != 0.0 {
        add("presence_penalty", json!(sampling.presence_penalty));
    }
    if sampling.frequency_penalty != 0.0 {
        add("frequency_penalty", json!(sampling.frequency_penalty));
    }
    if let Some(seed) = sampling.seed {
        add("seed", json!(seed));
    }
    if let Some(n) = sampling.max_tokens {
        // OpenAI's newer models refuse the older name; the others know only that one.
        add(if dialect == Dialect::OpenAi { "max_completion_tokens" } else { "max_tokens" }, json!(n));
    }
    if !sampling.logit_bias.is_empty() {
        let biases = sampling.logit_bias.iter().map(|(token, bias)| (token.to_string(), json!(bias)));
        add("logit_bias", Value::Object(biases.collect()));
    }
    if dialect == Dialect::Llama {
        add_llama_sampling(body, sampling);
    }
}

fn add_llama_sampling(body: &mut Map<String, Value>, sampling: &Sampling) {
    let mirostat = match sampling.mirostat {
        Mirostat::Off => 0,
        Mirostat::V1 => 1,
        Mirostat::V2 => 2,
    };
    let fields = [
        ("top_k", json!(sampling.top_k)),
        ("min_p", json!(sampling.min_p)),
        ("typical_p", json!(sampling.typical_p)),
        ("top_n_sigma", json!(sampling.top_n_sigma)),
        ("xtc_probability", json!(sampling.xtc_probability)),
        ("xtc_threshold", json!(sampling.xtc_threshold)),
        ("dynatemp_range", json!(sampling.dynamic_temperature_range)),
        ("dynatemp_exponent", json!(sampling.dynamic_temperature_exponent)),
        ("repeat_penalty", json!(sampling.repeat_penalty)),
        ("repeat_last_n", json!(sampling.repeat_last_n)),
        ("dry_multiplier", json!(sampling.dry_multiplier)),
        ("dry_base", json!(sampling.dry_base)),
        ("dry_allowed_length", json!(sampling.dry_allowed_length)),
        ("dry_penalty_last_n", sampling.dry_penalty_last_n.map_or(json!(-1), |n| json!(n))),
        ("dry_sequence_breakers", json!(sampling.dry_sequence_breakers)),
        ("mirostat", json!(mirostat)),
        ("mirostat_tau", json!(sampling.mirostat_tau)),
        ("mirostat_eta", json!(sampling.mirostat_eta)),
        ("samplers", json!(sampling.samplers)),
        ("min_tokens", json!(sampling.min_tokens)),
        ("ignore_eos", json!(sampling.ignore_eos)),
    ];
    body.extend(fields.map(|(name, value)| (name.to_owned(), value)));
}

fn add_constraint(
    body: &mut Map<String, Value>,
    dialect: Dialect,
    constraint: &Constraint,
) -> Result<(), RemoteProblem> {
    let (name, value) = match constraint {
        Constraint::JsonSchema(source) => ("response_format", json_format(source)?),
        Constraint::Gbnf(source) if dialect == Dialect::Llama => ("grammar", json!(source)),
        Constraint::Regex(source) if dialect == Dialect::Llama => ("regex", json!(source)),
        Constraint::Lark(source) if dialect == Dialect::Llama => ("lark", json!(source)),
        other => return Err(RemoteProblem::Unsupported(other.kind().to_owned())),
    };
    body.insert(name.to_owned(), value);
    Ok(())
}

fn json_format(source: &str) -> Result<Value, RemoteProblem> {
    if *source == *Constraint::json_object().source() {
        return Ok(json!({"type": "json_object"}));
    }
    let schema: Value = serde_json::from_str(source)
        .map_err(|_| RemoteProblem::Unsupported("schema that is no JSON".to_owned()))?;
    Ok(json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": true}}))
}

/// How much to think, by OpenAI's name for it. Who knows more fields than OpenAI's is also given values for the model's template, and
/// a bound.
fn add_thinking(
    body: &mut Map<String, Value>,
    dialect: Dialect,
    request: &GenerateRequest,
) -> Result<(), RemoteProblem> {
    let Reasoning { effort, max_tokens } = request.reasoning;
    if let Some(effort) = effort {
        body.insert("reasoning_effort".into(), json!(effort.name()));
    }
    if dialect != Dialect::Llama {
        return Ok(());
    }
    let mut values: Map<String, Value> = match &request.template_values {
        Some(values) => serde_json::from_str(values)
            .map_err(|_| RemoteProblem::Unsupported("value for templates that is no JSON".to_owned()))?,
        None => Map::new(),
    };
    if effort == Some(Effort::None) {
        values.entry("enable_thinking").or_insert(json!(false));
    }
    if !values.is_empty() {
        body.insert("chat_template_kwargs".into(), Value::Object(values));
    }
    if let Some(n) = max_tokens {
        body.insert("reasoning".into(), json!({"max_tokens": n}));
    }
    Ok(())
}

fn add_logprobs(body: &mut Map<String, Value>, prompt: &Prompt, n: u32) {
    match prompt {
        Prompt::Chat(_) | Prompt::Continue(_) => {
            body.insert("logprobs".into(), json!(true));
            body.insert("top_logprobs".into(), json!(n));
        }
        Prompt::Text(_) | Prompt::Fill(_) => {
            body.insert("logprobs".into(), json!(n));
        }
    }
}

#[cfg(test)]
mod tests;

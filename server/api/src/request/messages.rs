//! What was said before, in OpenAI's shape.

use crate::{error::ApiError, lenient::null_is_default};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeSet, fmt};
use types::{
    chat::{ChatTurn, Role},
    image::{ImageFile, MAX_IMAGE_BYTES, TurnImage},
    tools::{MAX_CALL_ID_BYTES, MAX_TURN_CALLS, ToolCall, is_name},
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    role: String,
    content: Option<Content>,
    /// What the assistant thought.
    reasoning_content: Option<String>,
    /// Other servers' name of that.
    reasoning: Option<Value>,
    tool_calls: Option<Vec<Call>>,
    tool_call_id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    image_url: Option<ImageUrl>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum ImageUrl {
    Url {
        url: String,
    },
    /// As some programs write it.
    Plain(String),
}

impl fmt::Debug for ImageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ImageUrl")
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Call {
    id: String,
    function: Called,
}

#[derive(Clone, Debug, Deserialize)]
struct Called {
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    arguments: String,
}

/// The conversation. Every result belongs to a call before it.
pub(super) fn turns(messages: &[Message]) -> Result<Vec<ChatTurn>, ApiError> {
    let mut open = BTreeSet::new();
    messages.iter().map(|message| turn(message, &mut open)).collect()
}

/// `open` are the calls without a result.
fn turn(message: &Message, open: &mut BTreeSet<String>) -> Result<ChatTurn, ApiError> {
    let role = match message.role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => return Err(invalid(format!("the role “{other}” is not supported"))),
    };
    let mut turn = match &message.content {
        None => ChatTurn::new(role, ""),
        Some(Content::Text(text)) => ChatTurn::new(role, text),
        Some(Content::Parts(parts)) => of_parts(role, parts)?,
    };
    match role {
        Role::Assistant => {
            let thought = message.reasoning_content.as_deref();
            let thought = thought.or_else(|| message.reasoning.as_ref()?.as_str());
            turn.reasoning = thought.unwrap_or_default().to_owned();
            turn.calls = calls(message.tool_calls.as_deref().unwrap_or_default())?;
            open.extend(turn.calls.iter().map(|call| call.id.clone()));
        }
        Role::Tool => {
            let id =
                message.tool_call_id.clone().ok_or_else(|| invalid("a tool message needs tool_call_id"))?;
            if !open.remove(&id) {
                let message = "tool_call_id must be that of a call before it, which has no result yet";
                return Err(invalid(message));
            }
            turn.call_id = Some(id);
        }
        Role::System | Role::User => {}
    }
    Ok(turn)
}

/// Arguments are taken as they are: those of a call that broke off are half an object, and the conversation goes on nevertheless.
fn calls(calls: &[Call]) -> Result<Vec<ToolCall>, ApiError> {
    if calls.len() > MAX_TURN_CALLS {
        return Err(invalid(format!("a message can have {MAX_TURN_CALLS} tool_calls, not {}", calls.len())));
    }
    let mut ids = BTreeSet::new();
    for Call { id, function } in calls {
        if !(1..=MAX_CALL_ID_BYTES).contains(&id.len()) {
            return Err(invalid(format!("the id of a call must have 1 to {MAX_CALL_ID_BYTES} bytes")));
        }
        if !ids.insert(id) {
            return Err(invalid("two calls of a message have the same id"));
        }
        if !is_name(&function.name) {
            return Err(invalid("the name of a called function must be letters, digits, _ and -"));
        }
    }
    let call = |call: &Call| ToolCall {
        id: call.id.clone(),
        name: call.function.name.clone(),
        arguments: arguments(&call.function).to_owned(),
    };
    Ok(calls.iter().map(call).collect())
}

/// Some programs write no arguments as nothing.
fn arguments(function: &Called) -> &str {
    if function.arguments.trim().is_empty() { "{}" } else { &function.arguments }
}

/// Texts that follow each other are lines; an image stands between what comes before and behind it.
fn of_parts(role: Role, parts: &[Part]) -> Result<ChatTurn, ApiError> {
    let mut turn = ChatTurn::new(role, "");
    let mut was_text = false;
    for part in parts {
        match (part.kind.as_str(), &part.text, &part.image_url) {
            ("text", Some(text), _) => {
                if was_text {
                    turn.content.push('\n');
                }
                turn.content.push_str(text);
                was_text = true;
            }
            ("image_url", _, Some(ImageUrl::Url { url } | ImageUrl::Plain(url))) if role == Role::User => {
                turn.images.push(TurnImage { at: turn.content.len(), file: image(url)? });
                was_text = false;
            }
            ("image_url", _, None) => return Err(invalid("a part of type “image_url” needs an image_url")),
            ("image_url", ..) => return Err(invalid("only what the user says can have an image_url")),
            (kind, ..) => return Err(invalid(format!("content of type “{kind}” is not supported"))),
        }
    }
    Ok(turn)
}

/// The image in a `data:` address. Others are not fetched: nothing leaves this machine unasked.
fn image(url: &str) -> Result<ImageFile, ApiError> {
    let rest = url.strip_prefix("data:").ok_or_else(|| {
        invalid("images are taken from data: addresses only; put the image itself there, in base64")
    })?;
    let data = rest.split_once(',').filter(|(head, _)| head.ends_with(";base64")).map(|(_, data)| data);
    let data = data.ok_or_else(|| invalid("an image's data: address must be in base64"))?;
    if data.len() / 4 * 3 > MAX_IMAGE_BYTES + 3 {
        return Err(invalid(format!("an image can have {} MiB", MAX_IMAGE_BYTES >> 20)));
    }
    let bytes = BASE64_STANDARD.decode(data).map_err(|_| invalid("an image's base64 is damaged"))?;
    let file = ImageFile::new(bytes);
    if file.kind().is_none() {
        return Err(invalid("an image must be a PNG, JPEG, WebP, GIF, BMP or TIFF file"));
    }
    Ok(file)
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::invalid("messages", message)
}

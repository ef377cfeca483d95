//! What other products export.

use crate::{Ended, MAX_TAGS, Transcript, Turn, arrange::Told};
use serde_json::Value;
use types::chat::Role;

/// A conversation as its file tells it.
pub(crate) struct Chat {
    pub(crate) head: Transcript,
    pub(crate) told: Vec<Told>,
    pub(crate) shown: Option<String>,
}

/// An entry of a file, if it is known whose it is.
pub(crate) fn read(entry: &Value) -> Option<Chat> {
    if entry["mapping"].is_object() {
        return Some(chatgpt(entry));
    }
    let open_webui = if entry["chat"].is_object() { &entry["chat"] } else { entry };
    if open_webui["history"]["messages"].is_object() {
        return Some(open_webui_chat(entry, open_webui));
    }
    let messages = entry["messages"].as_array()?;
    messages.iter().any(|message| message["versions"].is_array()).then(|| lm_studio(entry, messages))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn words(value: &Value) -> Vec<String> {
    let words = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    words.take(MAX_TAGS).map(str::to_owned).collect()
}

/// Seconds or milliseconds since 1970, whichever makes it a time of ours.
#[expect(clippy::cast_possible_truncation, reason = "a time that is no time becomes one far away")]
fn ms(value: &Value) -> i64 {
    const FIRST_MS: f64 = 1e11;
    let number = value.as_f64().unwrap_or_default();
    if number.abs() < FIRST_MS { (number * 1000.0) as i64 } else { number as i64 }
}

fn role(name: &Value) -> Option<Role> {
    match name.as_str()? {
        "user" => Some(Role::User),
        "assistant" => Some(Role::Assistant),
        _ => None,
    }
}

fn said(role: Role, text: String, created_ms: i64) -> Turn {
    Turn {
        parent: None,
        role,
        text,
        reasoning: None,
        calls: Vec::new(),
        model: None,
        created_ms,
        images: Vec::new(),
        documents: Vec::new(),
        ended: Ended::default(),
    }
}

/// A tree of nodes, some of which nobody sees: hidden instructions, what tools were told and gave back.
fn chatgpt(entry: &Value) -> Chat {
    let nodes = entry["mapping"].as_object().into_iter().flatten();
    let told = nodes.map(|(id, node)| Told {
        id: id.clone(),
        parent: node["parent"].as_str().map(str::to_owned),
        turn: chatgpt_turn(&node["message"]),
    });
    Chat {
        told: told.collect(),
        shown: entry["current_node"].as_str().map(str::to_owned),
        head: Transcript {
            title: text(&entry["title"]),
            archived: entry["is_archived"] == true,
            created_ms: ms(&entry["create_time"]),
            updated_ms: ms(&entry["update_time"]),
            ..Transcript::default()
        },
    }
}

fn chatgpt_turn(message: &Value) -> Option<Turn> {
    let role = role(&message["author"]["role"])?;
    let is_for_tools = message["recipient"].as_str().is_some_and(|it| it != "all");
    if is_for_tools || message["metadata"]["is_visually_hidden_from_conversation"] == true {
        return None;
    }
    let content = &message["content"];
    let created_ms = ms(&message["create_time"]);
    let model =
        message["metadata"]["model_slug"].as_str().filter(|_| role == Role::Assistant).map(str::to_owned);
    let parts = content["parts"].as_array().into_iter().flatten();
    let (said_text, reasoning) = match content["content_type"].as_str()? {
        "text" | "multimodal_text" => {
            (parts.filter_map(Value::as_str).collect::<Vec<_>>().join("\n\n"), None)
        }
        "thoughts" => {
            let thoughts = content["thoughts"].as_array().into_iter().flatten();
            let thoughts: Vec<_> = thoughts.filter_map(|thought| thought["content"].as_str()).collect();
            (String::new(), Some(thoughts.join("\n\n")))
        }
        _ => return None,
    };
    let says_something = !said_text.trim().is_empty() || reasoning.as_ref().is_some_and(|it| !it.is_empty());
    says_something.then(|| Turn { reasoning, model, ..said(role, said_text, created_ms) })
}

/// A tree of messages by their ids. What was thought stands in the text, folded up.
fn open_webui_chat(entry: &Value, chat: &Value) -> Chat {
    let history = &chat["history"];
    let messages = history["messages"].as_object().into_iter().flatten();
    let told = messages.map(|(id, message)| Told {
        id: id.clone(),
        parent: message["parentId"].as_str().map(str::to_owned),
        turn: role(&message["role"]).map(|role| {
            let (reasoning, answer) = without_details(&text(&message["content"]));
            Turn {
                reasoning,
                model: message["model"].as_str().map(str::to_owned),
                ..said(role, answer, ms(&message["timestamp"]))
            }
        }),
    });
    Chat {
        told: told.collect(),
        shown: history["currentId"].as_str().map(str::to_owned),
        head: Transcript {
            title: text(if entry["title"].is_string() { &entry["title"] } else { &chat["title"] }),
            tags: words(if entry["meta"]["tags"].is_array() {
                &entry["meta"]["tags"]
            } else {
                &chat["tags"]
            }),
            pinned: entry["pinned"] == true,
            archived: entry["archived"] == true,
            created_ms: ms(&entry["created_at"]),
            updated_ms: ms(&entry["updated_at"]),
            ..Transcript::default()
        },
    }
}

/// What stands in a leading `<details type="reasoning">`, and what follows it.
fn without_details(content: &str) -> (Option<String>, String) {
    const END: &str = "</details>";
    let whole = || (None, content.to_owned());
    let Some(rest) = content.trim_start().strip_prefix("<details type=\"reasoning\"") else { return whole() };
    let Some((head, rest)) = rest.split_once('>') else { return whole() };
    let Some((inside, answer)) = rest.split_once(END) else { return whole() };
    if head.contains('<') {
        return whole();
    }
    let inside = inside.split_once("</summary>").map_or(inside, |(_, inside)| inside);
    let lines = inside.lines().map(|line| line.trim_start_matches("> ").trim_start_matches("&gt; "));
    let thought = lines.collect::<Vec<_>>().join("\n").trim().to_owned();
    ((!thought.is_empty()).then_some(thought), answer.trim_start().to_owned())
}

/// A list of messages, each in versions, of which one is chosen and goes on.
fn lm_studio(entry: &Value, messages: &[Value]) -> Chat {
    let mut told = Vec::new();
    let mut parent: Option<String> = None;
    for (at, message) in messages.iter().enumerate() {
        let versions = message["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let chosen =
            message["currentlySelected"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(0);
        for (number, version) in versions.iter().enumerate() {
            let turn = lm_studio_turn(version);
            told.push(Told { id: format!("{at}.{number}"), parent: parent.clone(), turn });
        }
        if !versions.is_empty() {
            parent = Some(format!("{at}.{}", chosen.min(versions.len() - 1)));
        }
    }
    let created_ms = ms(&entry["createdAt"]);
    Chat {
        told,
        shown: parent,
        head: Transcript {
            title: text(&entry["name"]),
            pinned: entry["pinned"] == true,
            created_ms,
            updated_ms: ms(&entry["userLastMessagedAt"]).max(created_ms),
            ..Transcript::default()
        },
    }
}

fn lm_studio_turn(version: &Value) -> Option<Turn> {
    let role = role(&version["role"])?;
    let mut turn = said(role, text_of(&version["content"]), 0);
    for step in version["steps"].as_array().into_iter().flatten() {
        let block = text_of(&step["content"]);
        if block.is_empty() {
            continue;
        }
        let place = match step["style"]["type"].as_str() {
            Some("thinking") => turn.reasoning.get_or_insert_default(),
            _ => &mut turn.text,
        };
        if !place.is_empty() {
            place.push_str("\n\n");
        }
        place.push_str(&block);
    }
    turn.model = version["senderInfo"]["senderName"].as_str().map(str::to_owned);
    let says_something = !turn.text.trim().is_empty() || turn.reasoning.is_some();
    says_something.then_some(turn)
}

fn text_of(content: &Value) -> String {
    let parts = content.as_array().into_iter().flatten();
    parts.filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n\n")
}

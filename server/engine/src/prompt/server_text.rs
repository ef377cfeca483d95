//! How much of a prompt the server itself wrote. That is found out by writing the prompt twice, each time with other words in
//! place of everything that is somebody's: what both begin with has nothing of that in it.

use llama_cpp_2::token::LlamaToken;
use protocol::ServerText;
use types::{
    chat::{ChatTurn, Role},
    tools::{Tool, ToolUse},
};

/// How many of the first `tokens` of a prompt the server wrote. `write` writes the prompt with a word in place of what is somebody's.
pub(super) fn n_tokens(
    tokens: &[LlamaToken],
    write: impl Fn(&str) -> Option<String>,
    tokenize: impl Fn(&str) -> Vec<LlamaToken>,
) -> usize {
    let (Some(one), Some(other)) = (write("x"), write("y")) else { return 0 };
    let same = tokenize(common(&one, &other));
    tokens.iter().zip(same).take_while(|(a, b)| **a == *b).count()
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let differs = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b);
    &a[..differs.map_or(a.len().min(b.len()), |((i, _), _)| i)]
}

/// The turns up to the first that has something of somebody's, with `word` in its place.
pub(super) fn turns(turns: &[ChatTurn], text: ServerText, word: &str) -> Vec<ChatTurn> {
    let mut left = text.n_bytes;
    let mut written = Vec::new();
    for turn in turns {
        if is_plain(turn) && turn.content.len() <= left {
            left -= turn.content.len();
            written.push(turn.clone());
            continue;
        }
        written.push(ChatTurn::new(turn.role, self::text(&turn.content, left, word)));
        if turn.role == Role::System {
            // Templates want somebody to speak.
            written.push(ChatTurn::new(Role::User, word));
        }
        break;
    }
    written
}

/// The first `n_bytes` of a text, with `word` in place of the rest, if there is one.
pub(super) fn text(text: &str, n_bytes: usize, word: &str) -> String {
    if n_bytes >= text.len() {
        return text.to_owned();
    }
    format!("{}{word}", &text[..text.floor_char_boundary(n_bytes)])
}

/// The tools, or one of which nothing but `word` is known.
pub(super) fn tools(tools: &ToolUse, text: ServerText, word: &str) -> ToolUse {
    if text.has_tools {
        return tools.clone();
    }
    let tool = Tool { name: word.to_owned(), description: word.to_owned(), parameters: "{}".to_owned() };
    ToolUse { tools: vec![tool], ..tools.clone() }
}

/// It says something and does nothing else.
fn is_plain(turn: &ChatTurn) -> bool {
    turn.reasoning.is_empty() && turn.calls.is_empty() && turn.call_id.is_none() && turn.images.is_empty()
}

#[cfg(test)]
mod tests;

//! What a server's tool gave, as an answer.

use crate::{Answer, Failure, egress::web_address};
use base64::{Engine, prelude::BASE64_STANDARD};
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, ResourceContents};
use types::{
    called::{CallFailure, McpProblem},
    image::ImageFile,
    toolbox::Source,
};

pub(super) const MAX_ERROR_CHARS: usize = 2000;

pub(super) fn answer(response: CallToolResponse, server: &str) -> Result<Answer, Failure> {
    let CallToolResponse::Complete(result) = response else {
        let sentence = format!("{server} asks something back, which is not possible here");
        return Err(Failure::refused_as(CallFailure::of(McpProblem::AsksBack), sentence));
    };
    let is_error = result.is_error == Some(true);
    let answer = read(result);
    if is_error {
        let said = crate::shown::text(&answer.text, MAX_ERROR_CHARS);
        let known = CallFailure::of(McpProblem::Said).about(&said);
        return Err(Failure::refused_as(known, format!("{server} could not do it: {said}")));
    }
    Ok(answer)
}

fn read(result: CallToolResult) -> Answer {
    let mut answer = Answer::default();
    let mut texts = Vec::new();
    for block in result.content {
        texts.extend(read_block(block, &mut answer));
    }
    // Servers that have both say the same in both.
    if let Some(structured) = result.structured_content.filter(|_| texts.is_empty()) {
        texts.push(structured.to_string());
    }
    answer.text = texts.join("\n");
    let first_line = answer.text.lines().find(|line| !line.trim().is_empty());
    answer.shown = first_line.unwrap_or_default().to_owned();
    answer
}

fn read_block(block: ContentBlock, answer: &mut Answer) -> Option<String> {
    match block {
        ContentBlock::Text(it) => Some(it.text),
        ContentBlock::Image(it) => {
            let bytes = BASE64_STANDARD.decode(it.data.as_bytes()).ok()?;
            answer.images.push(ImageFile::new(bytes));
            None
        }
        ContentBlock::Resource(it) => match it.resource {
            ResourceContents::TextResourceContents { text, .. } => Some(text),
            _ => Some("[A file that is no text.]".to_owned()),
        },
        ContentBlock::ResourceLink(it) => {
            if web_address(&it.uri).is_err() {
                return Some(format!("{}: {}", it.name, it.uri));
            }
            let source = Source { title: crate::shown::line(&it.name), url: it.uri };
            let text = format!("{}\n{}", source.line(answer.sources.len() + 1), source.url);
            answer.sources.push(source);
            Some(text)
        }
        _ => Some("[Something that cannot be shown here.]".to_owned()),
    }
}

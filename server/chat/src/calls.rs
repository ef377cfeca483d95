//! Calls of tools within an answer: as models are told of them, and as pages show them.
//!
//! An answer with calls is one message. Its text and what the model thought are cut where calls were made, so that models see
//! the rounds as they were.

use store::{CallResult, CallRow, MessageRow};
use transcripts::Call;
use types::{
    called::{CallEnd, CallState, CallView, block_of, read_block},
    chat::{ChatTurn, Role},
    ids::ImageId,
    toolbox::Source,
    tools::ToolCall,
};

/// What a page shows of a result. The whole of it is in what the model saw.
const SHOWN_BYTES: usize = 4 << 10;
/// What the model is told of a call that has no result.
const INTERRUPTED: &str = "Error: it was interrupted, and nothing is known of what it gave.";

/// One round of an answer: what was said and thought before calls, and the calls.
pub(crate) struct Round<'a> {
    pub(crate) text: &'a str,
    pub(crate) thought: &'a str,
    pub(crate) calls: &'a [CallRow],
}

/// The rounds of an answer; the last has no calls, and is what was said after them.
pub(crate) fn rounds(message: &MessageRow) -> Vec<Round<'_>> {
    let thought = message.thought.as_ref().map_or("", |it| it.text.as_str());
    let mut rounds = Vec::new();
    let (mut text_from, mut thought_from) = (0, 0);
    for calls in message.calls.chunk_by(|one, other| one.round == other.round) {
        // A file can say any number.
        let text_to = message.body.floor_char_boundary(calls[0].text_before).max(text_from);
        let thought_to = thought.floor_char_boundary(calls[0].thought_before).max(thought_from);
        let (text, thought) = (&message.body[text_from..text_to], &thought[thought_from..thought_to]);
        rounds.push(Round { text, thought, calls });
        (text_from, thought_from) = (text_to, thought_to);
    }
    rounds.push(Round { text: &message.body[text_from..], thought: &thought[thought_from..], calls: &[] });
    rounds
}

/// The turns of a round that ended in calls: the assistant's, and one for each result.
pub(crate) fn turns(round: &Round<'_>) -> Vec<ChatTurn> {
    let assistant = ChatTurn {
        reasoning: round.thought.trim().to_owned(),
        calls: round.calls.iter().map(|it| it.call.clone()).collect(),
        ..ChatTurn::new(Role::Assistant, round.text.trim())
    };
    let results = round.calls.iter().map(|row| {
        let text = row.result.as_ref().map_or(INTERRUPTED, |result| result.text.as_str());
        ChatTurn { call_id: Some(row.call.id.clone()), ..ChatTurn::new(Role::Tool, text) }
    });
    std::iter::once(assistant).chain(results).collect()
}

/// Everything that an answer with calls said and was told, in turns. Its last round is left out where nothing was said in it.
pub(crate) fn answer(message: &MessageRow) -> Vec<ChatTurn> {
    let mut all = Vec::new();
    for round in rounds(message) {
        if !round.calls.is_empty() {
            all.extend(turns(&round));
        } else if !round.text.trim().is_empty() {
            let reasoning = round.thought.trim().to_owned();
            all.push(ChatTurn { reasoning, ..ChatTurn::new(Role::Assistant, round.text.trim_start()) });
        }
    }
    all
}

/// How many bytes a model is given of an answer that it goes on with.
pub(crate) fn n_bytes(message: &MessageRow) -> usize {
    let of_call = |row: &CallRow| {
        let told = row.result.as_ref().map_or(INTERRUPTED.len(), |result| result.text.len());
        row.call.name.len() + row.call.arguments.len() + told
    };
    let thought = message.thought.as_ref().map_or(0, |it| it.text.len());
    message.body.len() + thought + message.calls.iter().map(of_call).sum::<usize>()
}

/// An answer's blocks: what was said, rendered, and the calls where they were made. One that has a form is shown as such.
pub(crate) fn blocks(message: &MessageRow, has_form: bool) -> Vec<String> {
    let mut blocks = Vec::new();
    for round in rounds(message) {
        let form = if has_form { markup::render_form(round.text) } else { None };
        blocks.extend(form.unwrap_or_else(|| markup::render(round.text)));
        blocks.extend(round.calls.iter().map(|row| block(&view(row))));
    }
    blocks
}

/// A call as a block of an answer.
pub(crate) fn block(call: &CallView) -> String {
    let bytes = postcard::to_stdvec(call).unwrap_or_else(|err| {
        tracing::error!(error = %err, "a call cannot be shown");
        Vec::new()
    });
    block_of(&bytes)
}

/// The call that a block shows.
pub(crate) fn of_block(block: &str) -> Option<CallView> {
    postcard::from_bytes(&read_block(block)?).ok()
}

fn view(row: &CallRow) -> CallView {
    let state = match &row.result {
        Some(result) => CallState::Ended(end(result)),
        None => CallState::Interrupted,
    };
    view_in(row, state)
}

/// A call in another state than its row says.
pub(crate) fn view_in(row: &CallRow, state: CallState) -> CallView {
    CallView {
        name: row.call.name.clone(),
        server: row.server.clone(),
        arguments: tools::shown_arguments(&row.call.arguments),
        state,
    }
}

/// How a call ended, as a page shows it.
pub(crate) fn end(result: &CallResult) -> CallEnd {
    CallEnd {
        failed: result.failed,
        failure: result.failure.clone(),
        shown: result.shown.clone(),
        text: result.text[..result.text.floor_char_boundary(SHOWN_BYTES)].to_owned(),
        n_bytes: result.text.len() as u64,
        cut_from: result.cut_from,
        duration_ms: result.duration_ms,
        sources: result.sources.clone(),
        first_source: result.first_source,
        images: result.images.clone(),
    }
}

/// What calls relied on, with the numbers by which the answer names it.
pub(crate) fn sources(calls: &[CallRow]) -> Vec<(u32, &Source)> {
    let results = calls.iter().filter_map(|row| row.result.as_ref());
    results.flat_map(|result| (result.first_source..).zip(&result.sources)).collect()
}

/// A result as it is kept, with the images that it shows as they were kept.
pub(crate) fn result(outcome: &tools::Outcome, first_source: u32, images: Vec<ImageId>) -> CallResult {
    CallResult {
        text: outcome.text.clone(),
        shown: outcome.shown.clone(),
        failed: outcome.failure.is_some(),
        failure: outcome.failure.as_ref().and_then(tools::Failure::known),
        duration_ms: outcome.duration.as_millis().try_into().unwrap_or(u32::MAX),
        cut_from: outcome.cut_from.map(|n| n as u64),
        sources: outcome.sources.clone(),
        first_source,
        images,
    }
}

/// A call as a file tells it, with the files of its images.
pub(crate) fn told(row: CallRow, images: Vec<Vec<u8>>) -> Call {
    let result = row.result;
    Call {
        round: row.round,
        text_before: row.text_before,
        thought_before: row.thought_before,
        name: row.call.name,
        arguments: row.call.arguments,
        server: row.server,
        shown: result.as_ref().map(|it| it.shown.clone()).unwrap_or_default(),
        failed: result.as_ref().is_some_and(|it| it.failed),
        failure: result.as_ref().and_then(|it| it.failure.clone()),
        duration_ms: result.as_ref().map(|it| it.duration_ms).unwrap_or_default(),
        cut_from: result.as_ref().and_then(|it| it.cut_from),
        first_source: result.as_ref().map(|it| it.first_source).unwrap_or_default(),
        sources: result.as_ref().map(|it| it.sources.clone()).unwrap_or_default(),
        images,
        result: result.map(|it| it.text),
    }
}

/// The call of that number, as a file tells it, with its images as they were kept.
pub(crate) fn of_file(number: usize, call: &Call, images: &[ImageId]) -> CallRow {
    let end = |text: &String| CallResult {
        text: text.clone(),
        shown: call.shown.clone(),
        failed: call.failed,
        failure: call.failure.clone(),
        duration_ms: call.duration_ms,
        cut_from: call.cut_from,
        sources: call.sources.clone(),
        // Files of earlier versions do not tell.
        first_source: call.first_source.max(1),
        images: images.to_vec(),
    };
    CallRow {
        round: call.round,
        text_before: call.text_before,
        thought_before: call.thought_before,
        call: ToolCall {
            id: format!("call{number}"),
            name: call.name.clone(),
            arguments: object(&call.arguments),
        },
        server: call.server.clone(),
        result: call.result.as_ref().map(end),
    }
}

/// Arguments of a stranger's file: an object, which models' templates count on.
fn object(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(_)) => text.to_owned(),
        _ => "{}".to_owned(),
    }
}

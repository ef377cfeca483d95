//! What a model does before it answers: summarising what does not fit, or criticising what was answered before.

use super::{
    First,
    pace::Pace,
    writer::{End, Writer, and},
};
use crate::history::{Summarise, put_summary};
use futures::StreamExt;
use inference::{Engine, EngineError, GenerateEvent, GenerateRequest, Prompt, Target};
use std::sync::Arc;
use store::LeftOutRow;
use types::{
    chat::{ChatTurn, MessageState, Role},
    reasoning::{Effort, Reasoning},
};

/// The longest summary, in tokens.
const SUMMARY_TOKENS: u32 = 500;

const CRITICISE: &str = "Look at your answer above as its strictest reader would. List what is wrong, unproven, missing or unclear in \
                         it, the most important first; be specific and brief. Do not write the answer again.";

impl Writer {
    /// Does what comes first, and says what is to be asked then.
    pub(super) async fn begin_with(
        &mut self,
        firsts: Vec<First>,
        engine: &Arc<dyn Engine>,
        target: &Target,
        mut request: GenerateRequest,
    ) -> Result<GenerateRequest, End> {
        for first in firsts {
            request = match first {
                First::Summarise(task) => self.summarise(&task, engine, target, request).await?,
                First::Criticise => self.criticise(engine, target, request).await?,
            };
        }
        Ok(request)
    }

    async fn summarise(
        &mut self,
        task: &Summarise,
        engine: &Arc<dyn Engine>,
        target: &Target,
        mut request: GenerateRequest,
    ) -> Result<GenerateRequest, End> {
        let mut summary = String::new();
        for step in task.steps() {
            let mut asked = freely(&request, step(&summary));
            asked.sampling.max_tokens = Some(SUMMARY_TOKENS);
            asked.reasoning = Reasoning { effort: Some(Effort::None), max_tokens: Some(0) };
            asked.trim_history = false;
            asked.server_text = Some(Summarise::server_text());
            summary =
                said(engine, target, asked).await.map_err(|err| self.broke_off(&err))?.trim().to_owned();
        }
        if let Prompt::Chat(turns) = &mut request.prompt {
            put_summary(turns, &summary);
        }
        let n_messages = self.left_out.n_messages;
        let left_out = LeftOutRow { n_messages, summary: Some(summary), ..self.left_out.clone() };
        self.below
            .store
            .set_left_out(self.generation.message, &left_out)
            .await
            .map_err(|err| End::unsaved(&err))?;
        Ok(request)
    }

    /// The critique is shown as what the model thought.
    async fn criticise(
        &mut self,
        engine: &Arc<dyn Engine>,
        target: &Target,
        mut request: GenerateRequest,
    ) -> Result<GenerateRequest, End> {
        let Prompt::Chat(answered) = request.prompt.clone() else { return Ok(request) };
        let ask = |text: String| {
            let question = ChatTurn::new(Role::User, text);
            Prompt::Chat(answered.iter().cloned().chain([question]).collect())
        };
        self.is_critique = true;
        let end = self.follow(engine, target.clone(), freely(&request, ask(CRITICISE.to_owned()))).await;
        self.is_critique = false;
        if end.state != MessageState::Complete {
            return Err(end);
        }
        self.spent = and(self.spent, end.usage.or_else(|| self.pace.usage()));
        self.pace = Pace::start();
        let critique = self.thought.end_round();
        self.thought.end();
        request.prompt = ask(revise(&critique));
        Ok(request)
    }
}

/// The same request about something else, answered in words: the form and the tools are those of the answer itself.
fn freely(request: &GenerateRequest, prompt: Prompt) -> GenerateRequest {
    GenerateRequest { prompt, tools: None, constraint: None, logprobs: None, ..request.clone() }
}

/// What asks for an answer that mends another one.
pub(crate) fn revise(critique: &str) -> String {
    format!(
        "This is a critique of your answer:\n\n<critique>\n{}\n</critique>\n\nAnswer my question again, and mend what the critique \
         is right about. Write the answer alone, and do not mention the critique.",
        critique.trim()
    )
}

/// Everything that a model says to a request.
async fn said(
    engine: &Arc<dyn Engine>,
    target: &Target,
    request: GenerateRequest,
) -> Result<String, EngineError> {
    let mut events = engine.generate(target.clone(), request).await?;
    let mut said = String::new();
    while let Some(event) = events.next().await {
        if let GenerateEvent::Text { text, .. } = event? {
            said.push_str(&text);
        }
    }
    Ok(said)
}

//! Sending, editing, regenerating: each adds a turn and starts its answer.

use crate::{
    Chat, ChatError,
    answering::N_LIKELY,
    attached, calls,
    document_tools::query_of,
    documents,
    generation::{Admission, First, Hands, Opened, Shown as ShownSoFar, Start, Starts},
    history::n_tokens_beside,
    images::Shown,
    now_ms,
    prompt::turn,
    thread,
    title::title_of,
    tooling::next_number,
};
use inference::{GenerateRequest, Prompt, Target};
use std::sync::Arc;
use store::{AttachedRow, LeftOutRow, MessageRow, NewTurn, Outcome, SessionRow};
use types::{
    chat::{Again, ChatEvent, ChatTurn, History, MAX_MESSAGE_BYTES, MessageState, Role, Sent},
    constraint::Constraint,
    document::SourceView,
    ids::{ImageId, MessageId, ModelId, SessionId, UserId},
    image::MAX_IMAGES,
    overrides::{Overrides, SetUp},
    reasoning::{Effort, Reasoning},
};

/// A message that a person writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    pub text: String,
    /// What it shows, as [`Chat::add_image`] named it.
    pub images: Vec<ImageId>,
    /// Who answers this one; `None` is the chosen model.
    pub model: Option<ModelId>,
}

impl<T: Into<String>> From<T> for Draft {
    fn from(text: T) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

/// Who wrote an answer elsewhere, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Author {
    pub model: ModelId,
    /// `None` is the one that the person has for every chat.
    pub system_prompt: Option<String>,
    pub effort: Option<Effort>,
    pub sampling: Overrides,
}

/// What a person says, with what goes with it.
struct Question {
    draft: Draft,
    documents: Vec<AttachedRow>,
}

/// How a turn is answered.
struct Way {
    again: Again,
    /// By whom; `None` is the chosen model.
    model: Option<ModelId>,
    /// The answer that is criticised and mended.
    revises: Option<MessageRow>,
    /// What the session does from now on where it does not fit.
    keeps: Option<History>,
}

impl Way {
    /// By the chosen model. `trim` leaves out the oldest turns if the conversation does not fit.
    fn usual(trim: bool) -> Self {
        let again = if trim { Again::Trimmed } else { Again::Anew };
        Self { again, model: None, revises: None, keeps: None }
    }
}

impl Draft {
    fn check(&self) -> Result<(), ChatError> {
        if self.text.trim().is_empty() && self.images.is_empty() {
            return Err(ChatError::Empty);
        }
        if self.images.len() > MAX_IMAGES {
            return Err(ChatError::TooManyImages { given: self.images.len() });
        }
        let (bytes, limit) = (self.text.len(), MAX_MESSAGE_BYTES);
        if bytes > limit { Err(ChatError::TooLong { bytes, limit }) } else { Ok(()) }
    }
}

impl Chat {
    /// Sends a message at the end of the shown branch, with the documents that were attached to it; without a session it starts one. `trim` leaves out the
    /// oldest turns if the conversation does not fit the model.
    pub async fn send(
        &self,
        user: UserId,
        session: Option<SessionId>,
        draft: Draft,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        draft.check()?;
        let session = match session {
            Some(id) => self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?.id,
            None => self.store.create_session(user, now_ms()).await?,
        };
        let admission = self.running.admit(user, session)?;
        // Only now: until it was admitted, another turn or variant could have been shown.
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let documents = self.to_send(user, session, row.leaf).await?;
        let way = Way { model: draft.model.clone(), ..Way::usual(trim) };
        let question = Question { draft, documents };
        self.add_turn(user, admission, row.leaf, Some(question), way).await
    }

    /// Likewise, and keeps how much the model thinks in the session from now on, where that is given.
    pub async fn send_with_effort(
        &self,
        user: UserId,
        session: Option<SessionId>,
        draft: Draft,
        effort: Option<Option<Effort>>,
    ) -> Result<Sent, ChatError> {
        draft.check()?;
        let session = match effort {
            Some(effort) => Some(self.choose_effort(user, session, effort).await?),
            None => session,
        };
        self.send(user, session, draft, false).await
    }

    /// Starts a session with a question and an answer that were written elsewhere. It goes on as the answer came about, and with
    /// its model, once that is loaded.
    pub async fn adopt(
        &self,
        user: UserId,
        question: &str,
        answer: Outcome<'_>,
        by: Author,
    ) -> Result<SessionId, ChatError> {
        let name = by.model.short_name();
        let session = self.store.create_session(user, now_ms()).await?;
        let turn = NewTurn {
            parent: None,
            text: Some(question),
            images: &[],
            documents: &[],
            model: Some(&name),
            is_revised: false,
            now_ms: now_ms(),
        };
        let ids = self.store.add_turn(user, session, turn).await?;
        self.store.finish_message(ids.reply, answer).await?;
        self.store.suggest_title(user, session, &title_of(question)).await?;
        let set_up = SetUp { system_prompt: by.system_prompt, ..SetUp::default() };
        self.store.set_up_session(user, session, &set_up, &by.sampling).await?;
        self.store.set_session_effort(user, session, by.effort).await?;
        let profile = self.profile_of(&by.model).await?;
        self.store.set_session_model(session, &by.model, &profile).await?;
        self.notes.sessions_changed(user);
        Ok(session)
    }

    /// Writes a person's turn anew beside the old one, with the same images and documents, and answers it.
    pub async fn edit_and_resend(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        text: String,
        trim: bool,
    ) -> Result<Sent, ChatError> {
        let old = self.find_message(user, session, message, Role::User).await?;
        let draft = Draft { text, images: old.images, model: None };
        draft.check()?;
        let question = Question { draft, documents: old.documents };
        let admission = self.running.admit(user, session)?;
        self.add_turn(user, admission, old.parent, Some(question), Way::usual(trim)).await
    }

    /// Puts an answer in a person's words beside the old one, with the passages that this was given to read.
    pub async fn correct(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        text: String,
    ) -> Result<(), ChatError> {
        let draft = Draft::from(text);
        draft.check()?;
        let _admission = self.running.admit(user, session)?;
        self.store.correct_message(user, session, message, draft.text.trim(), now_ms()).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Answers the same turn again beside the old answer, by `model`, or by the chosen one. How a conversation that does not fit is
    /// answered is kept with the session.
    pub async fn regenerate(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
        again: Again,
        model: Option<ModelId>,
    ) -> Result<Sent, ChatError> {
        let old = self.find_message(user, session, message, Role::Assistant).await?;
        let keeps = match again {
            Again::Trimmed => Some(History::TrimOldest),
            Again::Summarised => Some(History::Summarise),
            Again::Anew | Again::GoOn | Again::Revised => None,
        };
        let parent = old.parent;
        let revises = (again == Again::Revised && !old.body.trim().is_empty()).then_some(old);
        let admission = self.running.admit(user, session)?;
        self.add_turn(user, admission, parent, None, Way { again, model, revises, keeps }).await
    }

    /// Goes on with an answer that ended early, where it ended. It must be the last of the shown branch. The oldest turns
    /// are left out if the conversation does not fit the model.
    pub async fn go_on(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<Sent, ChatError> {
        let old = self.find_message(user, session, message, Role::Assistant).await?;
        let thought = old.thought.as_ref().is_some_and(|thought| !thought.text.is_empty());
        if old.body.is_empty() && !thought && old.calls.is_empty() {
            return Err(ChatError::NotFound);
        }
        let admission = self.running.admit(user, session)?;
        let (chat, running) = (self.clone(), Arc::clone(&self.running));
        running.to_its_end(async move { chat.reopen(user, admission, old).await }).await
    }

    async fn reopen(&self, user: UserId, admission: Admission, old: MessageRow) -> Result<Sent, ChatError> {
        let (session, reply) = (admission.session(), old.id);
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        let model = self.engine.status().borrow().chosen.name.clone();
        self.store.reopen_message(user, session, reply, model.as_deref()).await?;
        let way = Way { again: Again::GoOn, ..Way::usual(false) };
        let has = thread::so_far(old, row.answer_schema.is_some()).await;
        Ok(self.answer(user, admission, reply, has, way))
    }

    /// Shows another variant of a turn, with what followed it.
    pub async fn select_variant(
        &self,
        user: UserId,
        session: SessionId,
        message: MessageId,
    ) -> Result<(), ChatError> {
        // A turn may be about to begin, or a variant about to be kept.
        if self.running.is_held(session) {
            return Err(ChatError::Busy);
        }
        self.store.select_branch(user, session, message).await?;
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        Ok(())
    }

    /// Ends the session's answer, keeping its text. Nothing to stop is no error.
    pub async fn stop(&self, user: UserId, session: SessionId) -> Result<(), ChatError> {
        self.running.stop(user, session);
        Ok(())
    }

    /// What a model is called, or the chosen one.
    fn name_of(&self, model: Option<&ModelId>) -> Option<String> {
        let status = self.engine.status();
        let residents = status.borrow();
        match model {
            Some(id) => {
                Some(residents.find(id).and_then(|it| it.status.name.clone()).unwrap_or_else(|| id.0.clone()))
            }
            None => residents.chosen.name.clone(),
        }
    }

    async fn find_message(
        &self,
        user: UserId,
        session: SessionId,
        id: MessageId,
        role: Role,
    ) -> Result<MessageRow, ChatError> {
        let row = self.store.find_message(user, session, id).await?;
        row.filter(|row| row.role == role).ok_or(ChatError::NotFound)
    }

    /// Adds it whether or not the caller stays to hear of it. With the admission no second turn begins in this session meanwhile.
    async fn add_turn(
        &self,
        user: UserId,
        admission: Admission,
        parent: Option<MessageId>,
        question: Option<Question>,
        way: Way,
    ) -> Result<Sent, ChatError> {
        let (chat, running) = (self.clone(), Arc::clone(&self.running));
        running.to_its_end(async move { chat.add_rows(user, admission, parent, question, way).await }).await
    }

    async fn add_rows(
        &self,
        user: UserId,
        admission: Admission,
        parent: Option<MessageId>,
        question: Option<Question>,
        way: Way,
    ) -> Result<Sent, ChatError> {
        let session = admission.session();
        let model = self.name_of(way.model.as_ref());
        let text = question.as_ref().map(|it| it.draft.text.as_str());
        let images = question.as_ref().map_or(&[][..], |it| &it.draft.images);
        let documents = question.as_ref().map_or(&[][..], |it| &it.documents);
        let is_revised = way.revises.is_some();
        let model = model.as_deref();
        let turn = NewTurn { parent, text, images, documents, model, is_revised, now_ms: now_ms() };
        let ids = self.store.add_turn(user, session, turn).await?;
        if let Some(history) = way.keeps
            && let Err(err) = self.store.set_session_history(user, session, history).await
        {
            tracing::error!(error = %err, "could not keep what is done where a chat does not fit");
        }
        if let (None, Some(text)) = (parent, text)
            && let Err(err) = self.store.suggest_title(user, session, &title_of(text)).await
        {
            tracing::error!(error = %err, "could not keep the title of a chat");
        }
        Ok(self.answer(user, admission, ids.reply, ShownSoFar::default(), way))
    }

    /// Has the answer written by a task of its own, from what the thread holds.
    fn answer(
        &self,
        user: UserId,
        admission: Admission,
        reply: MessageId,
        has: ShownSoFar,
        way: Way,
    ) -> Sent {
        let session = admission.session();
        let opened = admission.open(reply, has);
        let generation = opened.id();
        let chat = self.clone();
        self.running.spawn(async move { chat.write(user, opened, reply, way).await });
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        self.notes.sessions_changed(user);
        Sent { session, reply, generation }
    }

    /// What cannot be prepared ends as an answer that failed: it never stays as if somebody wrote it.
    async fn write(&self, user: UserId, opened: Opened, reply: MessageId, way: Way) {
        let session = opened.session();
        let prepared = opened.unless_stopped(Box::pin(self.prepare(user, session, reply, way))).await;
        let (state, error) = match prepared {
            Ok(Ok(start)) => {
                if !start.sources.is_empty() || start.row.left_out != LeftOutRow::default() {
                    self.notes.send(user, session, ChatEvent::ThreadChanged);
                }
                let (store, engine) = (self.store.clone(), Arc::clone(&self.engine));
                return opened.write(store, engine, self.notes.clone(), start).await;
            }
            Ok(Err(err)) => {
                tracing::warn!(error = %err, "an answer could not be prepared");
                (MessageState::Failed, Some(err.to_string()))
            }
            Err(early) => early,
        };
        if let Err(err) = self.end_unwritten(user, session, reply, state, error.as_deref()).await {
            tracing::error!(error = %err, message.id = %reply, "could not end an answer");
        }
        drop(opened);
        self.notes.send(user, session, ChatEvent::ThreadChanged);
        self.notes.sessions_changed(user);
    }

    /// Ends an answer with what it has already.
    async fn end_unwritten(
        &self,
        user: UserId,
        session: SessionId,
        reply: MessageId,
        state: MessageState,
        error: Option<&str>,
    ) -> Result<(), ChatError> {
        let row = self.store.find_message(user, session, reply).await?.ok_or(ChatError::NotFound)?;
        let outcome = Outcome {
            body: &row.body,
            thought: row.thought.as_ref(),
            state,
            error,
            usage: row.usage,
            kv: row.kv.as_deref(),
            probabilities: &[],
        };
        Ok(self.store.finish_message(reply, outcome).await?)
    }

    /// What an answer starts from.
    async fn prepare(
        &self,
        user: UserId,
        session: SessionId,
        reply: MessageId,
        way: Way,
    ) -> Result<Start, ChatError> {
        let settings = self.settings.load_settings(user).await?;
        let row = self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        // What was fine when it was set may not be beside what the person set since.
        let sampling = row.overrides.over(settings.sampling.clone()).unwrap_or(settings.sampling.clone());
        let thread = self.store.load_thread(user, session, reply).await?;
        let variants = thread.variants.last().cloned().unwrap_or_default();
        let (messages, mut reply) = match thread.messages.split_last() {
            Some((reply, messages)) => (messages, reply.clone()),
            None => return Err(ChatError::NotFound),
        };
        let target = Target { model: way.model.clone(), keep_alive: None };
        let mut sources = match way.again {
            Again::GoOn => self.consulted(user, reply.id).await?,
            _ => self.look_up(user, session, messages, &mut reply, &target).await?,
        };
        let first = self.next_number(user, messages).await?.max(next_number(&reply, &sources));
        let hands = self.hands(user, session, &target, settings.tool_rounds, reply.id, first).await?;
        let going_on = (way.again == Again::GoOn).then_some(&reply);
        let asked = Asked { user, row: &row, messages, sources: &sources, target: &target, going_on };
        let given = self.give(&asked, &way, hands.as_ref(), reply.clone()).await?;
        self.keep_wholes(user, messages, &given.reply, &mut sources).await?;
        // An answer whose last words are cut goes on with words, and one that mends another calls nothing.
        let is_plain = matches!(given.prompt, Prompt::Continue(_)) || way.revises.is_some();
        let hands = hands.filter(|_| !is_plain);
        let constraint = row.answer_schema.clone().map(Constraint::JsonSchema);
        let request = GenerateRequest {
            sampling,
            reasoning: Reasoning { effort: row.effort, max_tokens: None },
            trim_history: history_of(&row, way.again) == History::TrimOldest,
            guards: settings.guards,
            logprobs: row.keeps_probabilities.then_some(N_LIKELY),
            tools: hands.as_ref().map(Hands::offered),
            constraint: constraint.filter(|_| !matches!(given.prompt, Prompt::Continue(_))),
            server_text: Some(Hands::server_text(hands.as_ref())),
            ..GenerateRequest::new(given.prompt, self.tenant(user))
        };
        if way.model.is_none() {
            self.note_model(session).await?;
        }
        let (reply, firsts) = (given.reply, given.firsts);
        let (has_form, prompt_days) = (row.answer_schema.is_some(), settings.prompt_days);
        let starts = Starts::new(messages, reply.left_out.n_messages as usize);
        let earlier = self.cited_in(user, messages).await?;
        Ok(Start {
            has_form,
            prompt_days,
            row: reply,
            variants,
            sources,
            earlier,
            request,
            starts,
            target,
            hands,
            firsts,
        })
    }

    /// Keeps with an answer which whole documents it is given; those of messages that are left out are none.
    async fn keep_wholes(
        &self,
        user: UserId,
        messages: &[MessageRow],
        reply: &MessageRow,
        sources: &mut Vec<SourceView>,
    ) -> Result<(), ChatError> {
        let left_out = &messages[..(reply.left_out.n_messages as usize).min(messages.len())];
        let is_left_out = |it: &SourceView| {
            left_out.iter().flat_map(|message| &message.documents).any(|left| left.number == it.number)
        };
        sources.retain(|it| !it.is_whole || !is_left_out(it));
        let wholes: Vec<_> = sources.iter().filter(|it| it.is_whole).cloned().collect();
        Ok(self.store.add_sources(user, reply.id, &wholes).await?)
    }

    /// What an answer is given to read. What came of searching is noted with it.
    async fn look_up(
        &self,
        user: UserId,
        session: SessionId,
        messages: &[MessageRow],
        reply: &mut MessageRow,
        target: &Target,
    ) -> Result<Vec<SourceView>, ChatError> {
        let (mut sources, searched) = self.consult(user, session, messages, reply.id, target).await?;
        reply.left_out.searched = searched;
        sources.extend(attached::sources(messages));
        Ok(sources)
    }

    /// What the model is given to answer, or to go on from.
    async fn give(
        &self,
        asked: &Asked<'_>,
        way: &Way,
        hands: Option<&Hands>,
        mut reply: MessageRow,
    ) -> Result<Given, ChatError> {
        let Asked { user, row, messages, sources, target, going_on: partial } = *asked;
        let history = history_of(row, way.again);
        let mut firsts = Vec::new();
        // What a tool found is told where it was called.
        let sources: Vec<_> =
            sources.iter().filter(|it| query_of(&reply.calls, it.number).is_none()).cloned().collect();
        let n_passage_bytes: usize = sources.iter().map(|it| it.text.len()).sum();
        let n_written_bytes = partial.map_or(0, calls::n_bytes);
        let n_beside = n_tokens_beside(n_passage_bytes + n_written_bytes, hands.map(Hands::offered).as_ref());
        let mut turns = match self.fit(asked, history, n_beside).await? {
            Some(fitted) => {
                reply.left_out = LeftOutRow { searched: reply.left_out.searched, ..fitted.left_out };
                firsts.extend(fitted.summarise.map(First::Summarise));
                fitted.turns
            }
            None => self.given(user, Some(row), messages, &reply.left_out, target).await?,
        };
        let rest = &messages[(reply.left_out.n_messages as usize).min(messages.len())..];
        reply.left_out.n_images = self.seen_images(user, rest, target).await?.1;
        if reply.left_out != LeftOutRow::default() {
            self.store.set_left_out(reply.id, &reply.left_out).await?;
        }
        documents::give(&mut turns, &sources);
        if let Some(old) = &way.revises {
            turns.push(ChatTurn::new(Role::Assistant, old.body.trim()));
            firsts.push(First::Criticise);
        }
        let prompt = match way.again {
            Again::GoOn => going_on(turns, &reply),
            _ => Prompt::Chat(turns),
        };
        Ok(Given { prompt, reply, firsts })
    }
}

/// What an answer is asked from.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) user: UserId,
    pub(crate) row: &'a SessionRow,
    /// The branch up to the answer.
    pub(crate) messages: &'a [MessageRow],
    pub(crate) sources: &'a [SourceView],
    pub(crate) target: &'a Target,
    /// The answer that goes on, where one does.
    pub(crate) going_on: Option<&'a MessageRow>,
}

/// What the model is given.
struct Given {
    prompt: Prompt,
    reply: MessageRow,
    firsts: Vec<First>,
}

/// What is done about a conversation that does not fit.
fn history_of(row: &SessionRow, again: Again) -> History {
    match again {
        Again::Trimmed => History::TrimOldest,
        Again::Summarised => History::Summarise,
        // Going on was asked for; what that leaves out is told with the answer.
        Again::GoOn if row.history == History::Stop => History::TrimOldest,
        Again::Anew | Again::GoOn | Again::Revised => row.history,
    }
}

/// What a model goes on from: the last words of an answer, or what the tools gave that it called last.
fn going_on(mut turns: Vec<ChatTurn>, reply: &MessageRow) -> Prompt {
    if reply.calls.is_empty() {
        turns.push(turn(reply, &Shown::default()));
        return Prompt::Continue(turns);
    }
    turns.extend(calls::answer(reply));
    match turns.last() {
        Some(last) if last.role == Role::Assistant => Prompt::Continue(turns),
        _ => Prompt::Chat(turns),
    }
}

//! Sessions made from others: duplicates, forks, and what was read from files.

use crate::{
    Chat, ChatError, attached, calls,
    filing::{check_schema, folder_name},
    now_ms,
};
use std::collections::{HashMap, HashSet};
use store::{
    AttachedRow, Choices, ForkedFrom, ImportedSession, LeftOutRow, MessageRow, NewSession, SessionRow,
    ThoughtRow,
};
use transcripts::{AnsweredBy, Ended, Origin, Quote, Setup, Transcript, Turn};
use types::{
    chat::{MAX_TITLE_CHARS, MessageState, Role, Searched},
    document::{MAX_SESSION_COLLECTIONS, SourceView},
    filing::{MAX_FOLDERS, MAX_TAG_CHARS},
    ids::{FolderId, ImageId, MessageId, ModelId, SessionId, UserId},
    image::MAX_IMAGES,
    launch::{DraftChoice, LaunchOptions, LaunchProfile},
    overrides::Overrides,
    sampling::Sampling,
    settings::MAX_SYSTEM_PROMPT_BYTES,
    toolbox::Effect,
    tools::MAX_TOOLS,
};

/// A conversation of a file as it is written here.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) session: ImportedSession,
    pub(crate) n_images_left_out: usize,
    /// What the file says that its answers may call, and they may not.
    pub(crate) tools_off: Vec<String>,
}

impl Chat {
    /// Makes another session of one, with all branches.
    pub async fn duplicate(&self, user: UserId, id: SessionId) -> Result<SessionId, ChatError> {
        let (row, messages) = self.whole(user, id).await?;
        let leaf = row.leaf;
        self.copy(user, row, None, &messages, leaf).await
    }

    /// Makes another session of the branch that ends in `message`, and remembers where it is from.
    pub async fn fork(
        &self,
        user: UserId,
        id: SessionId,
        message: MessageId,
    ) -> Result<SessionId, ChatError> {
        let (row, messages) = self.whole(user, id).await?;
        let parents: HashMap<_, _> = messages.iter().map(|it| (it.id, it.parent)).collect();
        let mut branch = HashSet::new();
        let mut next = Some(message);
        while let Some(id) = next {
            next = *parents.get(&id).ok_or(ChatError::NotFound)?;
            branch.insert(id);
        }
        let messages: Vec<_> = messages.into_iter().filter(|it| branch.contains(&it.id)).collect();
        self.copy(user, row, Some((id, message)), &messages, Some(message)).await
    }

    async fn whole(&self, user: UserId, id: SessionId) -> Result<(SessionRow, Vec<MessageRow>), ChatError> {
        if self.running.find(id).is_some() {
            return Err(ChatError::Busy);
        }
        let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let messages = self.store.all_messages(user, id).await?;
        Ok((row, messages))
    }

    async fn copy(
        &self,
        user: UserId,
        row: SessionRow,
        origin: Option<(SessionId, MessageId)>,
        messages: &[MessageRow],
        shown: Option<MessageId>,
    ) -> Result<SessionId, ChatError> {
        let now = now_ms();
        let from = row.id;
        let model = self.store.session_model(user, from).await?;
        let session = NewSession {
            title: row.title,
            title_is_custom: row.title_is_custom,
            folder: row.folder,
            tags: self.store.tags_of(user, from).await?,
            system_prompt: row.system_prompt,
            answer_schema: row.answer_schema,
            keeps_probabilities: row.keeps_probabilities,
            overrides: row.overrides,
            effort: row.effort,
            history: row.history,
            origin,
            created_ms: now,
            updated_ms: now,
            ..NewSession::default()
        };
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        let sources = self.store.sources_of(user, &ids).await?;
        let id = self.store.write_session(user, &session, messages, shown, &sources).await?;
        if let Some((model, profile)) = model {
            self.store.set_session_model(id, &model, &profile).await?;
        }
        self.copy_choices(user, from, id).await?;
        self.notes.sessions_changed(user);
        Ok(id)
    }

    /// What answers may look into and call.
    async fn copy_choices(&self, user: UserId, from: SessionId, to: SessionId) -> Result<(), ChatError> {
        let collections = self.store.session_collections(user, from).await?;
        if !collections.is_empty() {
            self.store.set_session_collections(user, to, &collections).await?;
        }
        if let Some(tools) = self.store.session_tools(user, from).await? {
            self.store.set_session_tools(user, to, &tools).await?;
        }
        Ok(())
    }

    /// A session as a file tells it.
    pub async fn transcript(&self, user: UserId, id: SessionId) -> Result<Transcript, ChatError> {
        let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let folders = self.store.list_folders(user).await?;
        let folder = folders.into_iter().find(|it| Some(it.id) == row.folder).map(|it| it.name);
        let messages = self.store.all_messages(user, id).await?;
        let places: HashMap<_, _> = messages.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        let place = |id: Option<MessageId>| id.and_then(|id| places.get(&id).copied());
        let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
        let mut sources = self.store.sources_of(user, &ids).await?;
        let mut turns = Vec::with_capacity(messages.len());
        for mut message in messages {
            let images = self.image_files(user, &message.images).await?;
            let mut calls = Vec::with_capacity(message.calls.len());
            for call in std::mem::take(&mut message.calls) {
                let kept = call.result.as_ref().map_or(&[][..], |result| &result.images);
                let images = self.image_files(user, kept).await?;
                calls.push(calls::told(call, images));
            }
            let quotes = sources.remove(&message.id).unwrap_or_default();
            turns.push(Turn {
                ended: ended(&message, quotes),
                parent: place(message.parent),
                role: message.role,
                text: message.body,
                reasoning: message.thought.map(|thought| thought.text),
                calls,
                model: message.model,
                created_ms: message.created_ms,
                images,
                documents: message.documents.into_iter().map(|it| it.name).collect(),
            });
        }
        let model = self.store.session_model(user, id).await?;
        let origin = self.told_origin(user, id, &turns).await?;
        Ok(Transcript {
            title: row.title,
            folder,
            tags: self.store.tags_of(user, id).await?,
            setup: Setup {
                system_prompt: row.system_prompt,
                answer_schema: row.answer_schema,
                sampling: row.overrides,
                effort: row.effort,
                history: row.history,
                keeps_probabilities: row.keeps_probabilities,
                tools: self.store.session_tools(user, id).await?,
                collections: self.collection_names(user, id).await?,
                answered_by: model.map(|(model, profile)| AnsweredBy { model, profile }),
                origin,
            },
            pinned: row.pinned,
            archived: row.archived,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            turns,
            shown: place(row.leaf),
        })
    }

    /// What a session was forked from, and at which of its turns.
    async fn told_origin(
        &self,
        user: UserId,
        id: SessionId,
        turns: &[Turn],
    ) -> Result<Option<Origin>, ChatError> {
        let Some(from) = self.store.forked_from(user, id).await? else { return Ok(None) };
        let is_it = |turn: &Turn| turn.created_ms == from.created_ms && turn.text == from.body;
        Ok(turns.iter().position(is_it).map(|turn| Origin { title: from.title, turn }))
    }

    /// The names of the person's collections that a session's answers look into. Files that it was given are in none of a name.
    async fn collection_names(&self, user: UserId, id: SessionId) -> Result<Vec<String>, ChatError> {
        let used = self.store.session_collections(user, id).await?;
        if used.is_empty() {
            return Ok(Vec::new());
        }
        let collections = self.store.list_collections(user).await?;
        Ok(collections.into_iter().filter(|it| used.contains(&it.id)).map(|it| it.name).collect())
    }

    /// What a file says that answers of its session look into and call, and which model answered: as far as all of that is here.
    /// Tools by which something leaves the machine or changes are chosen here alone: with them, what a stranger's file tells models
    /// could reach further than the chat.
    async fn choices(&self, user: UserId, setup: &Setup) -> Result<Choices, ChatError> {
        let mut choices = Choices::default();
        if !setup.collections.is_empty() {
            let here = self.store.list_collections(user).await?.into_iter();
            let here = here.filter(|it| setup.collections.contains(&it.name)).map(|it| it.id);
            choices.collections = here.take(MAX_SESSION_COLLECTIONS).collect();
        }
        if let (Some(tools), Some(toolbox)) = (&setup.tools, &self.toolbox) {
            let registry = toolbox.registry();
            let is_harmless = |name: &&String| {
                registry.list().any(|(it, _)| it.name == **name && it.effect == Effect::None)
            };
            choices.tools = Some(tools.iter().filter(is_harmless).take(MAX_TOOLS).cloned().collect());
        }
        if let Some(AnsweredBy { model, profile }) = &setup.answered_by
            && self.has_model(model).await
        {
            let draft = match &profile.draft {
                DraftChoice::Model(draft) if !self.has_model(draft).await => DraftChoice::Usual,
                draft => draft.clone(),
            };
            choices.model = Some((model.clone(), LaunchProfile { draft, ..of_stranger(profile) }));
        }
        Ok(choices)
    }

    async fn has_model(&self, id: &ModelId) -> bool {
        match &self.models {
            Some(models) => models(id.clone()).await,
            None => false,
        }
    }

    /// The person's sessions that can be written into a file: all of them, the archive's too.
    pub async fn all_sessions(&self, user: UserId) -> Result<Vec<SessionId>, ChatError> {
        Ok(self.store.all_sessions(user).await?)
    }

    /// A conversation of a file as it is written here, and what was left out of it. Its images and its folder are there then.
    pub(crate) async fn imported(&self, user: UserId, chat: &Transcript) -> Result<Imported, ChatError> {
        let folder = match &chat.folder {
            Some(name) => self.folder_named(user, name).await?,
            None => None,
        };
        let (messages, n_images_left_out) = self.rows(user, &chat.turns).await?;
        let quoted = chat.turns.iter().enumerate().filter(|(_, turn)| !turn.ended.quotes.is_empty());
        let sources =
            quoted.map(|(at, turn)| (place_id(at), turn.ended.quotes.iter().map(source).collect())).collect();
        let shown = chat.shown.map(place_id);
        let origin = self.origin_of(user, chat).await?;
        let head = NewSession { origin, ..head(chat, folder) };
        let choices = self.choices(user, &chat.setup).await?;
        let tools_off = tools_off(&chat.setup, &choices);
        let session = ImportedSession { head, messages, shown, sources, choices };
        Ok(Imported { session, n_images_left_out, tools_off })
    }

    /// What a conversation of a file was forked from, if that is here.
    async fn origin_of(
        &self,
        user: UserId,
        chat: &Transcript,
    ) -> Result<Option<(SessionId, MessageId)>, ChatError> {
        let Some(Origin { title, turn }) = &chat.setup.origin else { return Ok(None) };
        let Some(turn) = chat.turns.get(*turn) else { return Ok(None) };
        let from = ForkedFrom { title: title.clone(), body: turn.text.clone(), created_ms: turn.created_ms };
        Ok(self.store.find_origin(user, &from).await?)
    }

    /// The folder of that name, which is made if need be; none where there are too many already.
    async fn folder_named(&self, user: UserId, name: &str) -> Result<Option<FolderId>, ChatError> {
        let Ok(name) = folder_name(name) else { return Ok(None) };
        Ok(match self.store.find_folder(user, &name).await? {
            Some(folder) => Some(folder),
            None if self.store.list_folders(user).await?.len() >= MAX_FOLDERS => None,
            None => self.store.add_folder(user, &name).await?,
        })
    }

    /// The files of images of the person's, but for those that are gone.
    async fn image_files(&self, user: UserId, ids: &[ImageId]) -> Result<Vec<Vec<u8>>, ChatError> {
        let mut files = Vec::with_capacity(ids.len());
        for &id in ids {
            files.extend(self.store.find_image(user, id).await?.map(|image| image.bytes));
        }
        Ok(files)
    }

    /// Keeps the images of a file. What is none, or is too large, is left out.
    async fn add_images(&self, user: UserId, files: &[Vec<u8>]) -> Result<Vec<ImageId>, ChatError> {
        let mut images = Vec::with_capacity(files.len());
        for bytes in files {
            match self.add_image(user, bytes.clone()).await {
                Ok(image) => images.push(image),
                Err(ChatError::NoImage | ChatError::TooLong { .. }) => {}
                Err(err) => return Err(err),
            }
        }
        Ok(images)
    }

    async fn rows(&self, user: UserId, turns: &[Turn]) -> Result<(Vec<MessageRow>, usize), ChatError> {
        let mut n_left_out = 0;
        let mut rows = Vec::with_capacity(turns.len());
        for (at, turn) in turns.iter().enumerate() {
            let shown = &turn.images[..turn.images.len().min(MAX_IMAGES)];
            let images = self.add_images(user, shown).await?;
            n_left_out += turn.images.len() - images.len();
            let mut calls = Vec::with_capacity(turn.calls.len());
            for (number, call) in turn.calls.iter().enumerate() {
                let images = self.add_images(user, &call.images).await?;
                n_left_out += call.images.len() - images.len();
                calls.push(calls::of_file(number, call, &images));
            }
            rows.push(MessageRow {
                parent: turn.parent.map(place_id),
                images,
                documents: named(&turn.documents, first_number(&rows, turn.parent)),
                thought: turn.reasoning.clone().map(|text| ThoughtRow { text, ms: turn.ended.reasoning_ms }),
                calls,
                model: turn.model.clone(),
                created_ms: turn.created_ms,
                state: turn.ended.state.unwrap_or(MessageState::Complete),
                error: turn.ended.error.clone(),
                usage: turn.ended.usage,
                kv: turn.ended.kv.clone(),
                is_revised: turn.ended.is_revised,
                is_corrected: turn.ended.is_corrected,
                warning: turn.ended.warning,
                left_out: LeftOutRow {
                    n_messages: turn.ended.n_left_out,
                    summary: turn.ended.summary.clone(),
                    n_images: turn.ended.n_unseen_images,
                    searched: match turn.ended.without_documents {
                        true => Searched::Failed,
                        false => turn.ended.searched,
                    },
                },
                ..MessageRow::new(place_id(at), turn.role, &turn.text)
            });
        }
        Ok((rows, n_left_out))
    }
}

/// The tools that a file names and that are not switched on.
fn tools_off(setup: &Setup, choices: &Choices) -> Vec<String> {
    let named = setup.tools.as_deref().unwrap_or_default();
    let switched_on = choices.tools.as_deref().unwrap_or_default();
    named.iter().filter(|name| !switched_on.contains(*name)).cloned().collect()
}

/// A place among turns, as the id of a row that is not written yet.
fn place_id(at: usize) -> MessageId {
    MessageId(i64::try_from(at).unwrap_or(i64::MAX))
}

/// The documents of a file, of which there are only the names, numbered from `first` on.
fn named(names: &[String], first: u32) -> Vec<AttachedRow> {
    let row = |(number, name): (u32, &String)| AttachedRow { number, document: None, name: name.clone() };
    (first..).zip(names).map(row).collect()
}

/// The number of the next document behind the turn at this place, which is written already.
fn first_number(rows: &[MessageRow], mut parent: Option<usize>) -> u32 {
    while let Some(row) = parent.and_then(|at| rows.get(at)) {
        if !row.documents.is_empty() {
            return attached::next_number(std::slice::from_ref(row));
        }
        parent = row.parent.and_then(|id| usize::try_from(id.0).ok());
    }
    1
}

fn head(chat: &Transcript, folder: Option<FolderId>) -> NewSession {
    let now = now_ms();
    // A time that no clock of ours can have shown would hide the session at the end of every list.
    let known = |ms: i64| if (1..=now).contains(&ms) { ms } else { now };
    NewSession {
        title: chat.title.chars().take(MAX_TITLE_CHARS).collect(),
        title_is_custom: !chat.title.is_empty(),
        pinned: chat.pinned,
        archived: chat.archived,
        folder,
        tags: chat.tags.iter().filter_map(|tag| short_tag(tag)).collect(),
        created_ms: known(chat.created_ms),
        updated_ms: known(chat.updated_ms),
        ..set_up(&chat.setup)
    }
}

/// What a file says of how a session is set up, but for what nobody could have set here.
fn set_up(setup: &Setup) -> NewSession {
    let is_short = |text: &&String| text.len() <= MAX_SYSTEM_PROMPT_BYTES;
    let can_be = |sampling: &&Overrides| sampling.over(Sampling::default()).is_ok();
    NewSession {
        system_prompt: setup.system_prompt.as_ref().filter(is_short).cloned(),
        answer_schema: setup.answer_schema.as_ref().filter(|it| check_schema(it).is_ok()).cloned(),
        overrides: Some(&setup.sampling).filter(can_be).cloned().unwrap_or_default(),
        effort: setup.effort,
        history: setup.history,
        keeps_probabilities: setup.keeps_probabilities,
        ..NewSession::default()
    }
}

/// How a file says that a model was loaded, without what would change what it is told or says: a template and adapters are chosen
/// here alone.
fn of_stranger(profile: &LaunchProfile) -> LaunchProfile {
    let options = LaunchOptions { template: None, adapters: Vec::new(), ..profile.options.clone() };
    LaunchProfile { options, ..profile.clone() }
}

/// How an answer came about, for a file.
fn ended(message: &MessageRow, sources: Vec<SourceView>) -> Ended {
    if message.role != Role::Assistant {
        return Ended::default();
    }
    let quote = |it: SourceView| Quote {
        number: it.number,
        document: it.document_name,
        page: it.page,
        heading: it.heading,
        text: it.text,
        is_whole: it.is_whole,
    };
    Ended {
        state: Some(message.state).filter(|state| *state != MessageState::Complete),
        error: message.error.clone(),
        usage: message.usage,
        kv: message.kv.clone(),
        is_revised: message.is_revised,
        is_corrected: message.is_corrected,
        n_left_out: message.left_out.n_messages,
        summary: message.left_out.summary.clone(),
        n_unseen_images: message.left_out.n_images,
        searched: message.left_out.searched,
        without_documents: false,
        warning: message.warning,
        reasoning_ms: message.thought.as_ref().and_then(|it| it.ms),
        quotes: sources.into_iter().map(quote).collect(),
    }
}

/// A passage of a file: its document is not here.
fn source(quote: &Quote) -> SourceView {
    SourceView {
        number: quote.number,
        document: None,
        document_name: quote.document.clone(),
        position: 0,
        last_position: 0,
        best_position: 0,
        page: quote.page,
        heading: quote.heading.clone(),
        text: quote.text.clone(),
        words: None,
        meaning: None,
        ranking: None,
        is_whole: quote.is_whole,
        cited: false,
        query: None,
    }
}

fn short_tag(tag: &str) -> Option<String> {
    let tag: String = tag.trim().to_lowercase().chars().filter(|it| !it.is_control()).collect();
    let tag: String = tag.chars().take(MAX_TAG_CHARS).collect();
    (!tag.is_empty()).then_some(tag)
}

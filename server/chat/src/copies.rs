//! Sessions made from others: duplicates, forks, and what was read from files.

use crate::{Chat, ChatError, attached, calls, filing::folder_name, now_ms};
use std::collections::{HashMap, HashSet};
use store::{AttachedRow, ImportedSession, MessageRow, NewSession, SessionRow, ThoughtRow};
use transcripts::{Transcript, Turn};
use types::{
    chat::MAX_TITLE_CHARS,
    filing::{MAX_FOLDERS, MAX_TAG_CHARS},
    ids::{FolderId, ImageId, MessageId, SessionId, UserId},
    image::MAX_IMAGES,
};

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
        let model = self.store.session_model(user, row.id).await?;
        let session = NewSession {
            title: row.title,
            title_is_custom: row.title_is_custom,
            folder: row.folder,
            system_prompt: row.system_prompt,
            answer_schema: row.answer_schema,
            keeps_probabilities: row.keeps_probabilities,
            overrides: row.overrides,
            effort: row.effort,
            origin,
            created_ms: now,
            updated_ms: now,
            ..NewSession::default()
        };
        let id = self.store.write_session(user, &session, messages, shown).await?;
        if let Some((model, profile)) = model {
            self.store.set_session_model(id, &model, &profile).await?;
        }
        self.notes.sessions_changed(user);
        Ok(id)
    }

    /// A session as a file tells it.
    pub async fn transcript(&self, user: UserId, id: SessionId) -> Result<Transcript, ChatError> {
        let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let folders = self.store.list_folders(user).await?;
        let folder = folders.into_iter().find(|it| Some(it.id) == row.folder).map(|it| it.name);
        let messages = self.store.all_messages(user, id).await?;
        let places: HashMap<_, _> = messages.iter().enumerate().map(|(at, it)| (it.id, at)).collect();
        let place = |id: Option<MessageId>| id.and_then(|id| places.get(&id).copied());
        let mut turns = Vec::with_capacity(messages.len());
        for message in messages {
            let mut images = Vec::with_capacity(message.images.len());
            for &image in &message.images {
                images.extend(self.store.find_image(user, image).await?.map(|image| image.bytes));
            }
            turns.push(Turn {
                parent: place(message.parent),
                role: message.role,
                text: message.body,
                reasoning: message.thought.map(|thought| thought.text),
                calls: message.calls.into_iter().map(calls::told).collect(),
                model: message.model,
                created_ms: message.created_ms,
                images,
                documents: message.documents.into_iter().map(|it| it.name).collect(),
            });
        }
        Ok(Transcript {
            title: row.title,
            folder,
            tags: self.store.tags_of(user, id).await?,
            pinned: row.pinned,
            archived: row.archived,
            created_ms: row.created_ms,
            updated_ms: row.updated_ms,
            turns,
            shown: place(row.leaf),
        })
    }

    /// The person's sessions that can be written into a file: all of them, the archive's too.
    pub async fn all_sessions(&self, user: UserId) -> Result<Vec<SessionId>, ChatError> {
        Ok(self.store.all_sessions(user).await?)
    }

    /// A conversation of a file as it is written here, and how many of its images were left out. Its images and its folder are there
    /// then.
    pub(crate) async fn imported(
        &self,
        user: UserId,
        chat: &Transcript,
    ) -> Result<(ImportedSession, usize), ChatError> {
        let folder = match &chat.folder {
            Some(name) => self.folder_named(user, name).await?,
            None => None,
        };
        let (messages, n_images_left_out) = self.rows(user, &chat.turns).await?;
        let session = ImportedSession { head: head(chat, folder), messages, shown: chat.shown.map(place_id) };
        Ok((session, n_images_left_out))
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

    async fn rows(&self, user: UserId, turns: &[Turn]) -> Result<(Vec<MessageRow>, usize), ChatError> {
        let mut n_left_out = 0;
        let mut rows = Vec::with_capacity(turns.len());
        for (at, turn) in turns.iter().enumerate() {
            let mut images: Vec<ImageId> = Vec::new();
            for bytes in turn.images.iter().take(MAX_IMAGES) {
                match self.add_image(user, bytes.clone()).await {
                    Ok(image) => images.push(image),
                    Err(ChatError::NoImage | ChatError::TooLong { .. }) => {}
                    Err(err) => return Err(err),
                }
            }
            n_left_out += turn.images.len() - images.len();
            rows.push(MessageRow {
                parent: turn.parent.map(place_id),
                images,
                documents: named(&turn.documents, first_number(&rows, turn.parent)),
                thought: turn.reasoning.clone().map(|text| ThoughtRow { text, ms: None }),
                calls: turn.calls.iter().enumerate().map(calls::of_file).collect(),
                model: turn.model.clone(),
                created_ms: turn.created_ms,
                ..MessageRow::new(place_id(at), turn.role, &turn.text)
            });
        }
        Ok((rows, n_left_out))
    }
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
        ..NewSession::default()
    }
}

fn short_tag(tag: &str) -> Option<String> {
    let tag: String = tag.trim().to_lowercase().chars().filter(|it| !it.is_control()).collect();
    let tag: String = tag.chars().take(MAX_TAG_CHARS).collect();
    (!tag.is_empty()).then_some(tag)
}

//! Folders, tags and the archive.

use crate::{Chat, ChatError, now_ms};
use types::{
    chat::ChatEvent,
    constraint::Constraint,
    filing::{FiledPage, Filter, Folder, FolderAct, MAX_FOLDER_CHARS, MAX_FOLDERS, MAX_TAG_CHARS, MAX_TAGS},
    ids::{FolderId, SessionId, UserId},
    overrides::{Overrides, SetUp, Setup},
    sampling::Sampling,
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

/// More would be no help to choose from; search finds the rest.
const TAGS_SHOWN: u32 = 200;

impl Chat {
    /// A page of the person's sessions, with the folders and tags there are.
    pub async fn filed_sessions(&self, user: UserId, filter: &Filter) -> Result<FiledPage, ChatError> {
        let (sessions, has_more) = self.store.filed_sessions(user, filter).await?;
        let folders = self.store.list_folders(user).await?;
        let tags = self.store.list_tags(user, filter.archived, TAGS_SHOWN).await?;
        let import = match filter.import {
            Some(import) => self.store.find_import(user, import).await?,
            None => None,
        };
        let folder_prompt = match filter.folder {
            Some(folder) => self.store.folder_prompt(user, folder).await?,
            None => None,
        };
        Ok(FiledPage { sessions, has_more, folders, tags, folder_prompt, import })
    }

    /// Does what a person wants with folders.
    pub async fn act_on_folders(&self, user: UserId, act: FolderAct) -> Result<(), ChatError> {
        match act {
            FolderAct::Create { name } => {
                let name = folder_name(&name)?;
                self.check_room_for_folder(user).await?;
                self.store.add_folder(user, &name).await?.ok_or_else(|| taken(&name))?;
            }
            FolderAct::Rename { folder, name } => {
                let name = folder_name(&name)?;
                if !self.store.rename_folder(user, folder, &name).await? {
                    return Err(taken(&name));
                }
            }
            FolderAct::SetPrompt { folder, text } => {
                self.set_folder_prompt(user, folder, text).await?;
            }
            FolderAct::Delete { folder } => self.store.delete_folder(user, folder, now_ms()).await?,
            FolderAct::Restore { folder } => {
                self.check_room_for_folder(user).await?;
                if !self.store.restore_folder(user, folder).await? {
                    return Err(ChatError::Setting(
                        "another folder got its name meanwhile; rename that one first".to_owned(),
                    ));
                }
            }
            FolderAct::Arrange { folders } => {
                self.store.arrange_folders(user, folders.get(..MAX_FOLDERS).unwrap_or(&folders)).await?;
            }
        }
        self.notes.sessions_changed(user);
        Ok(())
    }

    async fn check_room_for_folder(&self, user: UserId) -> Result<(), ChatError> {
        if self.store.list_folders(user).await?.len() < MAX_FOLDERS {
            return Ok(());
        }
        Err(ChatError::Setting(format!("there are {MAX_FOLDERS} folders already, which is the most")))
    }

    /// The person's folders in their order.
    pub async fn folders(&self, user: UserId) -> Result<Vec<Folder>, ChatError> {
        Ok(self.store.list_folders(user).await?)
    }

    /// Files a session in a folder, or in none.
    pub async fn file_session(
        &self,
        user: UserId,
        id: SessionId,
        folder: Option<FolderId>,
    ) -> Result<(), ChatError> {
        self.store.file_session(user, id, folder).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Puts a session away, or takes it back.
    pub async fn set_archived(&self, user: UserId, id: SessionId, archived: bool) -> Result<(), ChatError> {
        self.store.set_session_archived(user, id, archived).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// Files a session under these words and no others. They are trimmed, in lower case, and there once.
    pub async fn tag_session(&self, user: UserId, id: SessionId, tags: &[String]) -> Result<(), ChatError> {
        self.store.tag_session(user, id, &tidy_tags(tags)?).await?;
        self.notes.sessions_changed(user);
        Ok(())
    }

    /// How a session that has not begun is set up.
    pub async fn new_setup(&self, user: UserId) -> Result<Setup, ChatError> {
        let settings = self.settings.load_settings(user).await?;
        let knobs = Overrides::default().views(&settings.sampling);
        Ok(Setup { knobs, usual_system_prompt: settings.system_prompt, ..Setup::default() })
    }

    /// How a session is set up, and what holds where it says nothing.
    pub async fn setup(&self, user: UserId, id: SessionId) -> Result<Setup, ChatError> {
        let row = self.store.find_session(user, id).await?.ok_or(ChatError::NotFound)?;
        let settings = self.settings.load_settings(user).await?;
        let usual_system_prompt = self.usual_system_prompt(user, Some(&row)).await?;
        Ok(Setup {
            title: row.title,
            system_prompt: row.system_prompt,
            answer_schema: row.answer_schema,
            keeps_probabilities: row.keeps_probabilities,
            history: row.history,
            knobs: row.overrides.views(&settings.sampling),
            usual_system_prompt,
        })
    }

    /// Sets a session up. What is nothing but space is not set.
    pub async fn set_up(&self, user: UserId, id: SessionId, set_up: SetUp) -> Result<(), ChatError> {
        let (set_up, overrides) = checked(set_up)?;
        self.store.set_up_session(user, id, &set_up, &overrides).await?;
        self.store.touch_session(user, id, now_ms()).await?;
        self.notes.send(user, id, ChatEvent::ThreadChanged);
        Ok(())
    }

    /// Starts a session that is set up so.
    pub async fn begin_set_up(&self, user: UserId, set_up: SetUp) -> Result<SessionId, ChatError> {
        let (set_up, overrides) = checked(set_up)?;
        let session = self.store.create_session(user, now_ms()).await?;
        self.store.set_up_session(user, session, &set_up, &overrides).await?;
        Ok(session)
    }
}

/// What can be set, and the numbers it says.
fn checked(set_up: SetUp) -> Result<(SetUp, Overrides), ChatError> {
    let overrides = Overrides::read(&set_up.numbers).map_err(ChatError::Setting)?;
    let said = |text: Option<String>| text.filter(|it| !it.trim().is_empty());
    let (system_prompt, answer_schema) = (said(set_up.system_prompt), said(set_up.answer_schema));
    let (bytes, limit) = (system_prompt.as_ref().map_or(0, String::len), MAX_SYSTEM_PROMPT_BYTES);
    if bytes > limit {
        return Err(ChatError::TooLong { bytes, limit });
    }
    answer_schema.as_deref().map_or(Ok(()), check_schema)?;
    overrides.over(Sampling::default()).map_err(|err| ChatError::Setting(err.to_string()))?;
    Ok((SetUp { system_prompt, answer_schema, ..set_up }, overrides))
}

/// Whether it can mean anything only an engine can say.
pub(crate) fn check_schema(schema: &str) -> Result<(), ChatError> {
    let constraint = Constraint::JsonSchema(schema.to_owned());
    constraint.check().map_err(|err| ChatError::Setting(err.to_string()))?;
    match serde_json::from_str::<serde_json::Value>(schema) {
        Ok(serde_json::Value::Object(_)) => Ok(()),
        Ok(_) => Err(ChatError::Setting("a JSON schema is an object: it begins with {".to_owned())),
        Err(err) => Err(ChatError::Setting(format!("the JSON schema is no JSON: {err}"))),
    }
}

fn taken(name: &str) -> ChatError {
    ChatError::Setting(format!("there is a folder named {name} already"))
}

/// Trimmed, in one line, and not too long.
pub(crate) fn folder_name(name: &str) -> Result<String, ChatError> {
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    match name.chars().count() {
        0 => Err(ChatError::Setting("a folder needs a name".to_owned())),
        1..=MAX_FOLDER_CHARS => Ok(name),
        n => Err(ChatError::Setting(format!("the name has {n} letters, {MAX_FOLDER_CHARS} are allowed"))),
    }
}

fn tidy_tags(tags: &[String]) -> Result<Vec<String>, ChatError> {
    let mut tidy: Vec<String> = Vec::new();
    for tag in tags {
        // A control character would look like the end of a tag.
        let tag: String = tag.chars().filter(|it| !it.is_control()).collect();
        let tag = tag.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        let n = tag.chars().count();
        if n > MAX_TAG_CHARS {
            return Err(ChatError::Setting(format!(
                "the tag {tag} has {n} letters, {MAX_TAG_CHARS} are allowed"
            )));
        }
        if !tag.is_empty() && !tidy.contains(&tag) {
            tidy.push(tag);
        }
    }
    let n = tidy.len();
    if n > MAX_TAGS {
        return Err(ChatError::Setting(format!("there are {n} tags, {MAX_TAGS} are allowed")));
    }
    Ok(tidy)
}

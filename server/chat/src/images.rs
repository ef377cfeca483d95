//! Images that people show: kept as they came, and given to models that look at them; and what else goes with a message.

use crate::{Chat, ChatError, answering::status_of, attached::Papers, now_ms};
use inference::Target;
use std::collections::{HashMap, HashSet};
use store::{ImageRow, MessageRow, Store, StoreError};
use types::{
    ids::{ImageId, SessionId, UserId},
    image::{ImageFile, MAX_IMAGE_BYTES, MAX_IMAGES, MAX_IMAGES_BYTES},
};

/// Of a person's temporary chats together. Tests fill them.
const MOST_TEMPORARY_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 256 << 20 };

/// What a prompt has beside what is said.
#[derive(Default)]
pub(crate) struct Shown {
    pub(crate) images: HashMap<ImageId, ImageFile>,
    pub(crate) papers: Papers,
}

impl Chat {
    /// Keeps an image for a message that is about to be sent. One that is in no message a day later goes.
    pub async fn add_image(&self, user: UserId, bytes: Vec<u8>) -> Result<ImageId, ChatError> {
        if bytes.len() > MAX_IMAGE_BYTES {
            return Err(ChatError::TooLong { bytes: bytes.len(), limit: MAX_IMAGE_BYTES });
        }
        keep(&self.store, user, &ImageFile::new(bytes)).await?.ok_or(ChatError::NoImage)
    }

    /// Likewise for a session. In memory, where chats are that nothing is written of, there is room for so many only.
    pub async fn add_image_to(
        &self,
        user: UserId,
        session: Option<SessionId>,
        bytes: Vec<u8>,
    ) -> Result<ImageId, ChatError> {
        if let Some(session) = session {
            self.store.find_session(user, session).await?.ok_or(ChatError::NotFound)?;
        }
        if self.is_temporary
            && self.store.image_bytes(user).await?.saturating_add(bytes.len() as u64) > MOST_TEMPORARY_BYTES
        {
            let most = MOST_TEMPORARY_BYTES >> 20;
            let sentence = format!(
                "the images of temporary chats are in memory alone, which has room for {most} MB of them; delete a temporary chat \
                 with images, or show this one in a chat that is kept"
            );
            return Err(ChatError::Unfit(sentence));
        }
        self.add_image(user, bytes).await
    }

    /// An image of the person's, as it came.
    pub async fn image(&self, user: UserId, id: ImageId) -> Result<ImageRow, ChatError> {
        self.store.find_image(user, id).await?.ok_or(ChatError::NotFound)
    }

    /// What the model is given beside what is said: whole documents, and of the images those that it sees.
    pub(crate) async fn shown(
        &self,
        user: UserId,
        messages: &[MessageRow],
        target: &Target,
    ) -> Result<Shown, ChatError> {
        let mut images = HashMap::new();
        for id in self.seen_images(user, messages, target).await?.0 {
            if let Some(image) = self.store.find_image(user, id).await? {
                images.insert(id, ImageFile::new(image.bytes));
            }
        }
        let papers = self.papers(user, messages.iter().flat_map(|message| &message.documents)).await?;
        Ok(Shown { images, papers })
    }

    /// The newest images, as many as a request may have, and how many others there are. A model that does not look at images is only
    /// shown those of the last message, about which it says so; the others were for another model.
    pub(crate) async fn seen_images(
        &self,
        user: UserId,
        messages: &[MessageRow],
        target: &Target,
    ) -> Result<(Vec<ImageId>, u32), ChatError> {
        let mut seen = Vec::new();
        let mut unseen = HashSet::new();
        let mut left = MAX_IMAGES_BYTES as u64;
        let sees = status_of(&*self.engine, target).sees;
        for (from_end, message) in messages.iter().rev().enumerate() {
            for &id in message.images.iter().rev().filter(|_| sees || from_end == 0) {
                // One that is gone takes nothing from the others.
                let Some(size) = self.store.image_size(user, id).await? else { continue };
                if seen.contains(&id) {
                    continue;
                }
                if unseen.is_empty() && size <= left && seen.len() < MAX_IMAGES {
                    left -= size;
                    seen.push(id);
                } else {
                    unseen.insert(id);
                }
            }
            unseen.extend(message.images.iter().filter(|_| !sees && from_end > 0));
        }
        unseen.retain(|id| !seen.contains(id));
        Ok((seen, unseen.len().try_into().unwrap_or(u32::MAX)))
    }
}

/// Whether images that a tool made find room: in memory, where temporary chats are, there is so much only.
pub(crate) async fn have_room(
    store: &Store,
    user: UserId,
    session: SessionId,
    images: &[ImageFile],
) -> Result<bool, StoreError> {
    if images.is_empty() || !session.is_temporary() {
        return Ok(true);
    }
    let n_bytes: u64 = images.iter().map(|image| image.bytes().len() as u64).sum();
    Ok(store.image_bytes(user).await?.saturating_add(n_bytes) <= MOST_TEMPORARY_BYTES)
}

/// Keeps an image of the person's; `None` if it is none.
pub(crate) async fn keep(
    store: &Store,
    user: UserId,
    file: &ImageFile,
) -> Result<Option<ImageId>, StoreError> {
    let Some(kind) = file.kind() else { return Ok(None) };
    let hash = blake3::hash(file.bytes()).to_hex();
    Ok(Some(store.add_image(user, &hash, kind.media_type(), file.bytes(), now_ms()).await?))
}

//! Images that people show: kept as they came, and given to models that look at them; and what else goes with a message.

use crate::{Chat, ChatError, answering::status_of, attached::Papers, now_ms};
use inference::Target;
use std::collections::HashMap;
use store::{ImageRow, MessageRow, Store, StoreError};
use types::{
    ids::{ImageId, UserId},
    image::{ImageFile, MAX_IMAGE_BYTES, MAX_IMAGES, MAX_IMAGES_BYTES},
};

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

    /// An image of the person's, as it came.
    pub async fn image(&self, user: UserId, id: ImageId) -> Result<ImageRow, ChatError> {
        self.store.find_image(user, id).await?.ok_or(ChatError::NotFound)
    }

    /// What the model is given beside what is said: whole documents, and of the images the newest, as many as a request may have. A model that does not look
    /// at images is only shown those of the last message, about which it says so; the others were for another model.
    pub(crate) async fn shown(
        &self,
        user: UserId,
        messages: &[MessageRow],
        target: &Target,
    ) -> Result<Shown, ChatError> {
        let mut shown = HashMap::new();
        let mut left = MAX_IMAGES_BYTES as u64;
        let n_messages = if status_of(&*self.engine, target).sees { messages.len() } else { 1 };
        let newest = messages.iter().rev().take(n_messages).flat_map(|message| message.images.iter().rev());
        for &id in newest {
            let size = self.store.image_size(user, id).await?.unwrap_or(u64::MAX);
            if shown.contains_key(&id) {
                continue;
            }
            if size > left || shown.len() >= MAX_IMAGES {
                break;
            }
            left -= size;
            if let Some(image) = self.store.find_image(user, id).await? {
                shown.insert(id, ImageFile::new(image.bytes));
            }
        }
        let papers = self.papers(user, messages.iter().flat_map(|message| &message.documents)).await?;
        Ok(Shown { images: shown, papers })
    }
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

//! Images that people show to models.

use crate::{Store, StoreError, sessions::found};
use std::collections::HashMap;
use types::ids::{ImageId, MessageId, UserId};

/// An image as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRow {
    pub media_type: String,
    pub bytes: Vec<u8>,
}

impl Store {
    /// Keeps an image; one that the person has already keeps its id, and is as young as a new one.
    pub async fn add_image(
        &self,
        user: UserId,
        hash: &str,
        media_type: &str,
        bytes: &[u8],
        now_ms: i64,
    ) -> Result<ImageId, StoreError> {
        let id = sqlx::query_scalar!(
            "insert into image (user_id, hash, media_type, bytes, created_ms) values (?, ?, ?, ?, ?)
             on conflict (user_id, hash) do update set created_ms = excluded.created_ms returning id as \"id!\"",
            user.0,
            hash,
            media_type,
            bytes,
            now_ms
        )
        .fetch_one(&self.write)
        .await?;
        Ok(ImageId(id))
    }

    /// An image of the person's.
    pub async fn find_image(&self, user: UserId, id: ImageId) -> Result<Option<ImageRow>, StoreError> {
        let found = sqlx::query_as!(
            ImageRow,
            "select media_type, bytes from image where id = ? and user_id = ?",
            id.0,
            user.0
        );
        Ok(found.fetch_optional(&self.read).await?)
    }

    /// How many bytes an image of the person's has.
    pub async fn image_size(&self, user: UserId, id: ImageId) -> Result<Option<u64>, StoreError> {
        let size = sqlx::query_scalar!(
            "select length(bytes) as \"n!: i64\" from image where id = ? and user_id = ?",
            id.0,
            user.0
        );
        Ok(size.fetch_optional(&self.read).await?.and_then(|n| u64::try_from(n).ok()))
    }

    /// How many bytes all images of the person's have.
    pub async fn image_bytes(&self, user: UserId) -> Result<u64, StoreError> {
        let size = sqlx::query_scalar!(
            "select coalesce(sum(length(bytes)), 0) as \"n!: i64\" from image where user_id = ?",
            user.0
        );
        Ok(size.fetch_one(&self.read).await?.try_into().unwrap_or_default())
    }

    /// The images of these messages (as [`crate::messages::id_list`] writes them), in the order in which each shows them.
    pub(crate) async fn images_of(&self, ids: &str) -> Result<HashMap<MessageId, Vec<ImageId>>, StoreError> {
        let rows = sqlx::query!(
            "select message_id, image_id from message_image
             where message_id in (select value from json_each(?)) order by message_id, position",
            ids
        )
        .fetch_all(&self.read)
        .await?;
        let mut images = HashMap::<_, Vec<_>>::new();
        for row in rows {
            images.entry(MessageId(row.message_id)).or_default().push(ImageId(row.image_id));
        }
        Ok(images)
    }

    /// Removes images that are in no message and were sent before `before_ms`.
    pub async fn purge_images(&self, before_ms: i64) -> Result<u64, StoreError> {
        let done = sqlx::query!(
            "delete from image where created_ms < ? and id not in (select image_id from message_image)
                 and id not in (select image_id from message_call_image)",
            before_ms
        )
        .execute(&self.write)
        .await?;
        Ok(done.rows_affected())
    }
}

/// What a new message shows, in this order; all of it must be the person's.
pub(crate) async fn show_images(
    tx: &mut sqlx::SqliteConnection,
    user: UserId,
    message: i64,
    images: &[ImageId],
) -> Result<(), StoreError> {
    for (position, image) in (0_i64..).zip(images) {
        let done = sqlx::query!(
            "insert into message_image (message_id, position, image_id)
             select ?, ?, id from image where id = ? and user_id = ?",
            message,
            position,
            image.0,
            user.0
        )
        .execute(&mut *tx)
        .await?;
        found(done.rows_affected())?;
    }
    Ok(())
}

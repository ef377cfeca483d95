//! Who makes images. Its key is not kept here: what is read back has an empty one in its place.

use crate::{Store, StoreError};
use types::{secret::Secret, toolbox::ImageService};

impl Store {
    /// Who makes images; none until somebody has chosen.
    pub async fn image_service(&self) -> Result<Option<ImageService>, StoreError> {
        let row = sqlx::query!("select kind, address, model, side from image_service")
            .fetch_optional(&self.read)
            .await?;
        Ok(row.map(|row| {
            let (address, side) = (row.address, u32::try_from(row.side).unwrap_or_default());
            match row.kind.as_str() {
                "openai" => ImageService::OpenAi { address, model: row.model, key: Secret::default(), side },
                _ => ImageService::A1111 { address, side },
            }
        }))
    }

    /// Replaces who makes images.
    pub async fn set_image_service(&self, service: Option<&ImageService>) -> Result<(), StoreError> {
        let (kind, address, model, side) = match service {
            None => {
                sqlx::query!("delete from image_service").execute(&self.write).await?;
                return Ok(());
            }
            Some(ImageService::OpenAi { address, model, side, .. }) => {
                ("openai", address, model.as_str(), side)
            }
            Some(ImageService::A1111 { address, side }) => ("a1111", address, "", side),
        };
        sqlx::query!(
            "insert or replace into image_service (id, kind, address, model, side) values (1, ?, ?, ?, ?)",
            kind,
            address,
            model,
            side
        )
        .execute(&self.write)
        .await?;
        Ok(())
    }
}

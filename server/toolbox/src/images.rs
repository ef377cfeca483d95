//! Who makes images, chosen by an administrator.

use crate::{Inner, Toolbox, ToolboxError, check, key_hint};
use tools::GenerateImage;
use types::{
    secret::Secret,
    toolbox::{IMAGE_SIDES, ImageService, ImageServiceView},
};

const MAX_MODEL_BYTES: usize = 200;

/// What only an administrator may do. Who that is, whoever calls these has found out.
impl Toolbox {
    /// Who makes images.
    pub async fn image_service(&self) -> Result<ImageServiceView, ToolboxError> {
        Ok(match self.0.image_service().await? {
            None => ImageServiceView::Off,
            Some(ImageService::OpenAi { address, model, key, side }) => {
                ImageServiceView::OpenAi { address, model, key_hint: key_hint(&key), side }
            }
            Some(ImageService::A1111 { address, side }) => ImageServiceView::A1111 { address, side },
        })
    }

    /// Lets this service make images, or nobody. An empty key keeps the one there is, which never goes to another address than
    /// it was entered for; one that is not needed any more is forgotten.
    pub async fn set_image_service(&self, service: Option<ImageService>) -> Result<(), ToolboxError> {
        let _changing = self.0.changing.lock().await;
        let service = match service {
            Some(service) => Some(self.with_image_key(service).await?),
            None => None,
        };
        let tool = service.as_ref().map(GenerateImage::tool).transpose()?;
        let key = match &service {
            Some(ImageService::OpenAi { key, .. }) if !key.expose().is_empty() => Some(key.clone()),
            _ => None,
        };
        self.0.keys.change(|kept| kept.images = key).await?;
        self.0.store.set_image_service(service.as_ref()).await?;
        self.0.parts().images = tool;
        self.0.gather();
        Ok(())
    }

    async fn with_image_key(&self, service: ImageService) -> Result<ImageService, ToolboxError> {
        let (ImageService::OpenAi { side, .. } | ImageService::A1111 { side, .. }) = &service;
        if !IMAGE_SIDES.contains(side) {
            return Err(ToolboxError::ImageSide);
        }
        let ImageService::OpenAi { address, model, key, side } = service else { return Ok(service) };
        if model.len() > MAX_MODEL_BYTES {
            return Err(ToolboxError::ImageModel);
        }
        if !key.expose().is_empty() && !check::is_key(&key) {
            return Err(ToolboxError::Key);
        }
        let key = if key.expose().is_empty() { self.image_key_for(&address).await? } else { key };
        Ok(ImageService::OpenAi { address, model, key, side })
    }

    async fn image_key_for(&self, wanted: &str) -> Result<Secret, ToolboxError> {
        Ok(match self.0.image_service().await? {
            Some(ImageService::OpenAi { address, key, .. }) if address == wanted => key,
            _ => Secret::default(),
        })
    }
}

impl Inner {
    /// Who makes images, with its key, which is empty if there is none.
    pub(crate) async fn image_service(&self) -> Result<Option<ImageService>, ToolboxError> {
        let service = self.store.image_service().await?;
        Ok(service.map(|service| match service {
            ImageService::OpenAi { address, model, side, .. } => {
                let key = self.keys.images().unwrap_or_default();
                ImageService::OpenAi { address, model, key, side }
            }
            service => service,
        }))
    }
}

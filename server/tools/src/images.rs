//! Images made by a server that the administrator chose: one in the house, or a provider. There is none until then.

mod a1111;
mod openai;

use crate::{
    AllowedHosts, Answer, Arguments, Asker, Description, Egress, EgressError, Failure, Tool, egress::Request,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::future::BoxFuture;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use types::{
    called::{CallFailure, WebProblem},
    image::{ImageFile, MAX_IMAGE_BYTES},
    secret::Secret,
    toolbox::{Effect, ImageService},
};

const MAX_PROMPT_CHARS: usize = 4_000;
/// An image in base64, and what stands around it.
const MAX_REPLY_BYTES: usize = MAX_IMAGE_BYTES / 3 * 4 + (1 << 20);
/// Processors without a graphics card take minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The tool `generate_image`.
pub struct GenerateImage {
    egress: Egress,
    service: Service,
    /// Length of a square's side, in pixels.
    side: u32,
}

/// A service and where it is.
enum Service {
    OpenAi { address: Url, model: String, key: Secret },
    A1111 { address: Url },
}

/// Why what the server sent is no image to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum BadReply {
    #[error("the server sent more than an image")]
    TooMuch,
    #[error("the server sent something else than an image")]
    SomethingElse,
    #[error("the server made no image")]
    Nothing,
    #[error("the server sent an address instead of an image")]
    Address,
    #[error("the server sent an image that is too large")]
    TooLarge,
    #[error("the server sent an image of a kind that is not known here")]
    Kind,
}

impl From<BadReply> for Failure {
    fn from(reply: BadReply) -> Self {
        let problem = match reply {
            BadReply::TooMuch | BadReply::SomethingElse | BadReply::Nothing | BadReply::Address => {
                WebProblem::NoImage
            }
            BadReply::TooLarge | BadReply::Kind => WebProblem::ImageUnusable,
        };
        Self::refused_as(CallFailure::of(problem), reply.to_string())
    }
}

#[derive(Deserialize)]
struct Asked {
    prompt: String,
    #[serde(default)]
    shape: Shape,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    #[default]
    Square,
    Wide,
    Tall,
}

impl Shape {
    /// Width and height in pixels. Models are trained with sides that are multiples of 64.
    fn size(self, side: u32) -> (u32, u32) {
        let longer = side + side / 2;
        match self {
            Self::Square => (side, side),
            Self::Wide => (longer, side),
            Self::Tall => (side, longer),
        }
    }
}

impl GenerateImage {
    /// Ready for a registry. The host may be in a network of one's own: the administrator named it.
    pub fn tool(service: &ImageService) -> Result<Arc<dyn Tool>, EgressError> {
        let (service, side) = match service {
            ImageService::OpenAi { address, model, key, side } => {
                let address = openai::images_address(address)?;
                (Service::OpenAi { address, model: model.clone(), key: key.clone() }, *side)
            }
            ImageService::A1111 { address, side } => {
                (Service::A1111 { address: a1111::images_address(address)? }, *side)
            }
        };
        let egress = Egress::new(AllowedHosts::only(service.address()))?.with_patience(PATIENCE);
        Ok(Arc::new(Self { egress, service, side }))
    }

    async fn generate(&self, asked: Asked) -> Result<Answer, Failure> {
        let prompt = asked.prompt.trim();
        if prompt.is_empty() {
            return Err(Failure::Arguments("the prompt is empty".to_owned()));
        }
        let (width, height) = asked.shape.size(self.side);
        let request = match &self.service {
            Service::OpenAi { address, model, key } => {
                openai::request(address, model, key, prompt, (width, height))
            }
            Service::A1111 { address } => a1111::request(address, prompt, (width, height)),
        };
        let page = self.egress.fetch(request, MAX_REPLY_BYTES).await.map_err(|err| explain(&err))?;
        if page.is_cut {
            return Err(BadReply::TooMuch.into());
        }
        let encoded = match &self.service {
            Service::OpenAi { .. } => openai::read(&page.bytes),
            Service::A1111 { .. } => a1111::read(&page.bytes),
        };
        let image = encoded.and_then(|text| decoded(&text))?;
        let shown = format!("{width} × {height}: {prompt}");
        let text = "The image was made and the person sees it here. Do not describe it as if you had seen it, and do not repeat \
            the prompt.";
        Ok(Answer::new(text, shown).with_images(vec![image]))
    }
}

impl Service {
    fn address(&self) -> &Url {
        match self {
            Self::OpenAi { address, .. } | Self::A1111 { address } => address,
        }
    }
}

fn explain(err: &EgressError) -> Failure {
    let (problem, sentence) = match err {
        EgressError::Status { status: 401 | 403, .. } => (
            WebProblem::KeyRefused,
            "the server of images does not take the key; an administrator can renew it on the page Tools",
        ),
        EgressError::Status { status: 400 | 422, .. } => (
            WebProblem::ImageOrder,
            "the server of images does not take this order; the prompt may be against its rules, or the size or the model \
             that is set on the page Tools may be unknown to it",
        ),
        EgressError::Status { status: 429, .. } => {
            (WebProblem::AskedTooOften, "the server of images has been asked too often; try again later")
        }
        err => {
            return Failure::refused_as(err.into(), format!("the server of images cannot be asked: {err}"));
        }
    };
    Failure::refused_as(CallFailure::of(problem), sentence)
}

/// An image of base64, with or without the beginning of a data address.
fn decoded(text: &str) -> Result<ImageFile, BadReply> {
    let encoded = text.strip_prefix("data:").and_then(|it| it.split_once(',')).map_or(text, |(_, rest)| rest);
    let bytes = BASE64_STANDARD.decode(encoded.trim()).map_err(|_| BadReply::SomethingElse)?;
    let image = ImageFile::new(bytes);
    if image.bytes().len() > MAX_IMAGE_BYTES {
        return Err(BadReply::TooLarge);
    }
    image.kind().map(|_| image).ok_or(BadReply::Kind)
}

fn post(url: &Url, body: Value) -> Request {
    Request { json: Some(body), ..Request::get(url.clone(), "application/json") }
}

impl Tool for GenerateImage {
    fn describe(&self) -> Description {
        let parameters = json!({
            "type": "object",
            "properties": {
                "prompt": {"type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARS},
                "shape": {"type": "string", "enum": ["square", "wide", "tall"]},
            },
            "required": ["prompt"],
            "additionalProperties": false,
        });
        let description = "Makes one image from a description in English: subject, surroundings, style, light. The \
            person sees the image; you do not.";
        Description::builtin("generate_image", description, parameters, Effect::Sends)
    }

    fn run<'a>(&'a self, arguments: Arguments, _: &'a Asker) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async { self.generate(arguments.read()?).await })
    }

    fn patience(&self) -> Option<Duration> {
        Some(PATIENCE)
    }
}

#[cfg(test)]
mod tests;

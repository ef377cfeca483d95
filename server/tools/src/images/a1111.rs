//! The API of AUTOMATIC1111's web UI, which Forge, SD.Next and stable-diffusion.cpp speak too.

use super::{BadReply, Request, post};
use crate::{EgressError, egress::address_below};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Reply {
    images: Vec<String>,
}

/// `text` is where the web UI is, for example `http://localhost:7860`.
pub(super) fn images_address(text: &str) -> Result<Url, EgressError> {
    address_below(text, "/sdapi/v1/txt2img")
}

/// Everything but the prompt and the size is as it is set there.
pub(super) fn request(address: &Url, prompt: &str, (width, height): (u32, u32)) -> Request {
    post(address, json!({"prompt": prompt, "width": width, "height": height, "batch_size": 1, "n_iter": 1}))
}

/// The image in base64.
pub(super) fn read(bytes: &[u8]) -> Result<String, BadReply> {
    let reply: Reply = serde_json::from_slice(bytes).map_err(|_| BadReply::SomethingElse)?;
    reply.images.into_iter().next().ok_or(BadReply::Nothing)
}

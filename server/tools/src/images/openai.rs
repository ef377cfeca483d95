//! The images API of OpenAI, which stable-diffusion.cpp, LocalAI and others speak too.
//! <https://platform.openai.com/docs/api-reference/images/create>

use super::{BadReply, Request, post};
use crate::{EgressError, egress::address_below};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use types::secret::Secret;

/// Models of this family send base64 unasked and refuse to be asked for it.
const SENDS_BASE64: &str = "gpt-image";

#[derive(Deserialize)]
struct Reply {
    data: Vec<Made>,
}

#[derive(Deserialize)]
struct Made {
    b64_json: Option<String>,
}

/// `text` is what the API's addresses begin with, for example `http://localhost:1234/v1`.
pub(super) fn images_address(text: &str) -> Result<Url, EgressError> {
    address_below(text, "/images/generations")
}

pub(super) fn request(
    address: &Url,
    model: &str,
    key: &Secret,
    prompt: &str,
    (width, height): (u32, u32),
) -> Request {
    let mut body = json!({"prompt": prompt, "n": 1, "size": format!("{width}x{height}")});
    if !model.is_empty() {
        body["model"] = model.into();
    }
    if !model.starts_with(SENDS_BASE64) {
        body["response_format"] = "b64_json".into();
    }
    let bearer = || ("authorization", Secret::new(format!("Bearer {}", key.expose())));
    Request { key: (!key.expose().is_empty()).then(bearer), ..post(address, body) }
}

/// The image in base64.
pub(super) fn read(bytes: &[u8]) -> Result<String, BadReply> {
    let reply: Reply = serde_json::from_slice(bytes).map_err(|_| BadReply::SomethingElse)?;
    let made = reply.data.into_iter().next().ok_or(BadReply::Nothing)?;
    made.b64_json.ok_or(BadReply::Address)
}

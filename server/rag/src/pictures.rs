//! Images with text in them: the chosen model writes it down, if it looks at images and runs on this machine.

mod pages;

use crate::{
    Rag, RagError,
    extract::{Block, BlockKind, Extracted},
};
use futures::StreamExt;
use inference::{GenerateEvent, GenerateRequest, Prompt, Target, Tenant};
use std::{fs::File, io::Read};
use types::{
    chat::{ChatTurn, FinishReason, Role},
    document::{DocumentKind, PassageKind},
    ids::{ModelId, UserId},
    image::{ImageFile, ImageKind, MAX_IMAGE_BYTES, TurnImage},
    model::ModelState,
    reasoning::{Effort, Reasoning},
    sampling::Sampling,
};

/// Enough to know an image by.
const HEAD_BYTES: u64 = 18;
/// The lengths that the second header of a bitmap has.
const BITMAP_HEADERS: [u32; 7] = [12, 40, 52, 56, 64, 108, 124];
/// A page has fewer.
const MAX_TOKENS: u32 = 4096;
/// What the model says where there is nothing to write down.
const NOTHING: &str = "(no text)";
const TASK: &str = "Write down all the text that is in this image, exactly as it stands there, in the order in which it is read, \
                    with its line breaks. Do not describe the image, do not translate, add nothing. If there is no text in it, \
                    write (no text) alone.";

/// Why an image gives no text. `Display` is a sentence a person can read, which goes on from the file's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Illegible {
    #[error(
        "is an image, and its text is only read by a model that looks at images: choose one, and read it again"
    )]
    NoModel,
    #[error(
        "is an image, and the chosen model runs elsewhere, where documents are not sent: choose one of this machine that looks at \
         images, and read it again"
    )]
    Elsewhere,
    #[error("is an image of more than {} MB; make it smaller and add it again", MAX_IMAGE_BYTES / 1_000_000)]
    TooLarge,
    #[error("is an image in which {model} found no text")]
    NoText { model: String },
    #[error("took {model} longer than {seconds} s to read; make the image smaller and add it again")]
    TooSlow { model: String, seconds: u64 },
    #[error("could not be read by {model}: {reason}; read it again")]
    Failed { model: String, reason: String },
}

/// Whether a file is an image that a model can be shown. Its place is the beginning again afterwards.
pub(crate) fn is_picture(file: &mut File) -> std::io::Result<bool> {
    use std::io::{Seek, SeekFrom};
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(begins_image(&head))
}

/// Two letters make no bitmap, nor four a GIF: texts begin so, too.
fn begins_image(head: &[u8]) -> bool {
    match ImageKind::of(head) {
        Some(ImageKind::Png | ImageKind::Jpeg | ImageKind::Webp | ImageKind::Tiff) => true,
        Some(ImageKind::Gif) => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
        Some(ImageKind::Bmp) => {
            let header = head.get(14..18).and_then(|it| <[u8; 4]>::try_from(it).ok()).map(u32::from_le_bytes);
            header.is_some_and(|length| BITMAP_HEADERS.contains(&length))
        }
        None => false,
    }
}

impl Rag {
    /// The text of an image, as the chosen model writes it down. The error is a sentence for the person.
    pub(crate) async fn read_picture(&self, user: UserId, file: File) -> Result<Extracted, String> {
        let (id, model) = self.looker().map_err(|err| format!("it {err}"))?;
        let bytes = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            file.take(MAX_IMAGE_BYTES as u64 + 1).read_to_end(&mut bytes).map(|_| bytes)
        });
        let bytes = match bytes.await {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(err)) => return Err(RagError::File(err).to_string()),
            Err(_) => return Err(RagError::Task.to_string()),
        };
        if bytes.len() > MAX_IMAGE_BYTES {
            return Err(format!("it {}", Illegible::TooLarge));
        }
        let has_more = pages::are_several(&bytes);
        let time = self.reader().limits().picture_time;
        let written = tokio::time::timeout(time, self.write_down(user, id, bytes)).await;
        let written = match written {
            Ok(Ok(written)) => written,
            Ok(Err(reason)) => return Err(format!("it {}", Illegible::Failed { model, reason })),
            Err(_) => return Err(format!("it {}", Illegible::TooSlow { model, seconds: time.as_secs() })),
        };
        let blocks = blocks(&written.text);
        if blocks.is_empty() {
            return Err(format!("it {}", Illegible::NoText { model }));
        }
        let note = Some(note(&model, &written, has_more));
        Ok(Extracted { kind: DocumentKind::Image, n_pages: None, blocks, note })
    }

    /// The chosen model, if it can be shown images here.
    fn looker(&self) -> Result<(ModelId, String), Illegible> {
        let status = self.engine().status();
        let chosen = &status.borrow().chosen;
        let is_there = matches!(chosen.state, ModelState::Ready | ModelState::Busy { .. });
        match &chosen.id {
            Some(id) if id.is_remote() => Err(Illegible::Elsewhere),
            Some(id) if chosen.sees && is_there => {
                Ok((id.clone(), chosen.name.clone().unwrap_or_else(|| id.short_name())))
            }
            _ => Err(Illegible::NoModel),
        }
    }

    async fn write_down(&self, user: UserId, model: ModelId, bytes: Vec<u8>) -> Result<Written, String> {
        let mut turn = ChatTurn::new(Role::User, TASK);
        turn.images.push(TurnImage { at: 0, file: ImageFile::new(bytes) });
        let settings = self.store().load_settings(user).await;
        let guards = settings.map_err(|err| RagError::from(err).to_string())?.guards;
        let request = GenerateRequest {
            sampling: Sampling { temperature: 0.0, max_tokens: Some(MAX_TOKENS), ..Sampling::default() },
            reasoning: Reasoning { effort: Some(Effort::None), max_tokens: Some(0) },
            guards,
            ..GenerateRequest::new(Prompt::Chat(vec![turn]), Tenant(user.0))
        };
        let target = Target { model: Some(model), keep_alive: None };
        let mut events = self.engine().generate(target, request).await.map_err(|err| err.to_string())?;
        let mut written = Written::default();
        while let Some(event) = events.next().await {
            match event.map_err(|err| err.to_string())? {
                GenerateEvent::Text { text, .. } => written.text.push_str(&text),
                GenerateEvent::Finished { reason, .. } => written.is_whole = reason == FinishReason::Stop,
                _ => {}
            }
        }
        Ok(written)
    }
}

/// What a model wrote down.
#[derive(Default)]
struct Written {
    text: String,
    is_whole: bool,
}

/// Who wrote it down, and what was left out.
fn note(model: &str, written: &Written, has_more: bool) -> String {
    let end = match (written.is_whole, has_more) {
        (true, false) => "",
        (true, true) => " Only its first page was read.",
        (false, false) => " Only its beginning was read.",
        (false, true) => " Only the beginning of its first page was read.",
    };
    format!("{model} wrote down what it read in the image; it can be mistaken.{end}")
}

/// A paragraph a block.
fn blocks(text: &str) -> Vec<Block> {
    let text = text.trim();
    if text.trim_matches(|c: char| !c.is_alphanumeric()).is_empty() || text.eq_ignore_ascii_case(NOTHING) {
        return Vec::new();
    }
    let block = |text: &str| Block {
        kind: BlockKind::Body(PassageKind::Text),
        page: None,
        text: text.trim().to_owned(),
    };
    text.replace("\r\n", "\n").split("\n\n").filter(|part| !part.trim().is_empty()).map(block).collect()
}

#[cfg(test)]
mod tests;

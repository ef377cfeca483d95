//! What makes two conversations of files the same one: what was said in them, and when they began, or how they are called where no
//! file says when. Names, folders and tags are changed without saying anything.

use transcripts::{Call, Transcript, Turn};

/// A digest of what `chat` says. Blocks for as long as it takes to read it.
pub(super) fn digest_of(chat: &Transcript) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&chat.created_ms.to_le_bytes());
    if chat.created_ms <= 0 {
        add(&mut hasher, chat.title.as_bytes());
    }
    for turn in &chat.turns {
        add_turn(&mut hasher, turn);
    }
    hasher.finalize().into()
}

fn add_turn(hasher: &mut blake3::Hasher, turn: &Turn) {
    let Turn { parent, role, text, reasoning, calls, model, created_ms, images, documents, ended: _ } = turn;
    add(hasher, &parent.map_or(u64::MAX, |at| at as u64).to_le_bytes());
    add(hasher, &[*role as u8]);
    add(hasher, &created_ms.to_le_bytes());
    add(hasher, text.as_bytes());
    for words in [reasoning, model] {
        add(hasher, words.as_deref().unwrap_or_default().as_bytes());
    }
    for Call { name, arguments, result, images, .. } in calls {
        add(hasher, name.as_bytes());
        add(hasher, arguments.as_bytes());
        add(hasher, result.as_deref().unwrap_or_default().as_bytes());
        for image in images {
            add(hasher, image);
        }
    }
    for image in images {
        add(hasher, image);
    }
    for document in documents {
        add(hasher, document.as_bytes());
    }
}

/// Lengths stand before what they are of, so that nothing can move from one field to the next unnoticed.
fn add(hasher: &mut blake3::Hasher, bytes: &[u8]) {
    hasher.update(&(bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

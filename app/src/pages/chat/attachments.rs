//! Images that go with the message that is being written: chosen, pasted or dropped, sent at once and shown small.

use super::{
    api,
    draft::{self, Part},
    thread_store::ThreadStore,
};
use crate::{
    i18n::{NamedTexts, fill, use_texts},
    live::{Live, OnceKnown, use_live},
    platform,
    ui::{
        icon::Icon,
        toast::{Toasts, use_toasts},
        when::When,
    },
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    ids::{ImageId, SessionId},
    model::{ModelState, ModelStatus},
};

/// The images of the message that is being written, which are kept with its draft. Copy.
#[derive(Clone, Copy)]
pub(crate) struct Attachments {
    images: RwSignal<Vec<ImageId>>,
    /// Files of chats' messages that wait for the code that sends them.
    files: StoredValue<Vec<(Option<SessionId>, platform::File)>, LocalStorage>,
    /// How many are on their way to the server, those that wait included.
    n_coming: RwSignal<usize>,
    live: Live,
    store: ThreadStore,
}

impl Attachments {
    pub(super) fn new(store: ThreadStore) -> Self {
        let (images, n_coming) = (RwSignal::new(Vec::new()), RwSignal::new(0));
        // Those of another chat stay with its draft.
        Effect::new(move |_| images.set(kept(store.session.get())));
        let files = StoredValue::new_local(Vec::new());
        Self { images, files, n_coming, live: use_live(), store }
    }

    /// The model that answers this message. Follows what changes.
    fn answerer(self) -> ModelStatus {
        self.live.model_for(self.store.answers_next.read().as_ref())
    }

    /// Takes images that go with the message.
    fn add(self, files: Vec<platform::File>) {
        let (n, session) = (files.len(), self.store.session.get_untracked());
        self.files.update_value(|waiting| waiting.extend(files.into_iter().map(|file| (session, file))));
        self.n_coming.update(|coming| *coming += n);
    }

    /// Whether there is none; follows what changes.
    pub(super) fn are_none(self) -> bool {
        self.images.read().is_empty()
    }

    /// Whether there is none right now.
    pub(super) fn is_empty(self) -> bool {
        self.images.read_untracked().is_empty()
    }

    /// Some of them or of the documents are still on their way: what is sent now would go without them. Follows what changes.
    pub(super) fn are_coming(self) -> bool {
        self.n_coming.get() + self.store.n_arriving.get() > 0
    }

    /// What is there, which goes with a message now.
    pub(super) fn take(self) -> Vec<ImageId> {
        keep(self.store.session.get_untracked(), Vec::clear);
        self.images.try_update(std::mem::take).unwrap_or_default()
    }

    /// The message of a chat could not be sent. What was added meanwhile follows its images.
    pub(super) fn give_back(self, session: Option<SessionId>, images: Vec<ImageId>) {
        keep(session, |kept| _ = kept.splice(..0, images));
        if self.store.session.try_get_untracked() == Some(session) {
            _ = self.images.try_set(kept(session));
        }
    }

    /// Takes files that were pasted or dropped: images for a model that looks at them, everything else as documents. Says whether
    /// there were any.
    pub(super) fn take_in(self, files: Vec<platform::File>) -> bool {
        let sees = untrack(|| self.answerer().sees);
        let (images, others): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| sees && platform::is_image(file));
        let (has_images, has_others) = (!images.is_empty(), !others.is_empty());
        if has_images {
            self.add(images);
        }
        if has_others {
            self.store.take_files(others);
        }
        has_images || has_others
    }
}

/// Chooses images from files, for a model that looks at them.
#[component]
pub(super) fn AttachButton(attachments: Attachments) -> AnyView {
    let texts = use_texts();
    let button = move || {
        view! {
            <label class="button button-quiet cursor-pointer focus-within:outline-2 focus-within:outline-accent" title=texts.attach_image>
                <Icon icon=icondata_lu::LuImagePlus size=16/>
                <input
                    type="file"
                    multiple
                    accept="image/png,image/jpeg,image/webp,image/gif,image/bmp,image/tiff"
                    class="sr-only"
                    aria-label=texts.attach_image
                    data-testid="attach"
                    on:change=move |event| attachments.add(platform::chosen_files(&event))
                />
            </label>
        }
        .into_any()
    };
    view! {
        <OnceKnown>
            {move || attachments.answerer().sees.then(button)}
        </OnceKnown>
    }
    .into_any()
}

impl Attachments {
    /// The images of the message, or of the chat where the model looks at none, are to be spoken of.
    pub(super) fn are_told(self) -> bool {
        self.n_coming.get() > 0 || !self.are_none() || self.is_blind() && self.store.has_images()
    }

    /// The model is known to look at no images: whether it sees is known once it is loaded.
    fn is_blind(self) -> bool {
        let ModelStatus { state, sees, .. } = self.answerer();
        state == ModelState::Ready && !sees
    }
}

/// Sends an image of a chat's message to the server.
async fn send(attachments: Attachments, session: Option<SessionId>, file: platform::File, toasts: Toasts) {
    let Attachments { images, n_coming, store, .. } = attachments;
    if let Some(bytes) = platform::bytes_of(file).await {
        match api::add_image(session, bytes).await {
            Ok(image) => keep(session, |images| images.push(image)),
            Err(err) => toasts.show(err.sentence(NamedTexts::here())),
        }
    }
    // The page may have been left, or another chat been opened.
    if store.session.try_get_untracked() == Some(session) {
        _ = images.try_set(kept(session));
        store.typed.update(|n| *n += 1);
    }
    _ = n_coming.try_update(|n| *n -= 1);
}

/// The images so far, each of which can be taken away, and what is to be said of them.
pub(crate) fn images(attachments: Attachments) -> AnyView {
    let texts = use_texts();
    let named = NamedTexts::here();
    let images = attachments.images;
    let toasts = use_toasts();
    Effect::new(move |_| {
        attachments.n_coming.track();
        for (session, file) in attachments.files.try_update_value(std::mem::take).unwrap_or_default() {
            spawn_local(send(attachments, session, file, toasts));
        }
    });
    let shown = move |(i, image): (usize, ImageId)| {
        let remove = move |_| {
            let session = attachments.store.session.get_untracked();
            keep(session, |images| images.retain(|it| *it != image));
            images.set(kept(session));
            attachments.store.typed.update(|n| *n += 1);
        };
        view! {
            <li class="relative mb-2">
                <img src=address(image) alt=fill(texts.image_alt, "n", i + 1) class="size-16 rounded-card border border-line object-cover"/>
                <button
                    type="button"
                    class="absolute -top-1.5 -right-1.5 rounded-full border border-line bg-overlay p-0.5 text-muted hover:text-strong"
                    aria-label=named.remove_image
                    on:click=remove
                >
                    <Icon icon=icondata_lu::LuX size=14/>
                </button>
            </li>
        }
        .into_any()
    };
    let list = move || images.get().into_iter().enumerate().map(shown).collect::<Vec<_>>();
    view! {
        <ul class="flex flex-wrap gap-2 empty:hidden" data-testid="attached">{list}</ul>
        <When when=move || attachments.is_blind()>
            <p class="px-1 pb-1 text-xs text-warn" role="note" data-testid="blind">{named.model_blind}</p>
        </When>
    }
    .into_any()
}

/// The images of a chat's draft.
pub(super) fn kept(session: Option<SessionId>) -> Vec<ImageId> {
    draft::kept(session, Part::Images).split(' ').filter_map(|id| id.parse().ok().map(ImageId)).collect()
}

/// What is being written in a chat, in the place of what was there.
pub(super) fn keep_draft(session: Option<SessionId>, text: &str, images: Vec<ImageId>) {
    draft::keep(session, Part::Text, text);
    keep(session, |kept| *kept = images);
}

/// Puts a question into the composer of a new chat, behind what is there.
pub(super) fn ask_in_new_chat(text: &str, images: Vec<ImageId>) {
    draft::add_to_new_chat(text);
    keep(None, |kept| {
        let new: Vec<_> = images.into_iter().filter(|image| !kept.contains(image)).collect();
        kept.extend(new);
    });
}

fn keep(session: Option<SessionId>, change: impl FnOnce(&mut Vec<ImageId>)) {
    let mut images = kept(session);
    change(&mut images);
    let ids: Vec<_> = images.iter().map(|image| image.0.to_string()).collect();
    draft::keep(session, Part::Images, &ids.join(" "));
}

/// Where an image is.
pub(super) fn address(image: ImageId) -> String {
    format!("/images/{image}")
}

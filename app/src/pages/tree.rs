//! The branches of a chat: what edits and further answers left, and which of them is shown.

pub(crate) mod api;

use super::failed::{Gone, failed};
use crate::{
    error::AppError,
    frame::{title_or, use_sessions},
    i18n::{SawTexts, fill},
    page_data::PageData,
    pages::chat::api::act_on_session,
    ui::{moment::Moment, toast::use_toasts},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_meta::Title;
use leptos_router::{components::A, hooks::use_params_map};
use types::{
    chat::{Act, Role, Stretch, Tree},
    ids::{MessageId, SessionId},
};

/// How far a branch is moved to the right, by its depth; deeper ones no further.
const INDENTS: [&str; 7] = ["", "ml-4", "ml-8", "ml-12", "ml-16", "ml-20", "ml-24"];

/// `/chat/{id}/tree`.
pub(super) fn page() -> AnyView {
    let params = use_params_map();
    let address = Memo::new(move |_| params.read().get("id"));
    let session = untrack(|| address.get().unwrap_or_default());
    let tree = PageData::of(move || address.get(), fetch);
    let texts = SawTexts::here();
    view! {
        <Title text=texts.tree_title/>
        <div class="min-h-0 flex-1 overflow-y-auto" tabindex="0" role="region" aria-label=texts.tree_title>
            <div class="mx-auto flex max-w-3xl flex-col gap-3 px-4 py-6">
                <Suspense>
                    {move || {
                        let session = session.clone();
                        Suspend::new(async move { shown(session, tree.get().await) })
                    }}
                </Suspense>
            </div>
        </div>
    }
    .into_any()
}

async fn fetch(address: Option<String>) -> Result<Tree, AppError> {
    let session = address.unwrap_or_default().parse().map_err(|_| AppError::NotFound)?;
    api::load_tree(session).await
}

fn shown(session: String, tree: Result<Tree, AppError>) -> AnyView {
    let texts = SawTexts::here();
    let (session, tree) = match (session.parse::<SessionId>(), tree) {
        (Ok(session), Ok(tree)) => (session, tree),
        (_, tree) => {
            let err = tree.err().unwrap_or(AppError::NotFound);
            let (title, hint) = (texts.chat_gone_title, texts.chat_gone_hint);
            return failed(&err, Some(Gone { title, hint, href: "/chats", label: texts.chats_all }));
        }
    };
    let title = title_or(&tree.title, texts.session_untitled);
    let show = use_show(session);
    let hint = if tree.stretches.len() > 1 { texts.tree_hint } else { texts.tree_one };
    let left_out = (tree.n_left_out > 0).then(|| fill(texts.tree_left_out, "n", tree.n_left_out));
    let rows: Vec<_> = tree.stretches.into_iter().map(|it| row(it, show)).collect();
    view! {
        <div class="flex flex-wrap items-center justify-between gap-2">
            <h1 class="min-w-0 truncate text-xl font-semibold text-strong">{texts.tree_title} ": " {title}</h1>
            <A href=format!("/chat/{session}") attr:class="button button-quiet">{texts.saw_back}</A>
        </div>
        <p class="text-muted">{hint}</p>
        <ul class="flex flex-col gap-1.5" data-testid="tree">{rows}</ul>
        <p class="text-muted empty:hidden">{left_out}</p>
    }
    .into_any()
}

fn row(stretch: Stretch, show: Callback<MessageId>) -> AnyView {
    let texts = SawTexts::here();
    let speaker = match stretch.role {
        Role::User => texts.you.to_owned(),
        _ => stretch.model.unwrap_or_else(|| texts.assistant.to_owned()),
    };
    let turns = if stretch.n_turns == 1 {
        texts.tree_turn.to_owned()
    } else {
        fill(texts.tree_turns, "n", stretch.n_turns)
    };
    let indent = INDENTS.get(stretch.depth as usize).or(INDENTS.last()).copied().unwrap_or_default();
    let class = format!("card flex items-center gap-3 px-3 py-2 {indent}");
    let (last, is_shown) = (stretch.last, stretch.is_shown);
    let button = (!is_shown).then(|| {
        view! {
            <button type="button" class="button button-quiet shrink-0" data-testid="tree-show" on:click=move |_| show.run(last)>
                {texts.tree_show}
            </button>
        }
    });
    let mark =
        is_shown.then(|| view! { <span class="shrink-0 text-xs text-accent-text">{texts.tree_shown}</span> });
    view! {
        <li class=class class=("border-accent", is_shown) data-testid="stretch" data-shown=is_shown.to_string()>
            <div class="min-w-0 flex-1">
                <p class="truncate text-strong">{stretch.start}</p>
                <p class="flex flex-wrap gap-x-2 text-xs text-muted">
                    <span class="truncate">{speaker}</span>
                    <span class="tabular">{turns}</span>
                    <Moment ms=stretch.ended_ms/>
                </p>
            </div>
            {mark}
            {button}
        </li>
    }
    .into_any()
}

/// Shows the branch that goes through a turn, and goes there.
fn use_show(session: SessionId) -> Callback<MessageId> {
    let (toasts, texts, go) = (use_toasts(), SawTexts::here(), use_sessions().go);
    Callback::new(move |message: MessageId| {
        spawn_local(async move {
            match act_on_session(session, Act::Select { message }).await {
                Ok(_) => go.run(format!("/chat/{session}")),
                Err(err) => toasts.show(err.sentence(texts)),
            }
        });
    })
}

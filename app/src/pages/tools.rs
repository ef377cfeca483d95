//! Tools: which there are, who lets them run, who searches the web, who makes images, and servers of tools.

pub(crate) mod api;
mod choice;
mod images;
mod new_server;
mod search;
mod servers;
mod store;
mod tool_list;

use super::failed::failed;
use crate::{error::AppError, i18n::ToolsTexts, page_data::PageData};
use images::ImagesForm;
use leptos::prelude::*;
use leptos_meta::Title;
use search::SearchForm;
use servers::Servers;
use store::ToolsStore;
use tool_list::ToolList;
use types::toolbox::{ToolAct, ToolReply};

/// `/tools`.
pub(super) fn page() -> AnyView {
    let shown = PageData::once(fetch);
    view! {
        <div class="min-h-0 flex-1 overflow-y-auto" data-testid="tools-page">
            <Transition fallback=ToolsSkeleton>
                {move || Suspend::new(async move { show(shown.get().await) })}
            </Transition>
        </div>
    }
    .into_any()
}

async fn fetch() -> Result<ToolReply, AppError> {
    api::tools(ToolAct::Look).await
}

fn show(shown: Result<ToolReply, AppError>) -> AnyView {
    let texts = ToolsTexts::here();
    let reply = match shown {
        Ok(reply) => reply,
        Err(err) => return failed(&err, None),
    };
    let is_managed = reply.managed.is_some();
    provide_context(ToolsStore::new(reply));
    let managed = if is_managed {
        view! { <SearchForm/><ImagesForm/><Servers/> }.into_any()
    } else {
        view! { <p class="text-muted" data-testid="tools-not-managed">{texts.not_managed}</p> }.into_any()
    };
    view! {
        <Title text=texts.tools_title/>
        <div class="mx-auto flex max-w-4xl flex-col gap-6 px-4 py-6">
            <header class="flex flex-col gap-1">
                <h1 class="text-xl font-semibold text-strong">{texts.tools_title}</h1>
                <p class="text-muted">{texts.tools_hint}</p>
            </header>
            <ToolList/>
            {managed}
        </div>
    }
    .into_any()
}

#[component]
fn ToolsSkeleton() -> impl IntoView {
    view! {
        <div class="mx-auto flex max-w-4xl flex-col gap-6 px-4 py-6" aria-hidden="true">
            <div class="h-8 w-40 rounded-card bg-raised"></div>
            <div class="card h-80"></div>
            <div class="card h-60"></div>
        </div>
    }
}

//! An open prompt: its parts, and what can be done with all of it.

use super::{
    address::{Open, Part},
    editor::Editor,
    fill_in::FillIn,
    library::Library,
    versions::Versions,
};
use crate::ui::icon::{Icon, IconButton};
use leptos::prelude::*;
use leptos_meta::Title;
use types::prompt::{PromptAct, PromptView};

/// The prompt that the address names.
#[component]
pub(super) fn Prompt(library: Library, view: PromptView) -> AnyView {
    let part = library.address.part;
    let summary = view.summary.clone();
    let shown = {
        let view = view.clone();
        move || match part.get() {
            Part::Use => view! { <FillIn library view=view.clone()/> }.into_any(),
            Part::Edit => view! { <Editor library id=Some(view.summary.id) saved=view.draft()/> }.into_any(),
            Part::Versions => view! { <Versions library view=view.clone()/> }.into_any(),
        }
    };
    let place = [Some(summary.folder.clone()).filter(|folder| !folder.is_empty())].into_iter().flatten();
    let place: Vec<_> = place.chain(summary.tags.iter().map(|tag| format!("#{tag}"))).collect();
    view! {
        <Title text=format!("/{}", summary.name)/>
        <div class="mx-auto flex w-full max-w-3xl flex-col gap-4 px-4 py-4 md:px-6">
            <Back library/>
            <header class="flex items-start gap-2">
                <div class="min-w-0 flex-1">
                    <h2 class="text-xl font-semibold break-words text-strong" data-testid="prompt-name">{format!("/{}", summary.name)}</h2>
                    <p class="break-words empty:hidden">{summary.about}</p>
                    <p class="text-xs break-words text-muted empty:hidden">{place.join(" · ")}</p>
                </div>
                <Whole library view=view.clone()/>
            </header>
            <Tabs library open=Open::Prompt(view.summary.id)/>
            {shown}
        </div>
    }
    .into_any()
}

/// On a phone the list is another view.
#[component]
pub(super) fn Back(library: Library) -> AnyView {
    let href = move || library.address.filter.get().link(Open::Nothing, Part::Use);
    view! {
        <a href=href class="flex items-center gap-1 text-muted hover:text-strong md:hidden">
            <Icon icon=icondata_lu::LuChevronLeft size=14/>
            {library.texts.back}
        </a>
    }
    .into_any()
}

/// What is done with the prompt as a whole.
#[component]
fn Whole(library: Library, view: PromptView) -> AnyView {
    let texts = library.texts;
    let id = view.summary.id;
    let duplicate = move |()| {
        library.act(PromptAct::Duplicate { id }, move |done| {
            library.changed();
            if let Some(copy) = done.id {
                library.open(Open::Prompt(copy), Part::Edit);
            }
        });
    };
    let summary = StoredValue::new(view.summary);
    let delete = move |()| summary.with_value(|summary| library.delete(summary));
    view! {
        <div class="flex">
            <IconButton icon=icondata_lu::LuCopyPlus label=texts.duplicate.to_owned() testid="prompt-duplicate" on_click=duplicate/>
            <IconButton icon=icondata_lu::LuTrash2 label=texts.delete.to_owned() testid="prompt-delete" on_click=delete/>
        </div>
    }
    .into_any()
}

#[component]
fn Tabs(library: Library, open: Open) -> AnyView {
    let (texts, address) = (library.texts, library.address);
    let name = |part| match part {
        Part::Use => texts.part_use,
        Part::Edit => texts.part_edit,
        Part::Versions => texts.part_versions,
    };
    let tab = |part: Part| {
        let is_open = move || address.part.get() == part;
        let href = move || address.filter.get().link(open, part);
        view! {
            <a
                href=href
                class="-mb-px border-b-2 px-3 py-1.5 font-medium"
                class:border-accent=is_open
                class:text-strong=is_open
                class:border-transparent=move || !is_open()
                class:text-muted=move || !is_open()
                aria-current=move || is_open().then_some("page")
            >
                {name(part)}
            </a>
        }
        .into_any()
    };
    let tabs: Vec<_> = Part::ALL.into_iter().map(tab).collect();
    view! { <nav class="flex gap-1 border-b border-line" aria-label=texts.parts data-testid="prompt-parts">{tabs}</nav> }.into_any()
}

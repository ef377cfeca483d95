//! Writing a prompt. What is typed is kept in the browser until it is saved or given up.

use super::{
    address::{Open, Part},
    library::Library,
    prompt::Back,
    variables::VariableRows,
};
use crate::{
    platform,
    ui::{
        field::{Field, use_ready},
        list::list,
        when::When,
    },
};
use leptos::{ev, prelude::*};
use types::literal::{from_text, to_text};
use types::{
    ids::PromptId,
    prompt::{MAX_ABOUT_CHARS, MAX_FOLDER_CHARS, MAX_PROMPT_NAME_CHARS, PromptAct, PromptDraft},
};

/// What is being written. Copy; lives as long as the editor.
#[derive(Clone, Copy)]
pub(super) struct Edit {
    pub(super) library: Library,
    pub(super) draft: RwSignal<PromptDraft>,
    /// `None` is a new one.
    id: Option<PromptId>,
}

impl Edit {
    /// Changes the draft and keeps it.
    pub(super) fn change(self, change: impl FnOnce(&mut PromptDraft)) {
        self.draft.update(change);
        self.draft.with_untracked(|draft| self.keep(Some(draft)));
    }

    fn key(self) -> String {
        self.id.map_or_else(|| "prompt-new".to_owned(), |id| format!("prompt-{id}"))
    }

    fn keep(self, draft: Option<&PromptDraft>) {
        let bytes = draft.and_then(|draft| postcard::to_allocvec(draft).ok()).unwrap_or_default();
        platform::store(&self.key(), &to_text(&bytes));
    }

    /// What was typed and not saved.
    fn kept(self) -> Option<PromptDraft> {
        postcard::from_bytes(&from_text(&platform::stored(&self.key())?)).ok()
    }

    fn open(self, part: Part) {
        self.library.open(self.id.map_or(Open::Nothing, Open::Prompt), part);
    }
}

/// The editor of a prompt, or of a new one.
#[component]
pub(super) fn Editor(library: Library, id: Option<PromptId>, saved: PromptDraft) -> AnyView {
    let texts = library.texts;
    let edit = Edit { library, id, draft: RwSignal::new(saved.clone()) };
    // What the fields begin with: they are built anew, under another number, when that is not what is saved.
    let start = RwSignal::new((0_u32, saved.clone()));
    let is_kept = RwSignal::new(false);
    let is_ready = use_ready();
    let begin_with = move |draft: PromptDraft, kept: bool| {
        edit.draft.set(draft.clone());
        start.update(|(number, start)| (*number, *start) = (*number + 1, draft));
        is_kept.set(kept);
    };
    {
        let saved = saved.clone();
        Effect::new(move |_| {
            if let Some(kept) = edit.kept().filter(|kept| *kept != saved) {
                begin_with(kept, true);
            }
        });
    }
    let give_up = move |_| {
        edit.keep(None);
        begin_with(saved.clone(), false);
    };
    let title = id.is_none().then(|| {
        view! {
            <Back library/>
            <h2 class="text-xl font-semibold text-strong">{texts.new_title}</h2>
        }
    });
    // A new one has no page around it.
    let class = if id.is_none() {
        "mx-auto flex w-full max-w-3xl flex-col gap-4 px-4 py-4 md:px-6"
    } else {
        "flex flex-col gap-4"
    };
    view! {
        <div class=class data-testid="prompt-editor">
            {title}
            <When when=move || is_kept.get()>
                <p class="flex flex-wrap items-center gap-2 rounded-card border border-line bg-raised px-3 py-2" role="status" data-testid="prompt-kept">
                    <span class="min-w-0 flex-1">{texts.kept}</span>
                    <button type="button" class="button button-quiet" on:click=give_up.clone()>{texts.give_up}</button>
                </p>
            </When>
            <fieldset class="flex min-w-0 flex-col gap-4" disabled=move || !is_ready.get()>
                {list(move || vec![start.get()], |(number, _)| *number, move |(_, start)| fields(edit, start))}
            </fieldset>
        </div>
    }
    .into_any()
}

fn fields(edit: Edit, start: PromptDraft) -> AnyView {
    let texts = edit.library.texts;
    let on_body = move |event: ev::Event| edit.change(|draft| draft.body = event_target_value(&event));
    view! {
        <div class="grid gap-3 sm:grid-cols-2">
            {line(edit, "prompt-name", texts.name, texts.name_hint, start.name, MAX_PROMPT_NAME_CHARS, |draft, text| draft.name = text)}
            {line(edit, "prompt-about", texts.about, texts.about_hint, start.about, MAX_ABOUT_CHARS, |draft, text| draft.about = text)}
            {line(edit, "prompt-folder", texts.folder, texts.folder_hint, start.folder, MAX_FOLDER_CHARS, |draft, text| draft.folder = text)}
            {line(edit, "prompt-tags", texts.tags, texts.tags_hint, start.tags.join(", "), 500, |draft, text| draft.tags = tags(&text))}
        </div>
        <Field label=texts.body hint=texts.body_hint control="prompt-body">
            <textarea
                id="prompt-body"
                class="field field-sizing-content max-h-[60vh] min-h-48 font-mono"
                autocomplete="off"
                aria-describedby="prompt-body-hint"
                on:input=on_body
            >
                {start.body}
            </textarea>
        </Field>
        <VariableRows edit/>
        <Saving edit/>
    }
    .into_any()
}

fn line(
    edit: Edit,
    id: &'static str,
    label: &'static str,
    hint: &'static str,
    value: String,
    limit: usize,
    set: fn(&mut PromptDraft, String),
) -> AnyView {
    let on_input = move |event: ev::Event| edit.change(|draft| set(draft, event_target_value(&event)));
    view! {
        <Field label hint control=id>
            <input id=id type="text" class="field" autocomplete="off" maxlength=limit value=value aria-describedby=format!("{id}-hint") on:input=on_input/>
        </Field>
    }
    .into_any()
}

fn tags(text: &str) -> Vec<String> {
    text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
}

#[component]
fn Saving(edit: Edit) -> AnyView {
    let (texts, common) = (edit.library.texts, edit.library.common);
    let failure = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let save = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(String::new());
        let act = PromptAct::Save { id: edit.id, draft: edit.draft.get_untracked() };
        edit.library.try_act(
            act,
            Box::new(move |done| {
                busy.try_set(false);
                match done {
                    Ok(done) => {
                        edit.keep(None);
                        edit.library.changed();
                        edit.library.open(done.id.map_or(Open::Nothing, Open::Prompt), Part::Use);
                    }
                    Err(err) => _ = failure.try_set(err.sentence(common)),
                }
            }),
        );
    };
    let cancel = move |_| {
        edit.keep(None);
        edit.open(Part::Use);
    };
    view! {
        <div class="sticky bottom-0 flex flex-wrap items-center gap-2 border-t border-line bg-bg py-3">
            <button type="button" class="button button-primary" data-testid="prompt-save" disabled=move || busy.get() on:click=save>{texts.save}</button>
            <button type="button" class="button button-quiet" data-testid="prompt-cancel" on:click=cancel>{common.cancel}</button>
            <span role="alert" class="min-w-0 text-danger" data-testid="prompt-failure">{move || failure.get()}</span>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::tags;

    #[test]
    fn tags_are_separated_by_commas() {
        assert_eq!(tags(" a, b c ,, #d"), ["a", "b c", "#d"]);
    }
}

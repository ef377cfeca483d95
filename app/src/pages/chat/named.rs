//! Words in the message box that stand for something: `/` for commands and prompts, `@` for models and documents, `#` for collections of
//! documents. What begins like the word is listed above the box; the keys of the list are those of the box as long as it is there.

use super::{actions::use_actions, collections, composer, papers, thread_store::ThreadStore};
use crate::{
    frame::{Overlays, use_load, use_sessions},
    i18n::{self, NamedTexts},
    live::{Live, api::list_models, use_live},
    pages::{
        documents::api::documents,
        prompts::{self, FormWords, ValueWords, api::named_prompts},
    },
    platform,
};
use leptos::{ev, html, prelude::*, task::spawn_local};
use types::{
    document::{CollectionView, DocumentAct, DocumentReply, NamedDocument},
    ids::{CollectionId, ModelId},
    model::{ModelEntry, ModelState, Purpose, Resident},
    prompt::{NamedPrompt, fill},
    reasoning::Effort,
};

/// More would not be read.
const MOST_SHOWN: usize = 8;
/// A longer word is none that anything is called.
const MAX_WORD_BYTES: usize = 60;

/// The word at the end of what is typed, if it may stand for something.
pub(super) fn named_word(text: &str) -> Option<&str> {
    let word = if text.starts_with('/') && !text.contains('\n') {
        text
    } else {
        text.rsplit(char::is_whitespace).next().filter(|word| word.starts_with(['@', '#']))?
    };
    (word.len() <= MAX_WORD_BYTES).then_some(word)
}

/// What a word may stand for.
#[derive(Clone)]
enum Named {
    Model,
    Think(Option<Effort>),
    System,
    Tools,
    Export,
    Clear,
    Prompt(NamedPrompt),
    Answerer(ModelEntry),
    /// Like it, for the next message alone.
    AnswersNext(ModelEntry),
    Paper(NamedDocument),
    Collection(CollectionView, bool),
}

/// The list above the message box. Copy.
#[derive(Clone, Copy)]
struct List {
    store: ThreadStore,
    area: NodeRef<html::Textarea>,
    texts: &'static NamedTexts,
    all: RwSignal<Vec<Named>>,
    /// By arrows, since the word is what it is.
    chosen: RwSignal<Option<usize>>,
    /// The models in memory beside the chosen one.
    ready: Memo<Vec<ModelId>>,
    /// The collections that the answers of this chat look into.
    used: RwSignal<Vec<CollectionId>>,
    /// A prompt whose variables are being filled in.
    open: RwSignal<Option<NamedPrompt>>,
}

/// What the word that is being typed may stand for.
pub(crate) fn list() -> AnyView {
    let live = use_live();
    let list = List {
        store: expect_context(),
        area: expect_context(),
        texts: NamedTexts::here(),
        all: RwSignal::new(Vec::new()),
        ready: Memo::new(move |_| ready_beside(&live)),
        chosen: RwSignal::new(None),
        used: RwSignal::new(Vec::new()),
        open: RwSignal::new(None),
    };
    let word = Memo::new(move |_| list.word());
    // There are too many documents to fetch them all.
    let asked = Memo::new(move |_| {
        let word = word.get();
        if word.starts_with('@') { word } else { word.chars().take(1).collect() }
    });
    // What a model does meanwhile is no reason to build the list anew.
    let thinks = untrack(|| use_live().chosen_model().thinks);
    Effect::new(move |_| {
        word.track();
        list.chosen.set(None);
    });
    Effect::new(move |_| list.fetch(asked.get(), thinks));
    let run = list.runner();
    let found = Memo::new_with_compare(move |_| list.matching(&word.read()), |_, _| true);
    list.take_keys(found, run);
    list.tell(found);
    (move || match list.open.try_get().flatten() {
        Some(prompt) => form(list, prompt),
        None => rows(list, &found.try_get().unwrap_or_default(), run),
    })
    .into_any()
}

/// The models that are in memory and not the chosen one.
fn ready_beside(live: &Live) -> Vec<ModelId> {
    let models = live.models.read();
    let Some(models) = models.as_ref() else { return Vec::new() };
    let others = models.models.iter().filter(|it| it.status.id != models.chosen.id);
    let is_awake = |it: &&Resident| matches!(it.status.state, ModelState::Ready | ModelState::Busy { .. });
    others.filter(is_awake).filter_map(|it| it.status.id.clone()).collect()
}

impl List {
    fn fetch(self, asked: String, thinks: bool) {
        let session = self.store.session.get_untracked();
        let mark = asked.chars().next();
        let mut all = if mark == Some('/') { commands(thinks, session.is_some()) } else { Vec::new() };
        // What was found for a part of the word is shown until there is something better.
        if asked.len() <= 1 {
            self.all.set(all.clone());
        }
        spawn_local(async move {
            let all = match mark {
                Some('/') => {
                    all.extend(named_prompts().await.unwrap_or_default().into_iter().map(Named::Prompt));
                    all
                }
                Some('@') => {
                    let writes =
                        |model: &ModelEntry| model.purpose == Purpose::Writing && model.problem.is_none();
                    let models = list_models().await.unwrap_or_default();
                    let query = asked.get(1..).unwrap_or_default().to_owned();
                    let papers = match documents(DocumentAct::Named { session, query }).await {
                        Ok(DocumentReply::Named(papers)) => papers,
                        _ => Vec::new(),
                    };
                    // More may have been typed meanwhile.
                    if self.area.try_get_untracked().is_none() || named_word(&self.text()) != Some(&asked) {
                        return;
                    }
                    let ready = self.ready.get_untracked();
                    let named = |model: ModelEntry| {
                        let next = ready.contains(&model.id).then(|| Named::AnswersNext(model.clone()));
                        [Some(Named::Answerer(model)), next].into_iter().flatten()
                    };
                    let models = models.into_iter().filter(writes).flat_map(named);
                    models.chain(papers.into_iter().map(Named::Paper)).collect()
                }
                Some('#') => match documents(DocumentAct::UsedIn { session }).await {
                    Ok(DocumentReply::Used { collections, chosen }) => {
                        let named = |it: CollectionView| {
                            let is_used = chosen.contains(&it.id);
                            Named::Collection(it, is_used)
                        };
                        let all = collections.into_iter().map(named).collect();
                        _ = self.used.try_set(chosen);
                        all
                    }
                    _ => Vec::new(),
                },
                _ => Vec::new(),
            };
            _ = self.all.try_set(all);
        });
    }

    /// Those whose name begins like the word, and after them those that have it somewhere.
    fn matching(self, word: &str) -> Vec<Named> {
        let word = word.to_lowercase();
        let rest = word.get(1..).unwrap_or_default();
        let all = self.all.read();
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for named in all.iter() {
            let name = self.name(named).to_lowercase();
            if name.starts_with(&word) {
                first.push(named.clone());
            } else if name.contains(rest) {
                later.push(named.clone());
            }
        }
        first.append(&mut later);
        first.truncate(MOST_SHOWN);
        first
    }

    fn name(self, named: &Named) -> String {
        match named {
            Named::Model => "/model".to_owned(),
            Named::Think(effort) => format!("/think {}", effort.map_or("auto", Effort::name)),
            Named::System => "/system".to_owned(),
            Named::Tools => "/tools".to_owned(),
            Named::Export => "/export".to_owned(),
            Named::Clear => "/clear".to_owned(),
            Named::Prompt(prompt) => format!("/{}", prompt.name),
            Named::Answerer(model) | Named::AnswersNext(model) => format!("@{}", model.name),
            Named::Paper(paper) => format!("@{}", paper.name),
            Named::Collection(collection, _) if collection.is_of_chat => {
                format!("#{}", self.texts.chat_files)
            }
            Named::Collection(collection, _) => format!("#{}", collection.name),
        }
    }

    fn about(self, named: &Named) -> String {
        let texts = self.texts;
        match named {
            Named::Model => texts.model.to_owned(),
            Named::Think(_) => texts.think.to_owned(),
            Named::System => texts.system.to_owned(),
            Named::Tools => texts.tools.to_owned(),
            Named::Export => texts.export.to_owned(),
            Named::Clear => texts.clear.to_owned(),
            Named::Prompt(prompt) if prompt.about.is_empty() => texts.prompt.to_owned(),
            Named::Prompt(prompt) => prompt.about.clone(),
            Named::Answerer(_) => texts.answerer.to_owned(),
            Named::AnswersNext(_) => texts.answers_next.to_owned(),
            Named::Paper(paper) => i18n::fill(texts.paper, "name", &paper.collection),
            Named::Collection(_, true) => texts.collection_used.to_owned(),
            Named::Collection(_, false) => texts.collection.to_owned(),
        }
    }

    /// Does what was chosen. The word has gone from the box by then.
    fn runner(self) -> Callback<Named> {
        let (overlays, go, actions) = (expect_context::<Overlays>(), use_sessions().go, use_actions());
        let (load, keep) = (use_load(), collections::use_keep(self.store));
        let attach = papers::use_attach(self.store);
        Callback::new(move |named: Named| {
            let session = self.store.session.get_untracked();
            let rest = self.without_word();
            match named {
                Named::Model => overlays.model_picker.set(true),
                Named::Think(effort) => actions.choose_effort(effort),
                Named::System => {
                    go.run(
                        session
                            .map_or_else(|| "/chat/new/setup".to_owned(), |id| format!("/chat/{id}/setup")),
                    );
                }
                Named::Tools => self.store.tools_open.set(true),
                Named::Export => {
                    if let Some(id) = session {
                        platform::load(&format!("/chats/export/{id}.md"));
                    }
                }
                Named::Clear => go.run("/chat".to_owned()),
                Named::Prompt(prompt) if prompt.variables.is_empty() => {
                    return self.put(&rest, &fill(&prompt.body, &[], |_| None));
                }
                Named::Prompt(prompt) => return self.open.set(Some(prompt)),
                Named::Answerer(model) => load.run(model.id),
                Named::AnswersNext(model) => self.store.answers_next.set(Some(model.id)),
                // The box is empty of the word before the chat begins that it may begin.
                Named::Paper(paper) => {
                    self.put(&rest, "");
                    return attach.run(paper.id);
                }
                Named::Collection(collection, is_used) => {
                    let mut used = self.used.get_untracked();
                    used.retain(|id| *id != collection.id);
                    used.extend((!is_used).then_some(collection.id));
                    keep.run(used);
                }
            }
            self.put(&rest, "");
        })
    }

    fn text(self) -> String {
        self.area.get_untracked().map(|area| area.value()).unwrap_or_default()
    }

    /// The word that is being typed; empty where there is none.
    fn word(self) -> String {
        self.store.typed.track();
        named_word(&self.text()).unwrap_or_default().to_owned()
    }

    /// What stands in the box before the word.
    fn without_word(self) -> String {
        let mut text = self.text();
        text.truncate(text.len() - named_word(&text).unwrap_or_default().len());
        text
    }

    fn put(self, before: &str, text: &str) {
        self.open.set(None);
        composer::write(self.area, self.store, &format!("{before}{text}"));
        if let Some(area) = self.area.get_untracked() {
            _ = area.focus();
        }
    }

    /// Keys that are for the list do not reach the box.
    fn take_keys(self, found: Memo<Vec<Named>>, run: Callback<Named>) {
        let on_key = move |event: ev::KeyboardEvent| {
            let is_plain = !event.is_composing() && !event.shift_key();
            if is_plain
                && event.target() == self.area.get_untracked().map(Into::into)
                && self.took(&event.key(), found, run)
            {
                event.prevent_default();
                event.stop_propagation();
            }
        };
        // Ends with the list.
        StoredValue::new_local(platform::keys_before_others(on_key));
    }

    fn took(self, key: &str, found: Memo<Vec<Named>>, run: Callback<Named>) -> bool {
        let n = found.with_untracked(Vec::len);
        if n == 0 || self.open.get_untracked().is_some() {
            return false;
        }
        let picked = untrack(|| self.picked(&found.read()));
        match (key, picked) {
            ("ArrowDown", _) => self.chosen.set(Some(picked.map_or(0, |idx| (idx + 1) % n))),
            ("ArrowUp", _) => self.chosen.set(Some(picked.map_or(n - 1, |idx| (idx + n - 1) % n))),
            ("Escape", _) => self.store.has_word.set(false),
            ("Enter", Some(idx)) | ("Tab", Some(idx)) => self.run(found, idx, run),
            ("Tab", None) => self.run(found, 0, run),
            _ => return false,
        }
        true
    }

    fn run(self, found: Memo<Vec<Named>>, idx: usize, run: Callback<Named>) {
        if let Some(named) = found.with_untracked(|found| found.get(idx).cloned()) {
            run.run(named);
        }
    }

    /// What Enter takes: what arrows chose, or the first where it begins like the word. What only has the word somewhere is
    /// not what everybody means who ends a message with it.
    fn picked(self, found: &[Named]) -> Option<usize> {
        let chosen = self.chosen.try_get().flatten().map(|idx| idx.min(found.len().saturating_sub(1)));
        chosen.or_else(|| {
            let word = self.word().to_lowercase();
            let begins = |named: &Named| self.name(named).to_lowercase().starts_with(&word);
            (word.len() > 1 || word == "/").then_some(0).filter(|_| found.first().is_some_and(begins))
        })
    }

    /// Tells who hears the page of the list, as long as it is there: the keyboard stays in the box, which of several lines may be
    /// no combobox.
    fn tell(self, found: Memo<Vec<Named>>) {
        const TOLD: [&str; 4] =
            ["aria-haspopup", "aria-autocomplete", "aria-controls", "aria-activedescendant"];
        let forget = move || {
            let area = self.area.try_get_untracked().flatten();
            TOLD.iter().for_each(|it| _ = area.as_ref().map(|area| area.remove_attribute(it)));
        };
        Effect::new(move |_| {
            let found = found.read();
            forget();
            let Some(area) = self.area.try_get_untracked().flatten().filter(|_| !found.is_empty()) else {
                return;
            };
            if self.open.try_get().flatten().is_some() {
                return;
            }
            let picked = self.picked(&found).map(row_id);
            let told = [Some("listbox"), Some("list"), Some(LIST_ID), picked.as_deref()];
            for (name, value) in TOLD.iter().zip(told) {
                _ = value.map(|value| area.set_attribute(name, value));
            }
        });
        on_cleanup(forget);
    }
}

/// What the list is called in the page.
const LIST_ID: &str = "named-list";

fn row_id(idx: usize) -> String {
    format!("named-{idx}")
}

fn commands(thinks: bool, has_session: bool) -> Vec<Named> {
    let mut commands = vec![Named::Model, Named::System, Named::Tools, Named::Clear];
    if has_session {
        commands.push(Named::Export);
    }
    if thinks {
        commands.push(Named::Think(None));
        commands.extend(
            [Effort::None, Effort::Low, Effort::Medium, Effort::High].map(|it| Named::Think(Some(it))),
        );
    }
    commands
}

fn rows(list: List, found: &[Named], run: Callback<Named>) -> AnyView {
    if found.is_empty() {
        return ().into_any();
    }
    let all = StoredValue::new(found.to_vec());
    let row = |(idx, named): (usize, &Named)| {
        let (name, about, named) = (list.name(named), list.about(named), named.clone());
        // The box keeps the keyboard.
        let keep_focus = |event: ev::PointerEvent| event.prevent_default();
        view! {
            <li
                role="option"
                class="menu-item cursor-pointer aria-selected:bg-raised aria-selected:text-strong aria-selected:ring-1 aria-selected:ring-accent aria-selected:ring-inset"
                id=row_id(idx)
                aria-selected=move || (all.try_with_value(|all| list.picked(all)).flatten() == Some(idx)).to_string()
                data-testid="named"
                on:pointerdown=keep_focus
                on:click=move |_| run.run(named.clone())
            >
                <span class="min-w-0 truncate font-medium">{name}</span>
                <span class="min-w-0 flex-1 truncate text-right text-xs text-muted">{about}</span>
            </li>
        }
        .into_any()
    };
    let rows: Vec<_> = found.iter().enumerate().map(row).collect();
    view! {
        <ul
            id=LIST_ID
            role="listbox"
            aria-label=list.texts.label
            class="absolute inset-x-0 bottom-full z-20 mb-1 max-h-[50vh] overflow-y-auto rounded-card border border-line bg-overlay p-1 shadow-float"
            data-testid="named-list"
        >
            {rows}
        </ul>
    }
    .into_any()
}

/// The variables of a prompt, and the button that puts its text into the box.
fn form(list: List, prompt: NamedPrompt) -> AnyView {
    let texts = list.texts;
    let (label, name) = (prompt.name.clone(), prompt.name.clone());
    let done = Callback::new(move |text: Option<String>| match text {
        Some(text) => list.put(&list.without_word(), &text),
        None => list.put("", ""),
    });
    let values = ValueWords { no_number: texts.no_number, no_choice: texts.no_choice };
    let words = FormWords { insert: texts.insert, cancel: texts.cancel };
    view! {
        <div
            role="group"
            aria-label=label
            class="absolute inset-x-0 bottom-full z-20 mb-1 flex max-h-[60vh] flex-col gap-2 overflow-y-auto rounded-card border border-line bg-overlay p-3 shadow-float"
            data-testid="named-form"
        >
            <h2 class="font-semibold text-strong">{name}</h2>
            {prompts::form(prompt, "named", values, words, done)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::named_word;

    #[test]
    fn a_word_that_may_stand_for_something_is_known_by_its_mark() {
        let check = |text: &str, expected: Option<&str>| assert_eq!(named_word(text), expected, "{text}");
        check("/", Some("/"));
        check("/sum up", Some("/sum up"));
        check("a /", None);
        check("/a\nb", None);
        check("ask @sm", Some("@sm"));
        check("look into\n#man", Some("#man"));
        check("# Title", None);
        check("me@example.org", None);
        check("", None);
        check(&format!("/{}", "a".repeat(80)), None);
    }
}

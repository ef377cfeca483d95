//! Putting a comparison together. What is typed is kept in the browser.

use super::{bench::Bench, words};
use crate::{
    format::bytes,
    i18n::fill,
    pages::{
        chat::effort::{AUTO, choices},
        setup::panel::{Panel, Presets, panel, put},
    },
    platform,
    ui::{
        field::use_ready,
        icon::{Icon, IconButton},
        list::list,
        when::When,
    },
};
use leptos::{ev, html, prelude::*};
use std::collections::HashSet;
use types::literal::{from_text, to_text};
use types::{
    compare::{Candidate, CompareAct, ComparePage, Contestant, MAX_SLOTS, MIN_SLOTS, RunDraft},
    ids::ModelId,
    reasoning::Effort,
    settings::MAX_SYSTEM_PROMPT_BYTES,
};

const KEPT: &str = "compare-slots";

/// Keeps what is to be compared next.
pub(super) fn keep(draft: &RunDraft) {
    let bytes = postcard::to_allocvec(draft).unwrap_or_default();
    platform::store(KEPT, &to_text(&bytes));
}

fn kept() -> Option<RunDraft> {
    let draft: RunDraft = postcard::from_bytes(&from_text(&platform::stored(KEPT)?)).ok()?;
    (MIN_SLOTS..=MAX_SLOTS).contains(&draft.slots.len()).then_some(draft)
}

/// What is put together. Copy; lives as long as the form.
#[derive(Clone, Copy)]
struct Form {
    bench: Bench,
    page: StoredValue<ComparePage>,
    presets: Presets,
    draft: RwSignal<RunDraft>,
    /// One for each answer, which stay when another goes.
    keys: RwSignal<Vec<u32>>,
    next_key: StoredValue<u32>,
}

impl Form {
    fn change(self, change: impl FnOnce(&mut RunDraft)) {
        self.draft.update(change);
        self.draft.with_untracked(keep);
    }

    /// Shows `draft` in fields built anew.
    fn begin_with(self, draft: RunDraft) {
        let n = draft.slots.len();
        self.draft.set(draft);
        self.keys.set((0..n).map(|_| self.new_key()).collect());
    }

    fn new_key(self) -> u32 {
        let key = self.next_key.get_value();
        self.next_key.set_value(key + 1);
        key
    }

    fn add(self) {
        self.change(|draft| draft.slots.extend(draft.slots.last().cloned()));
        let key = self.new_key();
        self.keys.update(|keys| keys.push(key));
    }

    fn remove(self, key: u32) {
        let Some(at) = self.place(key) else { return };
        self.change(|draft| drop(draft.slots.remove(at)));
        self.keys.update(|keys| _ = keys.remove(at));
    }

    /// Where the answer of that key stands now.
    fn place(self, key: u32) -> Option<usize> {
        self.keys.with(|keys| keys.iter().position(|it| *it == key))
    }

    fn slot(self, key: u32) -> Option<Contestant> {
        let at = self.place(key)?;
        self.draft.with(|draft| draft.slots.get(at).cloned())
    }

    fn change_slot(self, key: u32, change: impl FnOnce(&mut Contestant)) {
        let Some(at) = self.place(key) else { return };
        self.change(|draft| {
            if let Some(slot) = draft.slots.get_mut(at) {
                change(slot);
            }
        });
    }
}

/// The form of a new comparison.
#[component]
pub(super) fn Setup(bench: Bench, page: ComparePage) -> AnyView {
    let texts = bench.texts;
    if page.candidates.is_empty() {
        return view! { <p class="card p-6 text-center text-muted" data-testid="compare-no-model">{texts.no_model}</p> }.into_any();
    }
    let draft = usual(&page);
    let n = draft.slots.len() as u32;
    let form = Form {
        bench,
        page: StoredValue::new(page),
        presets: Presets::of_page(),
        draft: RwSignal::new(draft),
        keys: RwSignal::new((0..n).collect()),
        next_key: StoredValue::new(n),
    };
    // What was put together last, as soon as the browser can say it; also what a run is repeated with.
    Effect::new(move |_| {
        bench.open.track();
        let Some(mut draft) = kept().filter(|kept| *kept != form.draft.get_untracked()) else { return };
        form.page.with_value(|page| only_known(&mut draft, page));
        form.begin_with(draft);
    });
    let is_ready = use_ready();
    let row = move |key: u32| view! { <SlotForm form key/> }.into_any();
    view! {
        <fieldset class="flex min-w-0 flex-col gap-3" disabled=move || !is_ready.get() aria-label=texts.new data-testid="compare-setup">
            <p class="text-muted">{texts.intro}</p>
            <div class="grid gap-3 md:grid-cols-2 2xl:grid-cols-4">
                {list(move || form.keys.get(), |key| *key, row)}
            </div>
            <When when=move || form.keys.read().len() < MAX_SLOTS>
                <button type="button" class="button button-quiet self-start" data-testid="slot-add" on:click=move |_| form.add()>
                    <Icon icon=icondata_lu::LuPlus size=14/>
                    {texts.add}
                </button>
            </When>
            <Prompting form/>
        </fieldset>
    }
    .into_any()
}

/// Two answers of the model that is chosen, as usual.
fn usual(page: &ComparePage) -> RunDraft {
    let is_there = |id: &ModelId| page.candidates.iter().any(|it| it.id == *id);
    let first = page.chosen.clone().filter(is_there);
    let model = first.unwrap_or_else(|| page.candidates[0].id.clone());
    let slot = Contestant { model, system_prompt: None, effort: None, numbers: Vec::new() };
    RunDraft { prompt: String::new(), slots: vec![slot; MIN_SLOTS], is_blind: false, in_turn: false }
}

/// A model that is gone is replaced by one that is there.
fn only_known(draft: &mut RunDraft, page: &ComparePage) {
    let is_there = |id: &ModelId| page.candidates.iter().any(|it| it.id == *id);
    for slot in draft.slots.iter_mut().filter(|slot| !is_there(&slot.model)) {
        slot.model = page.candidates[0].id.clone();
    }
}

#[component]
fn Prompting(form: Form) -> AnyView {
    let Form { bench, draft, .. } = form;
    let texts = bench.texts;
    let busy = RwSignal::new(false);
    let start = move || {
        if busy.get_untracked() || draft.with_untracked(|draft| draft.prompt.trim().is_empty()) {
            return;
        }
        busy.set(true);
        // A run that could not begin leaves the form as it was.
        set_timeout(move || _ = busy.try_set(false), std::time::Duration::from_millis(800));
        bench.act(CompareAct::Start { draft: draft.get_untracked() }, move |done| {
            bench.changed();
            if let Some(run) = done.run {
                bench.go.run(format!("/compare/{run}"));
            }
        });
    };
    let on_key = move |event: ev::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            start();
        }
    };
    view! {
        <label class="flex flex-col gap-1">
            <span class="font-medium text-strong">{texts.prompt}</span>
            <textarea
                class="field field-sizing-content max-h-[40vh] min-h-24 text-base"
                data-testid="compare-prompt"
                prop:value=move || draft.with(|draft| draft.prompt.clone())
                on:input=move |event| form.change(|draft| draft.prompt = event_target_value(&event))
                on:keydown=on_key
            ></textarea>
        </label>
        <div class="flex flex-wrap gap-x-6 gap-y-2">
            {tick(texts.blind, texts.blind_hint, "compare-blind", move || draft.with(|draft| draft.is_blind), move |on| form.change(|draft| draft.is_blind = on))}
            {tick(texts.in_turn, texts.in_turn_hint, "compare-in-turn", move || draft.with(|draft| draft.in_turn), move |on| form.change(|draft| draft.in_turn = on))}
        </div>
        <Notes form/>
        <button
            type="button"
            class="button button-primary self-start"
            data-testid="compare-start"
            disabled=move || busy.get() || draft.with(|draft| draft.prompt.trim().is_empty())
            on:click=move |_| start()
        >
            <Icon icon=icondata_lu::LuPlay size=14/>
            {texts.start}
        </button>
    }
    .into_any()
}

fn tick(
    label: &'static str,
    hint: &'static str,
    testid: &'static str,
    is_on: impl Fn() -> bool + Send + Sync + 'static,
    set: impl Fn(bool) + Clone + Send + Sync + 'static,
) -> AnyView {
    view! {
        <label class="flex max-w-md items-start gap-2">
            <input type="checkbox" class="mt-1 size-4 shrink-0 accent-accent" data-testid=testid prop:checked=is_on on:change=move |event| set(event_target_checked(&event))/>
            <span>
                <span class="block font-medium text-strong">{label}</span>
                <span class="block text-xs text-muted">{hint}</span>
            </span>
        </label>
    }
    .into_any()
}

/// What a person should know before it begins: what leaves this machine, and what does not fit into it.
#[component]
fn Notes(form: Form) -> AnyView {
    let texts = form.bench.texts;
    let note = move |words: String, testid: &'static str| {
        view! {
            <p class="flex items-center gap-1.5 text-warn" role="note" data-testid=testid>
                <Icon icon=icondata_lu::LuTriangleAlert size=14/>
                {words}
            </p>
        }
        .into_any()
    };
    let notes = move || {
        let (draft, page) = (form.draft.get(), form.page.get_value());
        let hosts = hosts(&draft, &page.candidates);
        let leaves =
            (!hosts.is_empty()).then(|| note(fill(texts.leaves, "host", hosts.join(", ")), "compare-leaves"));
        let needed = memory(&draft, &page.candidates);
        let is_tight = !draft.in_turn && page.budget_bytes > 0 && needed > page.budget_bytes;
        let tight = is_tight.then(|| {
            let words = fill(texts.tight, "needed", bytes(needed as f64));
            note(fill(&words, "budget", bytes(page.budget_bytes as f64)), "compare-tight")
        });
        [leaves, tight]
    };
    view! { {notes} }.into_any()
}

/// The candidates of the draft, each once.
fn chosen<'a>(draft: &RunDraft, candidates: &'a [Candidate]) -> Vec<&'a Candidate> {
    let wanted: HashSet<&ModelId> = draft.slots.iter().map(|slot| &slot.model).collect();
    candidates.iter().filter(|candidate| wanted.contains(&candidate.id)).collect()
}

fn hosts(draft: &RunDraft, candidates: &[Candidate]) -> Vec<String> {
    let mut hosts: Vec<_> = chosen(draft, candidates).into_iter().filter_map(|it| it.host.clone()).collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// What the models take together, as far as that is known: one in memory serves all its answers.
fn memory(draft: &RunDraft, candidates: &[Candidate]) -> u64 {
    chosen(draft, candidates).into_iter().filter_map(|it| it.memory_bytes).sum()
}

/// Who gives one of the answers, and how.
#[component]
fn SlotForm(form: Form, key: u32) -> AnyView {
    let texts = form.bench.texts;
    let letter = move || form.place(key).map_or("", words::letter);
    let Some(Contestant { model, .. }) = untrack(|| form.slot(key)) else { return ().into_any() };
    let option = |candidate: &Candidate| {
        let selected = candidate.id == model;
        view! { <option value=candidate.id.0.clone() selected=selected>{candidate.name.clone()}</option> }
            .into_any()
    };
    let options: Vec<_> = form.page.with_value(|page| page.candidates.iter().map(option).collect());
    let model_id = format!("slot-{key}-model");
    let on_model = move |event: ev::Event| {
        form.change_slot(key, |slot| slot.model = ModelId(event_target_value(&event)));
    };
    let summary = move || form.slot(key).map(|slot| words::settings(&slot, form.bench));
    // Much to build, and mostly left as it is.
    let opened = RwSignal::new(false);
    let details = NodeRef::<html::Details>::new();
    Effect::new(move |_| opened.set(details.get().is_some_and(|details| details.open())));
    view! {
        <div class="card flex min-w-0 flex-col gap-2 p-3" data-testid="slot-form">
            <div class="flex items-center gap-2">
                <label for=model_id.clone() class="flex-1 font-semibold text-strong">{move || fill(texts.answer, "name", letter())}</label>
                <When when=move || { form.keys.read().len() > MIN_SLOTS }>
                    <IconButton size=14 icon=icondata_lu::LuX label=Signal::derive(move || fill(texts.remove, "name", letter())) testid="slot-remove" on_click=move |()| form.remove(key)/>
                </When>
            </div>
            <select id=model_id class="field h-8" data-testid="slot-model" on:change=on_model>{options}</select>
            <details node_ref=details on:toggle=move |_| opened.set(true)>
                <summary class="cursor-pointer rounded-control text-xs break-words text-muted">{summary}</summary>
                <When when=move || opened.get()>{alone(form, key)}</When>
            </details>
        </div>
    }
    .into_any()
}

/// What an answer has for itself beside its model.
fn alone(form: Form, key: u32) -> AnyView {
    let (texts, common) = (form.bench.texts, form.bench.common);
    let Some(slot) = untrack(|| form.slot(key)) else { return ().into_any() };
    let (mut knobs, usual_prompt) =
        form.page.with_value(|page| (page.knobs.clone(), page.system_prompt.clone()));
    put(&mut knobs, &slot.numbers);
    let changed = Callback::new(move |numbers| form.change_slot(key, |slot| slot.numbers = numbers));
    let samplers = Panel::new(knobs, form.presets, Some(changed));
    let chosen = slot.effort.map_or(AUTO, Effort::name);
    let option = |(name, words): (&'static str, &'static str)| {
        view! { <option value=name selected=name == chosen>{words}</option> }.into_any()
    };
    let on_prompt = move |event: ev::Event| {
        let text = event_target_value(&event);
        form.change_slot(key, |slot| slot.system_prompt = Some(text).filter(|text| !text.trim().is_empty()));
    };
    let on_effort = move |event: ev::Event| {
        let effort = Effort::named(&event_target_value(&event));
        form.change_slot(key, |slot| slot.effort = effort);
    };
    view! {
        <div class="flex flex-col gap-3 pt-2">
            <label class="flex flex-col gap-1 text-xs text-muted">
                {common.settings_system_prompt}
                <textarea rows="3" class="field min-h-16" maxlength=MAX_SYSTEM_PROMPT_BYTES placeholder=usual_prompt
                    data-testid="slot-system" on:input=on_prompt>{slot.system_prompt.unwrap_or_default()}</textarea>
                {texts.own_prompt_hint}
            </label>
            <label class="flex flex-col gap-1 text-xs text-muted">
                {common.effort_label}
                <select class="field h-8" data-testid="slot-effort" on:change=on_effort>{Vec::from(choices(common).map(option))}</select>
                {texts.effort_hint}
            </label>
            {panel(samplers)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::{hosts, memory, only_known, usual};
    use types::{
        compare::{Candidate, ComparePage, RunLines},
        ids::ModelId,
    };

    fn candidate(name: &str, memory_bytes: u64, host: Option<&str>) -> Candidate {
        let (id, host) = (ModelId(name.into()), host.map(str::to_owned));
        Candidate { id, name: name.into(), memory_bytes: Some(memory_bytes), host }
    }

    fn page(chosen: &str) -> ComparePage {
        ComparePage {
            candidates: vec![
                candidate("a", 10, None),
                candidate("b", 20, None),
                candidate("c", 0, Some("far.example")),
            ],
            chosen: Some(ModelId(chosen.into())),
            budget_bytes: 25,
            knobs: Vec::new(),
            system_prompt: String::new(),
            runs: RunLines::default(),
            tally: Vec::new(),
        }
    }

    #[test]
    fn a_comparison_begins_with_the_chosen_model_twice() {
        let model =
            |page: &ComparePage| usual(page).slots.iter().map(|it| it.model.0.clone()).collect::<Vec<_>>();
        assert_eq!(model(&page("b")), ["b", "b"]);
        assert_eq!(model(&page("gone")), ["a", "a"]);
    }

    #[test]
    fn a_model_counts_once_and_hosts_are_named() {
        let page = page("a");
        let mut draft = usual(&page);
        assert_eq!((memory(&draft, &page.candidates), hosts(&draft, &page.candidates).len()), (10, 0));
        draft.slots[1].model = ModelId("b".into());
        assert_eq!(memory(&draft, &page.candidates), 30);
        draft.slots[0].model = ModelId("c".into());
        assert_eq!(hosts(&draft, &page.candidates), ["far.example"]);
        draft.slots[1].model = ModelId("gone".into());
        only_known(&mut draft, &page);
        assert_eq!(draft.slots[1].model.0, "a");
    }
}

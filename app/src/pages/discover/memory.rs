//! What loading something of a repository would take, before it is downloaded.

use super::{api::discover, repository::row_id, store::DiscoverStore};
use crate::{
    format::bytes,
    i18n::{DiscoverTexts, fill},
    ui::field::use_ready,
};
use leptos::{prelude::*, task::spawn_local};
use types::{
    discover::{Chosen, DiscoverAct, DiscoverReply, ForeseenModel, ForeseenWay},
    kv::KvType,
    launch::{Alternative, AlternativeFile, CONTEXTS, Fate, Forecast},
};

/// A question about one choice, and what was answered last.
#[derive(Clone, Copy)]
struct Question {
    chosen: StoredValue<Chosen>,
    way: RwSignal<ForeseenWay>,
    told: RwSignal<Option<ForeseenModel>>,
    n_asked: StoredValue<u32>,
    is_asking: RwSignal<bool>,
    store: DiscoverStore,
}

impl Question {
    fn new(chosen: Chosen) -> Self {
        Self {
            chosen: StoredValue::new(chosen),
            way: RwSignal::new(ForeseenWay::default()),
            told: RwSignal::new(None),
            n_asked: StoredValue::new(0),
            is_asking: RwSignal::new(false),
            store: expect_context(),
        }
    }

    /// The hub is asked for the beginning of the file. The last question counts.
    fn ask(self) {
        let number = self.n_asked.try_update_value(|n| {
            *n = n.wrapping_add(1);
            *n
        });
        let act = DiscoverAct::Foresee { chosen: self.chosen.get_value(), way: self.way.get_untracked() };
        self.is_asking.set(true);
        spawn_local(async move {
            let answer = discover(act).await;
            if self.n_asked.try_get_value() != number {
                return;
            }
            _ = self.is_asking.try_set(false);
            match answer {
                Ok(DiscoverReply::Foreseen(model)) => _ = self.told.try_set(Some(*model)),
                Ok(_) => {}
                Err(err) => self.store.toasts.show(err.sentence(self.store.texts)),
            }
        });
    }

    fn choose(self, change: impl FnOnce(&mut ForeseenWay)) {
        self.way.update(change);
        self.ask();
    }
}

/// A button that asks what loading it would take, and the answer, with what can be chosen about that.
pub(super) fn takes(chosen: Chosen) -> (AnyView, AnyView) {
    let question = Question::new(chosen);
    let texts = question.store.texts;
    let is_ready = use_ready();
    let button = view! {
        <button type="button" class="button button-quiet" data-testid="choice-memory"
            disabled=move || question.is_asking.get() || !is_ready.get() on:click=move |_| question.ask()>{texts.memory_ask}</button>
    };
    let answer = move || question.told.get().map(|model| memory(&model, texts));
    // What can be chosen stays as it is when another answer comes, with whoever is about to choose.
    let range = Memo::new(move |_| question.told.read().as_ref().map(Range::of));
    let fields = move || range.get().map(|range| fields(question, range));
    let answer = view! {
        <div class="tabular text-xs" aria-live="polite">{answer}</div>
        {fields}
    };
    (button.into_any(), answer.into_any())
}

/// What there is to choose from.
#[derive(Clone, Copy, PartialEq)]
struct Range {
    usual_n_ctx: u32,
    n_ctx_train: Option<u32>,
    usual_kv_type: KvType,
    has_kv_types: bool,
}

impl Range {
    fn of(model: &ForeseenModel) -> Self {
        let ForeseenModel { usual_n_ctx, n_ctx_train, usual_kv_type, has_kv_types, .. } = *model;
        Self { usual_n_ctx, n_ctx_train, usual_kv_type, has_kv_types }
    }

    /// Contexts that the model was made for, in tokens.
    fn contexts(self) -> Vec<u32> {
        let most = self.n_ctx_train.unwrap_or(u32::MAX);
        let mut contexts: Vec<_> = CONTEXTS.into_iter().filter(|n| *n < most).collect();
        contexts.extend(self.n_ctx_train);
        contexts
    }
}

/// The context, and how keys and values are kept.
fn fields(question: Question, range: Range) -> AnyView {
    let texts = question.store.texts;
    let way = question.way;
    let contexts = range.contexts().into_iter().map(|n| {
        let selected = move || way.read().n_ctx == Some(n);
        view! { <option value=n selected=selected>{fill(texts.memory_tokens, "n", n)}</option> }
    });
    let contexts = contexts.collect_view();
    let kept = KvType::usual().into_iter().filter(|it| !it.window).map(|kind| {
        let selected = move || way.read().kv_type == Some(kind);
        view! { <option value=kind.to_string() selected=selected>{kind.to_string()}</option> }
    });
    let kept = kept.collect_view();
    let choose_kept =
        move |event| question.choose(|way| way.kv_type = event_target_value(&event).parse().ok());
    let kept = view! {
        <label class="flex items-center gap-1.5 sm:whitespace-nowrap">
            {texts.memory_kept}
            <select class="field h-7" data-testid="choice-kept" on:change=choose_kept>
                <option value="" selected=move || way.read().kv_type.is_none()>{fill(texts.memory_kept_usual, "kind", range.usual_kv_type)}</option>
                {kept}
            </select>
        </label>
    };
    let choose_context =
        move |event| question.choose(|way| way.n_ctx = event_target_value(&event).parse().ok());
    view! {
        <div class="flex flex-wrap gap-x-3 gap-y-1 pt-1 text-xs">
            <label class="flex items-center gap-1.5 sm:whitespace-nowrap">
                {texts.memory_context}
                <select class="field h-7" data-testid="choice-context" on:change=choose_context>
                    <option value="" selected=move || way.read().n_ctx.is_none()>{fill(texts.memory_context_usual, "n", range.usual_n_ctx)}</option>
                    {contexts}
                </select>
            </label>
            {range.has_kv_types.then_some(kept)}
        </div>
    }
    .into_any()
}

/// What loading it would take, part by part; whether it fits; and how else it would.
fn memory(ForeseenModel { forecast, n_ctx, .. }: &ForeseenModel, texts: &'static DiscoverTexts) -> AnyView {
    let parts = &forecast.parts;
    let (state, sentence) = verdict(forecast, texts);
    let whole = fill(texts.memory_whole, "n", amount(parts.total()));
    let list = [
        (texts.memory_weights, parts.weights),
        (texts.memory_kv, parts.kv),
        (texts.memory_buffers, parts.buffers),
        (texts.memory_projector, parts.projector),
    ];
    let list = list.into_iter().filter(|(_, n)| *n > 0).map(|(label, n)| fill(label, "n", amount(n)));
    let list = list.map(|part| fill(&part, "ctx", n_ctx)).collect::<Vec<_>>().join(" · ");
    let ways: Vec<_> = forecast.alternatives.iter().map(|it| way(it, texts)).collect();
    let has_ways = !ways.is_empty();
    view! {
        <p class="font-medium" class:text-danger=state == "too-large" class:text-warn=state == "tight"
            data-testid="choice-fate" data-state=state>{whole}" · "{sentence}</p>
        <p class="text-muted">{list}</p>
        {has_ways.then(|| view! {
            <p class="text-muted">{texts.memory_would_fit}</p>
            <ul class="list-disc pl-5 text-muted" data-testid="choice-ways">{ways}</ul>
        })}
    }
    .into_any()
}

/// In a word and in sentences.
fn verdict(forecast: &Forecast, texts: &DiscoverTexts) -> (&'static str, String) {
    let Forecast { left_bytes, fate, .. } = forecast;
    let named = |text, names: &[String]| (!names.is_empty()).then(|| fill(text, "names", names.join(", ")));
    let (state, sentences) = match fate {
        Fate::DoesNotFit { missing_bytes, in_the_way } => {
            let missing = fill(texts.memory_missing, "n", amount(*missing_bytes));
            ("too-large", [Some(missing), named(texts.memory_in_the_way, in_the_way), None])
        }
        Fate::Tight { missing_bytes, unloads, in_the_way } => {
            let tight = fill(texts.memory_tight, "free", amount(*left_bytes));
            let tight = fill(&tight, "n", amount(*missing_bytes));
            let goes = named(texts.memory_unloads_too, unloads);
            ("tight", [Some(tight), goes, named(texts.memory_in_the_way, in_the_way)])
        }
        Fate::Loads { unloads } if !unloads.is_empty() => {
            ("unloads", [named(texts.memory_unloads, unloads), None, None])
        }
        Fate::Loads { .. } | Fate::IsThere | Fate::InUse => {
            ("fits", [Some(fill(texts.memory_fits, "free", amount(*left_bytes))), None, None])
        }
    };
    (state, sentences.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

/// Another way: what is another file leads there, what can be chosen is chosen once it is here.
fn way(alternative: &Alternative, texts: &DiscoverTexts) -> AnyView {
    let Alternative { profile, file, bytes: n, is_tight } = alternative;
    let parts = [
        profile.n_ctx.map(|n| fill(texts.way_context, "n", n)),
        profile.kv_type.map(|kind| fill(texts.way_kv, "kind", kind)),
        is_tight.then(|| texts.way_tight.to_owned()),
        Some(amount(*n)),
    ];
    let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let AlternativeFile::Repository(name) = file else {
        return view! { <li>{words}</li> }.into_any();
    };
    view! {
        <li>
            <a href=format!("#{}", row_id(name)) class="break-all underline" data-testid="choice-smaller">
                {fill(texts.way_file, "name", name)}
            </a>
            " · "{words}
        </li>
    }
    .into_any()
}

fn amount(n: u64) -> String {
    bytes(n as f64)
}

#[cfg(test)]
mod tests;

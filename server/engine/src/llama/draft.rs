//! A draft model: a second, smaller model with the same vocabulary, in the same process.

use super::{
    HeadKind, Heads, N_BATCH, Opened, VendoredDrafter, architecture, check_eagle, last_errors, load_file,
    n_kept_or_running, new_context, params, purpose,
};
use crate::loading::Loading;
use llama_cpp_2::{
    context::LlamaContext,
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
    token::LlamaToken,
};
use protocol::{DraftModel, LoadRequest, pool};
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use types::{
    job::JobStep,
    model::{Purpose, looks_at_layers, shows_layers},
};

/// Vocabularies may end in so many unused tokens more or less.
const MOST_DIFFERENT: usize = 128;

/// The architecture of drafters that guess a block at once.
const BLOCK_DRAFTER: &str = "dflash";

/// The architecture of drafters that guess from three of the model's layers.
const EAGLE: &str = "eagle3";

/// A draft model that is ready.
pub(crate) enum OpenedDraft<'m> {
    /// It writes, and is asked for the next tokens one by one.
    Model {
        context: LlamaContext<'m>,
        /// The longest sequence that it can follow.
        n_ctx: u32,
        /// Some of its layers look back only so far.
        has_window: bool,
        /// Tokens that both models know, the first ones of their vocabularies.
        n_vocab: usize,
    },
    /// It guesses a block of tokens at once.
    Blocks { drafter: VendoredDrafter<'m>, n_ctx: u32 },
    /// It guesses from the model's hidden rows.
    Heads { heads: Heads<'m>, n_ctx: u32 },
}

/// Loads the draft model that was asked for, if any, telling how far it is; `stop` ends it early. The error is a sentence that also
/// says why a draft model does not fit `model`.
pub(crate) fn load_draft_model(
    backend: &LlamaBackend,
    model: &LlamaModel,
    request: &LoadRequest,
    loading: &Loading,
    stop: Arc<AtomicBool>,
) -> Result<Option<LlamaModel>, String> {
    let Some(DraftModel { path, .. }) = &request.draft_model else { return Ok(None) };
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let refused = |reason: String| format!("the draft model {name} cannot be used: {reason}");
    let mut tell = loading.follow(JobStep::LoadingDraft);
    let goes_on = move |fraction| {
        tell(fraction);
        !stop.load(Ordering::Relaxed)
    };
    let draft_model = load_file(backend, path, LlamaModelParams::default(), goes_on).map_err(refused)?;
    check(model, &draft_model).map_err(refused)?;
    Ok(Some(draft_model))
}

fn check(model: &LlamaModel, draft_model: &LlamaModel) -> Result<(), String> {
    if purpose(draft_model) != Purpose::Writing {
        return Err("it does not write".into());
    }
    if draft_model.is_recurrent() || draft_model.is_hybrid() {
        return Err("it cannot take back tokens that it guessed wrongly".into());
    }
    if looks_at_layers(&architecture(draft_model)) && !shows_layers(&architecture(model)) {
        return Err(format!("models of the kind {} do not show it their layers", architecture(model)));
    }
    same_vocabulary(model, draft_model)?;
    if architecture(draft_model) == EAGLE { check_eagle(model, draft_model) } else { Ok(()) }
}

fn same_vocabulary(model: &LlamaModel, draft_model: &LlamaModel) -> Result<(), String> {
    let (ours, theirs) = (n_vocab(model), n_vocab(draft_model));
    if ours.abs_diff(theirs) > MOST_DIFFERENT {
        return Err(format!("its vocabulary has {theirs} tokens, the model's has {ours}"));
    }
    let n_common = i32::try_from(ours.min(theirs)).unwrap_or(i32::MAX);
    let spelling = |model: &LlamaModel, token| {
        String::from_utf8_lossy(&model.vocab().token_to_piece(token, true, None)).into_owned()
    };
    for token in (0..n_common).map(LlamaToken) {
        let (ours, theirs) = (spelling(model, token), spelling(draft_model, token));
        if ours != theirs {
            return Err(format!(
                "its vocabulary is another one: token {} is “{theirs}” there and “{ours}” in the model",
                token.0
            ));
        }
    }
    Ok(())
}

fn n_vocab(model: &LlamaModel) -> usize {
    usize::try_from(model.n_vocab()).unwrap_or(0)
}

/// Opens a context with the same numbers of sequences as `opened` has.
pub(crate) fn open_draft_context<'m>(
    backend: &LlamaBackend,
    draft_model: &'m LlamaModel,
    opened: &Opened<'_>,
    request: &LoadRequest,
) -> Result<OpenedDraft<'m>, String> {
    let n_ctx_train = Some(draft_model.n_ctx_train()).filter(|&n| n > 0);
    let n_ctx = pool::n_ctx_per_sequence(Some(opened.facts.n_ctx), n_ctx_train);
    let params = params(request, request.kv_type)
        .with_n_ctx(NonZeroU32::new(opened.context.n_ctx()))
        .with_n_batch(N_BATCH)
        .with_n_ubatch(N_BATCH)
        .with_n_seq_max(n_kept_or_running(opened.facts.n_sequences));
    let beside = |params| {
        let context = draft_model.new_context_with_ctx_other(backend, params, &opened.context);
        context.map_err(|error| last_errors().unwrap_or_else(|| error.to_string()))
    };
    let refused = |reason| format!("the draft model cannot be used: {reason}");
    let n_vocab = n_vocab(draft_model).min(opened.facts.n_vocab as usize);
    match architecture(draft_model).as_str() {
        BLOCK_DRAFTER => {
            let n_sequences = n_kept_or_running(opened.facts.n_sequences);
            let drafter = VendoredDrafter::new(&opened.context, beside(params)?, n_sequences, n_vocab);
            return Ok(OpenedDraft::Blocks { drafter: drafter.map_err(refused)?, n_ctx });
        }
        EAGLE => {
            let context = beside(params)?;
            let heads = Heads::new(&opened.context, context, HeadKind::Eagle, n_vocab, N_BATCH as usize);
            return Ok(OpenedDraft::Heads { heads: heads.map_err(refused)?, n_ctx });
        }
        _ => {}
    }
    let context = new_context(backend, draft_model, params)?;
    let window = draft_model.meta_val_str(&format!("{}.attention.sliding_window", architecture(draft_model)));
    let has_window = window.is_ok_and(|window| window.parse::<u32>().is_ok_and(|n| n > 0));
    Ok(OpenedDraft::Model { context, n_ctx, has_window, n_vocab })
}

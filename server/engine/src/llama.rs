//! llama.cpp: a model from a file, a context to decode with, samplers, the quantiser.
//!
//! The safe bindings are used wherever they reach; what they do not offer is in [`raw`], the one place with
//! `unsafe` in it.

mod draft;
mod heads;
mod kernels;
mod raw;
mod threads;

pub(crate) use draft::{OpenedDraft, load_draft_model, open_draft_context};
pub(crate) use heads::open_heads;
pub(crate) use kernels::start_llama;

pub(crate) use raw::{
    Adapter, Allocated, CutImage, EncodedPiece, HeadKind, HeadToken, Heads, ImagePart, PartState, PieceSize,
    Pool, Projector, RecurrentState, SequenceState, VendoredDrafter, allocated, beat_with, build, can_shift,
    capture_log, dry_run, last_errors, load_adapter, looks_back_only, projector_bytes, quantize,
    set_adapters, set_threads,
};
pub(crate) use threads::{Threads, default_threads, threads};

use crate::loading::Loading;
use heads::n_heads;
use llama_cpp_2::{
    context::{
        LlamaContext,
        kv_cache::KvCacheConversionError,
        params::{KvCacheType, LlamaContextParams, LlamaPoolingType},
    },
    llama_backend::LlamaBackend,
    model::{LlamaModel, params::LlamaModelParams},
};
use protocol::{LoadRequest, LoadedModel, pool};
use raw::{check_eagle, check_heads};
use std::{
    num::NonZeroU32,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use types::{
    job::JobStep,
    kv::{KvFormat, KvType},
    model::Purpose,
};

/// Tokens of one batch, and of what llama.cpp computes at once.
pub(crate) const N_BATCH: u32 = 512;

/// Fewer tokens at once gain no memory that is worth the time.
const MIN_BATCH: u32 = 32;

/// The most generations that may run at the same time in one context.
pub(crate) const MAX_SEQUENCES: u32 = 64;

/// Further ways in which generations may go on in one step.
pub(crate) const N_BRANCHES: usize = 16;

/// Conversations remembered beside those that run, while there is room.
const N_KEPT: u32 = 32;

/// A context and what is worth knowing about it.
pub(crate) struct Opened<'m> {
    pub(crate) context: LlamaContext<'m>,
    pub(crate) facts: LoadedModel,
}

/// Loads the weights, telling how far it is; `stop` ends it early. The error is a sentence.
pub(crate) fn load_model(
    backend: &LlamaBackend,
    request: &LoadRequest,
    loading: &Loading,
    stop: Arc<AtomicBool>,
) -> Result<LlamaModel, String> {
    let mut tell = loading.follow(JobStep::LoadingWeights);
    let mut params = LlamaModelParams::default().with_load_mtp(true);
    if let Some(n) = request.n_gpu_layers {
        params = params.with_n_gpu_layers(n);
    }
    load_file(backend, &request.path, params, move |fraction| {
        tell(fraction);
        !stop.load(Ordering::Relaxed)
    })
}

/// Loads weights; `goes_on` hears how far it is and may end it.
pub(crate) fn load_file(
    backend: &LlamaBackend,
    path: &Path,
    params: LlamaModelParams,
    goes_on: impl FnMut(f32) -> bool + 'static,
) -> Result<LlamaModel, String> {
    if !path.is_file() {
        return Err("there is no such file".into());
    }
    let params = params.with_progress_callback(goes_on);
    LlamaModel::load_from_file(backend, path, &params)
        .map_err(|error| raw::last_errors().unwrap_or_else(|| error.to_string()))
}

/// The sequence numbers for what runs and what is kept where `n_sequences` generations run at the same time. The
/// context has one more, for rows that belong to nobody, and then those of branches.
pub(crate) fn n_kept_or_running(n_sequences: u32) -> u32 {
    n_sequences + N_KEPT
}

/// All sequence numbers of such a context.
pub(crate) fn n_of_pool(n_sequences: u32) -> u32 {
    n_kept_or_running(n_sequences) + 1 + N_BRANCHES as u32
}

/// Opens a context whose sequences share one pool of cells, so that a common beginning is there once.
pub(crate) fn open_context<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    request: &LoadRequest,
    draft_model: Option<&LlamaModel>,
) -> Result<Opened<'m>, String> {
    let n_sequences = n_sequences(request);
    // A file that does not say it has zero there.
    let n_ctx_train = Some(model.n_ctx_train()).filter(|&n| n > 0);
    let n_ctx = pool::n_ctx_per_sequence(request.n_ctx, n_ctx_train);
    let n_cells = n_cells(n_ctx, model, draft_model, request);
    let context = open_pool(backend, model, request, n_cells)?;
    if request.kv_type.window && !can_forget_middle(model, &context) {
        return Err(FORGETS_NO_MIDDLE.to_owned());
    }
    let facts = LoadedModel {
        n_ctx,
        n_sequences,
        n_vocab: u32::try_from(model.n_vocab()).unwrap_or(0),
        n_threads: threads(request).decode,
        has_chat_template: model.chat_template(None).is_ok(),
        thinks: false,
        draft_problem: None,
        sees: false,
        projector_problem: None,
        kv_type: Some(request.kv_type),
    };
    Ok(Opened { context, facts })
}

/// A context of `n_cells` cells, with the sequences that are kept, that run, and that rows of nobody and branches have.
pub(crate) fn open_pool<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    request: &LoadRequest,
    n_cells: u32,
) -> Result<LlamaContext<'m>, String> {
    let params = params(request, request.kv_type)
        .with_n_ctx(NonZeroU32::new(n_cells))
        .with_n_batch(N_BATCH)
        .with_n_ubatch(n_batch(request))
        .with_n_seq_max(n_of_pool(n_sequences(request)));
    new_context(backend, model, params)
}

/// Why a model is not loaded that should forget the middle of conversations.
pub(crate) const FORGETS_NO_MIDDLE: &str = "this model cannot forget the middle of a conversation, since what it keeps of \
    a text cannot be moved within it: choose to keep the whole";

/// Whether tokens can be taken out of the middle of what a context holds and the rest moved together.
pub(crate) fn can_forget_middle(model: &LlamaModel, context: &LlamaContext<'_>) -> bool {
    !model.is_recurrent() && !model.is_hybrid() && can_shift(context)
}

/// Takes tokens out of a sequence, by their positions in order, and moves what is behind them up. Only where the model
/// [can forget the middle](can_forget_middle), and where the sequence shares no cell behind the first of them.
pub(crate) fn forget(
    context: &mut LlamaContext<'_>,
    sequence: i32,
    positions: &[Range<usize>],
) -> Result<(), KvCacheConversionError> {
    // From the last to the first, so that the positions of the others stay.
    for range in positions.iter().rev() {
        let [start, end] = [range.start, range.end].map(|position| u32::try_from(position).ok());
        let by = -i32::try_from(range.len()).unwrap_or(i32::MAX);
        context.kv_cache_seq_rm(sequence, start, end)?;
        context.kv_cache_seq_add(sequence, end, None, by)?;
    }
    Ok(())
}

/// Cells of the pool where a cell of the model and one of its draft model are paid for together.
pub(crate) fn n_cells(
    n_ctx: u32,
    model: &LlamaModel,
    draft_model: Option<&LlamaModel>,
    request: &LoadRequest,
) -> u32 {
    let draft_path = request.draft_model.as_ref().map(|draft_model| draft_model.path.as_path());
    let models = [Some((model, request.path.as_path())), draft_model.zip(draft_path)].into_iter().flatten();
    let cell_bytes = models.map(|(model, path)| cell_bytes(model, path, request.kv_type)).sum();
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    pool::n_cells(n_ctx, cell_bytes, system.total_memory())
}

/// The generations that run at the same time.
fn n_sequences(request: &LoadRequest) -> u32 {
    request.n_sequences.clamp(1, MAX_SEQUENCES)
}

/// What comes out of a context that keeps nothing from one batch to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// A vector for every sequence.
    Pooled(LlamaPoolingType),
    /// A vector for every token.
    Tokens,
    /// How likely words are behind every token.
    Likelihoods,
}

/// Such a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VectorShape {
    pub(crate) output: Output,
    /// Tokens of a batch, at most.
    pub(crate) n_tokens: u32,
    /// So many of them are computed at once.
    pub(crate) n_at_once: u32,
    /// Sequences of a batch, at most.
    pub(crate) n_sequences: u32,
}

/// Opens a context that keeps nothing from one batch to the next.
pub(crate) fn open_vector_context<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    request: &LoadRequest,
    shape: VectorShape,
) -> Result<LlamaContext<'m>, String> {
    let params = params(request, request.kv_type.for_vectors())
        .with_embeddings(shape.output != Output::Likelihoods)
        .with_pooling_type(match shape.output {
            Output::Pooled(pooling) => pooling,
            Output::Tokens | Output::Likelihoods => LlamaPoolingType::None,
        })
        .with_n_ctx(NonZeroU32::new(shape.n_tokens))
        .with_n_batch(shape.n_tokens)
        .with_n_ubatch(shape.n_at_once)
        .with_n_seq_max(shape.n_sequences);
    new_context(backend, model, params)
}

/// Opens a context for one sequence of `n_ctx` tokens.
pub(crate) fn open_plain_context<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    request: &LoadRequest,
    n_ctx: u32,
) -> Result<LlamaContext<'m>, String> {
    let params = params(request, request.kv_type)
        .with_n_ctx(NonZeroU32::new(n_ctx))
        .with_n_batch(N_BATCH)
        .with_n_ubatch(n_batch(request));
    new_context(backend, model, params)
}

/// What every context has.
fn params(request: &LoadRequest, kv_type: KvType) -> LlamaContextParams {
    let Threads { decode, prefill } = threads(request);
    let in_c = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    let params = LlamaContextParams::default()
        .with_kv_unified(true)
        .with_n_threads(in_c(decode))
        .with_n_threads_batch(in_c(prefill))
        .with_no_perf(true);
    with_kv_type(params, kv_type)
}

fn new_context<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    params: LlamaContextParams,
) -> Result<LlamaContext<'m>, String> {
    model
        .new_context(backend, params)
        .map_err(|error| raw::last_errors().unwrap_or_else(|| error.to_string()))
}

/// Tokens that llama.cpp computes at once, of a batch of [`N_BATCH`].
pub(crate) fn n_batch(request: &LoadRequest) -> u32 {
    request.n_batch.map_or(N_BATCH, |n| n.clamp(MIN_BATCH, N_BATCH))
}

/// What the model was made for, by what its file says.
pub(crate) fn purpose(model: &LlamaModel) -> Purpose {
    let architecture = model.meta_val_str("general.architecture").unwrap_or_default();
    Purpose::of_gguf(&architecture, pooling_type(model).and_then(|it| it.try_into().ok()))
}

/// Whether the model can do nothing but look at whole texts.
pub(crate) fn is_encoder(model: &LlamaModel) -> bool {
    model.meta_val_str("general.architecture").is_ok_and(|it| types::model::is_encoder(&it))
}

/// How the file says that vectors are made, as GGUF counts it.
pub(crate) fn pooling_type(model: &LlamaModel) -> Option<i32> {
    let architecture = model.meta_val_str("general.architecture").ok()?;
    model.meta_val_str(&format!("{architecture}.pooling_type")).ok()?.parse().ok()
}

/// Keeps keys and values as `kv_type` says. What was rounded can only be attended to with the fused kernel; where
/// nothing is rounded, attention is computed in separate operations, whose results do not depend on what else is in the
/// cache.
pub(crate) fn with_kv_type(params: LlamaContextParams, kv_type: KvType) -> LlamaContextParams {
    let format = |format: KvFormat| match format {
        KvFormat::F32 => KvCacheType::F32,
        KvFormat::F16 => KvCacheType::F16,
        KvFormat::Bf16 => KvCacheType::BF16,
        KvFormat::Q8 => KvCacheType::Q8_0,
        KvFormat::Q5 => KvCacheType::Q5_1,
        KvFormat::Q4 => KvCacheType::Q4_0,
    };
    let params = params.with_type_k(format(kv_type.keys)).with_type_v(format(kv_type.values));
    raw::with_fused_attention(params, !kv_type.is_exact())
}

/// Bytes of one token's keys and values, by what foretold them: the header of the model's file.
fn cell_bytes(model: &LlamaModel, path: &Path, kv_type: KvType) -> u64 {
    let said = gguf::read_header(path).ok().and_then(|header| header.cell_bytes());
    kv_type.bytes(said.unwrap_or_else(|| half_precision_bytes(model)))
}

/// What a token takes in half precision where the header does not say it.
fn half_precision_bytes(model: &LlamaModel) -> u64 {
    let n_head = u64::from(model.n_head().max(1));
    let width = u64::try_from(model.n_embd()).unwrap_or(0) / n_head * u64::from(model.n_head_kv().max(1));
    let n_layer = u64::from(model.n_layer().saturating_add(n_heads(model)));
    // Keys and values, two bytes each.
    n_layer * width * 2 * 2
}

fn architecture(model: &LlamaModel) -> String {
    model.meta_val_str("general.architecture").unwrap_or_default()
}

#[cfg(test)]
mod tests;

//! Models that write, in folders of safetensors: candle computes how likely each word comes next, and everything around
//! it (templates, sampling, forms, how answers are read) is as with llama.cpp.

mod kept;
mod paused;
mod scheduler;
mod words;

pub(crate) use scheduler::{FolderScheduler, Limits};

use crate::{
    llama::{MAX_SEQUENCES, threads},
    loading::Loading,
};
use candle::{DecoderManifest, Run, TextDecoder, Words};
use llama_cpp_2::{llama_backend::LlamaBackend, model::LlamaModel};
use protocol::{LoadRequest, LoadedModel, pool};
use std::sync::atomic::{AtomicBool, Ordering};
use types::{
    job::JobStep,
    kv::{KvFormat, KvType},
};

/// A model whose words llama.cpp knows, too.
pub(crate) struct FolderModel {
    pub(crate) decoder: TextDecoder,
    /// Without weights.
    pub(crate) vocabulary: LlamaModel,
    pub(crate) words: Words,
    pub(crate) facts: LoadedModel,
    pub(crate) limits: Limits,
}

/// Loads the model in a folder, telling how far it is; `stop` ends it early. The error is a sentence.
pub(crate) fn load(
    backend: &LlamaBackend,
    request: &LoadRequest,
    loading: &Loading,
    stop: &AtomicBool,
) -> Result<FolderModel, String> {
    if request.draft_model.as_ref().is_some_and(|draft_model| draft_model.is_required) {
        return Err("a model in a folder takes no draft model".to_owned());
    }
    let manifest = DecoderManifest::read(&request.path).map_err(|error| error.to_string())?;
    let words = Words::read(&request.path, manifest.n_vocab()).map_err(|error| error.to_string())?;
    let vocabulary = words::load(backend, &words)?;
    let n_ctx_train = u32::try_from(manifest.n_ctx_train()).ok();
    let n_ctx = pool::n_ctx_per_sequence(request.n_ctx, n_ctx_train);
    let n_threads = threads(request).decode;
    let mut tell = loading.follow(JobStep::LoadingWeights);
    let mut progress = |fraction| {
        tell(fraction);
        !stop.load(Ordering::Relaxed)
    };
    let decoder = TextDecoder::load(&manifest, n_ctx as usize, n_threads as usize, &mut progress)
        .map_err(|error| error.to_string())?;
    warm_up(&decoder)?;
    let n_sequences = request.n_sequences.clamp(1, MAX_SEQUENCES);
    let facts = LoadedModel {
        n_ctx,
        n_sequences,
        n_vocab: u32::try_from(words.words.len()).unwrap_or(u32::MAX),
        n_threads,
        has_chat_template: words.template.is_some(),
        thinks: false,
        draft_problem: None,
        sees: false,
        projector_problem: None,
        // Tensors of the network's own kind, whatever was asked for.
        kv_type: Some(KvType::of(KvFormat::F32)),
    };
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let cell_bytes = manifest.cells().bytes();
    let n_cells = pool::n_cells(n_ctx, cell_bytes, system.total_memory());
    let limits = Limits {
        n_ctx: n_ctx as usize,
        n_parallel: n_sequences as usize,
        max_bytes: u64::from(n_cells).saturating_mul(cell_bytes),
        saved_bytes: request.saved_bytes,
    };
    Ok(FolderModel { decoder, vocabulary, words, facts, limits })
}

/// Computes one token and forgets it: a network that cannot be computed says so at once.
fn warm_up(decoder: &TextDecoder) -> Result<(), String> {
    let mut cache = decoder.new_cache();
    let run = Run { tokens: &[0], cache: &mut *cache, wants_logits: true };
    decoder.forward(&mut [run]).map(drop).map_err(|error| format!("the network cannot be computed: {error}"))
}

#[cfg(test)]
mod tests;

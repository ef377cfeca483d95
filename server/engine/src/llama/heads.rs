//! A model's own head for the token after the next (MTP), in a context of its own.

use super::{
    Heads, N_BATCH, Opened, OpenedDraft, architecture, check_heads, last_errors, n_kept_or_running, params,
};
use llama_cpp_2::{context::params::LlamaContextType, llama_backend::LlamaBackend, model::LlamaModel};
use protocol::LoadRequest;
use std::num::NonZeroU32;

/// Architectures whose heads llama.cpp computes. Asked for the heads of others, it would end the process.
const WITH_HEADS: [&str; 3] = ["glm4moe", "qwen35", "qwen35moe"];

/// The heads that the model's file has, be it that they cannot be asked.
pub(crate) fn n_heads(model: &LlamaModel) -> u32 {
    let key = format!("{}.nextn_predict_layers", architecture(model));
    model.meta_val_str(&key).ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Opens a context for the model's own head, where it has one that can be asked. The error is a sentence.
pub(crate) fn open_heads<'m>(
    backend: &LlamaBackend,
    model: &'m LlamaModel,
    opened: &Opened<'_>,
    request: &LoadRequest,
) -> Result<Option<OpenedDraft<'m>>, String> {
    if n_heads(model) == 0 || !WITH_HEADS.contains(&architecture(model).as_str()) {
        return Ok(None);
    }
    let refused = |reason: String| format!("the model's own heads cannot be used: {reason}");
    check_heads(model).map_err(refused)?;
    let n_sequences = n_kept_or_running(opened.facts.n_sequences);
    let params = params(request, request.kv_type)
        .with_n_ctx(NonZeroU32::new(opened.context.n_ctx()))
        .with_n_batch(N_BATCH)
        .with_n_ubatch(N_BATCH)
        .with_n_seq_max(n_sequences)
        .with_context_type(LlamaContextType::Mtp);
    let context = model
        .new_context_with_ctx_other(backend, params, &opened.context)
        .map_err(|error| refused(last_errors().unwrap_or_else(|| error.to_string())))?;
    let n_vocab = opened.facts.n_vocab as usize;
    let heads = Heads::new(&opened.context, context, super::HeadKind::Own, n_vocab, N_BATCH as usize)
        .map_err(refused)?;
    Ok(Some(OpenedDraft::Heads { heads, n_ctx: opened.facts.n_ctx }))
}

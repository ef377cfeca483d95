// What a model would allocate, by llama.cpp's own account: for raw/sizes.rs, plain numbers in and out, and no exception leaves.
//
// Loading goes through everything but reads no weights and allocates nothing for them. Contexts are made here, since the safe
// bindings do not say for how many rows there are logits: without that, buffers count that are never touched.

#include "llama-ext.h"
#include "llama.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace {

struct model_deleter {
    void operator()(llama_model * model) const { llama_model_free(model); }
};

struct context_deleter {
    void operator()(llama_context * context) const { llama_free(context); }
};

} // namespace

struct engine_sizes {
    uint64_t weights;
    uint64_t kv;
    uint64_t buffers;
};

struct engine_pool {
    uint32_t n_cells;
    uint32_t n_sequences;
    uint32_t n_batch;
    uint32_t n_logits;
    int32_t  pooling;
    bool     makes_vectors;
    bool     is_exact;
};

extern "C" bool engine_sizes_of(const llama_context * context, engine_sizes * sizes) {
    try {
        *sizes = {};
        for (const auto & [_, bytes] : llama_get_memory_breakdown(context)) {
            sizes->weights += bytes.model;
            sizes->kv += bytes.context;
            sizes->buffers += bytes.compute;
        }
        return true;
    } catch (...) {
        return false;
    }
}

// What the model at `path` takes with each of `n` contexts; false where it cannot be loaded, which the log explains.
extern "C" bool engine_dry_run(const char * path, const engine_pool * pools, size_t n, engine_sizes * sizes) {
    try {
        llama_model_params model_params = llama_model_default_params();
        model_params.load_mode = LLAMA_LOAD_MODE_NONE;
        model_params.load_mtp = true;
        model_params.no_alloc = true;
        const std::unique_ptr<llama_model, model_deleter> model(llama_model_load_from_file(path, model_params));
        if (!model) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            llama_context_params params = llama_context_default_params();
            params.n_ctx = pools[i].n_cells;
            params.n_batch = pools[i].n_batch;
            params.n_ubatch = pools[i].n_batch;
            params.n_seq_max = pools[i].n_sequences;
            params.n_outputs_max = pools[i].n_logits;
            params.kv_unified = true;
            params.embeddings = pools[i].makes_vectors;
            if (params.embeddings) {
                params.pooling_type = static_cast<enum llama_pooling_type>(pools[i].pooling);
            }
            if (pools[i].is_exact) {
                params.type_k = GGML_TYPE_F32;
                params.type_v = GGML_TYPE_F32;
                params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
            }
            params.no_perf = true;
            const std::unique_ptr<llama_context, context_deleter> context(llama_init_from_model(model.get(), params));
            if (!context || !engine_sizes_of(context.get(), &sizes[i])) {
                return false;
            }
        }
        return true;
    } catch (...) {
        return false;
    }
}

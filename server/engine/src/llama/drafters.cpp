// llama.cpp's own drafters, for raw.rs: plain numbers in and out, and no exception leaves.
//
// Only draft-dflash and draft-dspark are reached: what the others need of the target's context is not prepared.

#include "common.h"
#include "log.h"
#include "speculative.h"

#include "llama-ext.h"
#include "llama.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

// The tensors of a model by name; declared in a header that is llama.cpp's own.
const std::vector<std::pair<std::string, ggml_tensor *>> & llama_internal_get_tensor_map(const llama_model * model);

namespace {

struct spec_deleter {
    void operator()(common_speculative * spec) const { common_speculative_free(spec); }
};

void tell(char * reason, size_t size, const char * text) {
    if (reason != nullptr && size > 0) {
        std::snprintf(reason, size, "%s", text);
    }
}

// Whether what is drafted in a place depends on the one before it (DSpark).
bool is_chained(const llama_model * drafter) {
    const auto & tensors = llama_internal_get_tensor_map(drafter);
    return std::any_of(tensors.begin(), tensors.end(), [](const auto & it) { return it.first == "markov_w1.weight"; });
}

// Whether the first place of a block, that of the last known token, drafts as well.
bool drafts_at_anchor(const llama_model * drafter) {
    char text[16] = {};
    const bool is_told = llama_model_meta_val_str(drafter, "dflash.sample_from_anchor", text, sizeof(text)) >= 0;
    return is_chained(drafter) && (!is_told || std::strcmp(text, "true") == 0);
}

} // namespace

struct engine_drafter {
    llama_context * target;
    llama_context * draft;
    uint32_t n_sequences;
    int32_t n_most;
    bool at_anchor;
    llama_tokens nothing;
    std::vector<llama_tokens> results;
    std::unique_ptr<common_speculative, spec_deleter> spec;
};

// What is asserted further down would end the process, so it is checked here. NULL with a reason where it does not fit.
extern "C" engine_drafter * engine_drafter_new(
        llama_context * target, llama_context * draft, uint32_t n_sequences, char * reason, size_t reason_size) {
    try {
        const llama_model * model = llama_get_model(target);
        const llama_model * drafter = llama_get_model(draft);
        const uint32_t n_layers = llama_model_target_layer_ids_n(drafter);
        const int32_t * layers = llama_model_target_layer_ids(drafter);
        if (n_layers == 0 || layers == nullptr) {
            tell(reason, reason_size, "it does not say which layers of the model it looks at");
            return nullptr;
        }
        const auto is_missing = [&](int32_t layer) { return layer < 0 || layer >= llama_model_n_layer(model); };
        if (std::any_of(layers, layers + n_layers, is_missing)) {
            tell(reason, reason_size, "it looks at layers that the model does not have");
            return nullptr;
        }
        if (llama_model_n_embd(model) != llama_model_n_embd(drafter)) {
            tell(reason, reason_size, "it was made for a model of another width");
            return nullptr;
        }
        if (llama_vocab_mask(llama_model_get_vocab(drafter)) < 0) {
            tell(reason, reason_size, "it has no token that stands for an unknown one");
            return nullptr;
        }
        common_log_set_verbosity_thold(LOG_LEVEL_WARN);
        char text[32] = {};
        const bool has_size = llama_model_meta_val_str(drafter, "dflash.block_size", text, sizeof(text)) >= 0;
        const int32_t block = has_size ? std::atoi(text) : 16;
        if (block < 2 || block > 64) {
            tell(reason, reason_size, "its blocks have a size that makes no sense");
            return nullptr;
        }
        if (is_chained(drafter) && !has_size) {
            tell(reason, reason_size, "it does not say how long its blocks are");
            return nullptr;
        }
        const bool at_anchor = drafts_at_anchor(drafter);
        const int32_t n_most = at_anchor ? block : block - 1;
        common_params_speculative params;
        params.types = { is_chained(drafter) ? COMMON_SPECULATIVE_TYPE_DRAFT_DSPARK : COMMON_SPECULATIVE_TYPE_DRAFT_DFLASH };
        params.draft.n_max = n_most;
        params.draft.n_min = 0;
        params.draft.ctx_tgt = target;
        params.draft.ctx_dft = draft;
        params.draft.backend_sampling = false;
        auto result = std::make_unique<engine_drafter>();
        result->target = target;
        result->draft = draft;
        result->n_sequences = n_sequences;
        result->n_most = n_most;
        result->at_anchor = at_anchor;
        result->results.resize(n_sequences);
        result->spec.reset(common_speculative_init(params, n_sequences));
        if (!result->spec) {
            tell(reason, reason_size, "llama.cpp gave no reason");
            return nullptr;
        }
        return result.release();
    } catch (const std::exception & error) {
        tell(reason, reason_size, error.what());
    } catch (...) {
        tell(reason, reason_size, "llama.cpp gave no reason");
    }
    return nullptr;
}

extern "C" void engine_drafter_free(engine_drafter * drafter) {
    try {
        delete drafter;
    } catch (...) {
    }
}

// The longest draft.
extern "C" int32_t engine_drafter_most(const engine_drafter * drafter) {
    return drafter->n_most;
}

// The target has just decoded these n rows, in this order; those of sequences that have no number here are passed over.
// 0 where the draft's context took what the target's layers say about them.
extern "C" int32_t engine_drafter_process(
        engine_drafter * drafter, const int32_t * tokens, const int32_t * positions, const int32_t * sequences, size_t n) {
    try {
        common_batch batch;
        for (size_t i = 0; i < n; ++i) {
            batch.add(tokens[i], positions[i], sequences[i], false);
        }
        return common_speculative_process(drafter->spec.get(), batch) ? 0 : 1;
    } catch (...) {
        return 2;
    }
}

// Likewise of one sequence, and only these n rows of the batch, which need not be together: of a tree, the path that is kept.
extern "C" int32_t engine_drafter_process_rows(
        engine_drafter * drafter, const int32_t * rows, const int32_t * positions, int32_t sequence, size_t n) {
    try {
        const llama_model * model = llama_get_model(drafter->draft);
        const uint32_t n_layers = llama_model_target_layer_ids_n(model);
        const int32_t * layers = llama_model_target_layer_ids(model);
        const size_t width = (size_t) llama_model_n_embd(llama_get_model(drafter->target));
        std::vector<float> features(n * n_layers * width);
        common_batch batch(drafter->draft);
        for (size_t i = 0; i < n; ++i) {
            float * row = features.data() + i * n_layers * width;
            for (uint32_t k = 0; k < n_layers; ++k) {
                const float * layer = llama_get_embeddings_layer_inp(drafter->target, (uint32_t) layers[k]);
                if (layer == nullptr) {
                    return 1;
                }
                std::copy_n(layer + (size_t) rows[i] * width, width, row + k * width);
            }
            const llama_pos position[4] = { positions[i], positions[i], positions[i], 0 };
            batch.add_embd({ row, 1, n_layers * width }, position, sequence, false);
        }
        return llama_process(drafter->draft, LLAMA_PROCESS_TYPE_DECODE, batch.get());
    } catch (...) {
        return 2;
    }
}

// What the last draft says about a place, counted from 1, of the block of the sequence that came so many others behind: a
// number for every token of the vocabulary. NULL where the drafter does not show it.
extern "C" const float * engine_drafter_logits(engine_drafter * drafter, size_t sequence, int32_t place) {
    try {
        if (llama_model_dflash_selector_top_k(llama_get_model(drafter->draft)) > 0) {
            return nullptr;
        }
        const int32_t n_rows = drafter->n_most + (drafter->at_anchor ? 0 : 1);
        return llama_get_logits_ith(drafter->draft, (int32_t) sequence * n_rows + place - (drafter->at_anchor ? 1 : 0));
    } catch (...) {
        return nullptr;
    }
}

// Drafts for n different sequences, each of which goes on at its position with its token. Writes at most `most` tokens of each
// into `drafted`, one sequence after the other, and how many into `counts`.
extern "C" int32_t engine_drafter_draft(
        engine_drafter * drafter, const int32_t * sequences, const int32_t * positions, const int32_t * tokens, size_t n,
        int32_t most, int32_t * drafted, int32_t * counts) {
    try {
        auto * spec = drafter->spec.get();
        for (size_t i = 0; i < n; ++i) {
            if (sequences[i] < 0 || (uint32_t) sequences[i] >= drafter->n_sequences) {
                return 1;
            }
            auto & result = drafter->results[sequences[i]];
            result.clear();
            auto & params = common_speculative_get_draft_params(spec, sequences[i]);
            params = {};
            params.drafting = true;
            params.n_max = most;
            params.pos0 = positions[i];
            params.id_last = tokens[i];
            params.prompt = &drafter->nothing;
            params.result = &result;
        }
        common_speculative_draft(spec);
        for (size_t i = 0; i < n; ++i) {
            const auto & result = drafter->results[sequences[i]];
            counts[i] = std::min<int32_t>(most, (int32_t) result.size());
            std::copy_n(result.begin(), counts[i], drafted + i * (size_t) most);
        }
        return 0;
    } catch (...) {
        return 2;
    }
}

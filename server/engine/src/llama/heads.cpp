// What guesses from the model's own hidden rows: its heads for further tokens (MTP) and drafters of EAGLE-3. For raw/heads.rs:
// plain numbers in and out, and no exception leaves.
//
// llama.cpp has drivers for both, which keep a sequence's last row to themselves. The scheduler shares, cuts and forgets
// sequences, so rows are kept where it can do that to them, and here is only what computes.

#include "common.h"

#include "llama-ext.h"
#include "llama.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

// The tensors of a model by name; declared in a header that is llama.cpp's own.
const std::vector<std::pair<std::string, ggml_tensor *>> & llama_internal_get_tensor_map(const llama_model * model);

namespace {

void tell(char * reason, size_t size, const char * text) {
    if (reason != nullptr && size > 0) {
        std::snprintf(reason, size, "%s", text);
    }
}

const ggml_tensor * find(const llama_model * model, const std::string & name) {
    for (const auto & [known, tensor] : llama_internal_get_tensor_map(model)) {
        if (known == name) {
            return tensor;
        }
    }
    return nullptr;
}

bool is_moe(const llama_model * model) {
    return llama_model_n_expert(model) > 0;
}

// A token of the draft's smaller vocabulary is a token of the model's.
bool is_mapping(const ggml_tensor * map, int64_t n_vocab) {
    if (map->type != GGML_TYPE_I64) {
        return false;
    }
    std::vector<int64_t> tokens((size_t) ggml_nelements(map));
    ggml_backend_tensor_get(map, tokens.data(), 0, ggml_nbytes(map));
    return std::all_of(tokens.begin(), tokens.end(), [&](int64_t token) { return token >= 0 && token < n_vocab; });
}

} // namespace

struct engine_heads {
    llama_context * target;
    llama_context * draft;
    bool is_eagle;
    // Layers whose inputs are looked at.
    std::vector<int32_t> layers;
    // Numbers that the model shows of a token, and of those that the draft's context takes.
    size_t n_shown;
    size_t n_row;
    common_batch batch;
    common_batch features;
};

// Whether the heads of this model can be asked, without opening a context, which would end the process if not.
extern "C" bool engine_heads_check(const llama_model * model, char * reason, size_t reason_size) {
    try {
        if (llama_model_n_layer_nextn(model) != 1) {
            tell(reason, reason_size, "there is more than one of them");
            return false;
        }
        const std::string prefix = "blk." + std::to_string(llama_model_n_layer(model)) + ".";
        std::vector<std::string> names = { "nextn.eh_proj.weight", "nextn.enorm.weight", "nextn.hnorm.weight", "attn_norm.weight" };
        if (is_moe(model)) {
            names.push_back("ffn_gate_inp.weight");
        }
        for (const auto & name : names) {
            if (find(model, prefix + name) == nullptr) {
                tell(reason, reason_size, ("the file lacks " + prefix + name).c_str());
                return false;
            }
        }
        return true;
    } catch (...) {
        tell(reason, reason_size, "llama.cpp gave no reason");
        return false;
    }
}

// Likewise for a drafter of EAGLE-3 beside this model.
extern "C" bool engine_eagle_check(const llama_model * model, const llama_model * drafter, char * reason, size_t reason_size) {
    const auto refuse = [&](const char * text) {
        tell(reason, reason_size, text);
        return false;
    };
    try {
        const uint32_t n_layers = llama_model_target_layer_ids_n(drafter);
        const int32_t * layers = llama_model_target_layer_ids(drafter);
        const int64_t width = llama_model_n_embd(drafter);
        const int64_t n_vocab = llama_vocab_n_tokens(llama_model_get_vocab(drafter));
        const auto is_missing = [&](int32_t layer) { return layer < 0 || layer >= llama_model_n_layer(model); };
        if (n_layers == 0 || layers == nullptr || std::any_of(layers, layers + n_layers, is_missing)) {
            return refuse("it looks at layers that the model does not have");
        }
        if (llama_model_n_layer(drafter) != 1) {
            return refuse("it has more than one layer");
        }
        const ggml_tensor * fc = find(drafter, "fc.weight");
        if (fc == nullptr || fc->ne[0] != (int64_t) n_layers * llama_model_n_embd(model)) {
            return refuse("it was made for a model of another width");
        }
        const ggml_tensor * own_embeddings = find(drafter, "token_embd.weight");
        const ggml_tensor * embeddings = own_embeddings ? own_embeddings : find(model, "token_embd.weight");
        if (embeddings == nullptr || embeddings->ne[0] != width || embeddings->ne[1] < n_vocab) {
            return refuse("it has no embeddings of tokens, and the model's do not fit");
        }
        const ggml_tensor * map = find(drafter, "d2t");
        const ggml_tensor * own_output = find(drafter, "output.weight");
        const ggml_tensor * output = own_output ? own_output : find(model, "output.weight");
        if (output == nullptr || output->ne[0] != width || output->ne[1] != (map ? map->ne[0] : n_vocab)) {
            return refuse("it has no output of its own, and the model's does not fit");
        }
        if (map != nullptr && !is_mapping(map, n_vocab)) {
            return refuse("its tokens are not those of the model");
        }
        return true;
    } catch (...) {
        return refuse("llama.cpp gave no reason");
    }
}

// For contexts whose models were checked. NULL where there is no memory.
extern "C" engine_heads * engine_heads_new(llama_context * target, llama_context * draft, bool is_eagle) {
    try {
        auto result = std::make_unique<engine_heads>();
        const llama_model * model = llama_get_model(target);
        const llama_model * drafter = llama_get_model(draft);
        result->target = target;
        result->draft = draft;
        result->is_eagle = is_eagle;
        result->n_shown = (size_t) llama_model_n_embd_out(model);
        result->n_row = result->n_shown;
        if (is_eagle) {
            const int32_t * layers = llama_model_target_layer_ids(drafter);
            result->layers.assign(layers, layers + llama_model_target_layer_ids_n(drafter));
            result->n_shown = result->layers.size() * (size_t) llama_model_n_embd(model);
            result->n_row = (size_t) llama_model_n_embd(drafter);
        }
        result->batch = common_batch(draft);
        result->features = common_batch(draft);
        // A graph of EAGLE-3 gives a row and logits for every token, one of the heads rows for all and logits for some.
        llama_set_embeddings_nextn(draft, true, /* masked */ is_eagle);
        return result.release();
    } catch (...) {
        return nullptr;
    }
}

extern "C" void engine_heads_free(engine_heads * heads) {
    try {
        delete heads;
    } catch (...) {
    }
}

extern "C" size_t engine_heads_n_shown(const engine_heads * heads) {
    return heads->n_shown;
}

extern "C" size_t engine_heads_n_row(const engine_heads * heads) {
    return heads->n_row;
}

// From the next batch on the model shows what is looked at, or does not.
extern "C" void engine_heads_show(engine_heads * heads, bool is_shown) {
    try {
        if (!heads->is_eagle) {
            llama_set_embeddings_nextn(heads->target, is_shown, /* masked */ false);
        }
        for (const int32_t layer : heads->layers) {
            llama_set_embeddings_layer_inp(heads->target, (uint32_t) layer, is_shown);
        }
    } catch (...) {
    }
}

// What the model showed of these n rows of the batch that it has just decoded; it must have been told to show.
extern "C" int32_t engine_heads_shown(engine_heads * heads, const int32_t * rows, size_t n, float * shown) {
    try {
        const auto copy = [&](const float * from, size_t width, size_t offset) {
            for (size_t i = 0; i < n; ++i) {
                std::copy_n(from + (size_t) rows[i] * width, width, shown + i * heads->n_shown + offset);
            }
        };
        if (!heads->is_eagle) {
            const float * all = llama_get_embeddings_nextn(heads->target);
            if (all == nullptr) {
                return 1;
            }
            copy(all, heads->n_shown, 0);
        }
        const size_t width = (size_t) llama_model_n_embd(llama_get_model(heads->target));
        for (size_t k = 0; k < heads->layers.size(); ++k) {
            const float * layer = llama_get_embeddings_layer_inp(heads->target, (uint32_t) heads->layers[k]);
            if (layer == nullptr) {
                return 1;
            }
            copy(layer, width, k * width);
        }
        return 0;
    } catch (...) {
        return 2;
    }
}

// Makes rows for the draft's context of what the model showed of n tokens, at most a batch of them.
extern "C" int32_t engine_heads_encode(engine_heads * heads, const float * shown, size_t n, float * rows) {
    try {
        if (!heads->is_eagle) {
            std::copy_n(shown, n * heads->n_row, rows);
            return 0;
        }
        heads->features.clear();
        // What is encoded goes into no sequence, but llama.cpp wants positions that could follow in one.
        const llama_pos first = llama_memory_seq_pos_max(llama_get_memory(heads->draft), 0) + 1;
        for (size_t i = 0; i < n; ++i) {
            const llama_pos at = first + (llama_pos) i;
            const llama_pos position[4] = { at, at, at, 0 };
            heads->features.add_embd({ shown + i * heads->n_shown, 1, heads->n_shown }, position, 0, true);
        }
        const int32_t result = llama_process(heads->draft, LLAMA_PROCESS_TYPE_ENCODE, heads->features.get());
        const float * encoded = result == 0 ? llama_get_embeddings_nextn(heads->draft) : nullptr;
        if (encoded == nullptr) {
            return 1;
        }
        std::copy_n(encoded, n * heads->n_row, rows);
        return 0;
    } catch (...) {
        return 2;
    }
}

// Computes n tokens, each with the row of the one before it. What is wanted of them can be read until the next call.
// 0, or 1 where there is no room, or something else.
extern "C" int32_t engine_heads_decode(
        engine_heads * heads, const int32_t * tokens, const int32_t * positions, const int32_t * sequences, const float * rows,
        const uint8_t * is_wanted, size_t n) {
    try {
        const bool wants_any = std::any_of(is_wanted, is_wanted + n, [](uint8_t it) { return it != 0; });
        heads->batch.clear();
        for (size_t i = 0; i < n; ++i) {
            const bool is_output = heads->is_eagle ? wants_any : is_wanted[i] != 0;
            const int32_t at = heads->batch.add(tokens[i], positions[i], sequences[i], is_output);
            heads->batch.set_embd(at, { rows + i * heads->n_row, 1, heads->n_row });
        }
        return llama_process(heads->draft, LLAMA_PROCESS_TYPE_DECODE, heads->batch.get());
    } catch (...) {
        return 2;
    }
}

// What was said behind the token at `index`: a number for every token of the vocabulary.
extern "C" const float * engine_heads_logits(engine_heads * heads, int32_t index) {
    try {
        return llama_get_logits_ith(heads->draft, index);
    } catch (...) {
        return nullptr;
    }
}

// The row that the token at `index` leaves for the next one.
extern "C" const float * engine_heads_row(engine_heads * heads, int32_t index) {
    try {
        return llama_get_embeddings_nextn_ith(heads->draft, index);
    } catch (...) {
        return nullptr;
    }
}

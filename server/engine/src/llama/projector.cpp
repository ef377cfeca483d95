// llama.cpp's way to look at images, for raw/projector.rs: plain numbers in and out, and no exception leaves.

#include "common.h"
#include "log.h"
#include "mtmd-helper.h"
#include "mtmd.h"

#include "llama-ext.h"
#include "llama.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

namespace {

void tell(char * reason, size_t size, const char * text) {
    if (reason != nullptr && size > 0) {
        std::snprintf(reason, size, "%s", text);
    }
}

// Every part of an image sees the others, though text only sees what is before it.
struct both_ways {
    llama_context * context;
    bool is_on;
    both_ways(llama_context * context, bool is_on) : context(context), is_on(is_on) {
        if (is_on) {
            llama_set_causal_attn(context, false);
        }
    }
    ~both_ways() {
        if (is_on) {
            llama_set_causal_attn(context, true);
        }
    }
    both_ways(const both_ways &) = delete;
    both_ways & operator=(const both_ways &) = delete;
};

} // namespace

struct engine_projector {
    mtmd::context_ptr context;
    size_t width;
};

struct engine_image {
    mtmd::input_chunks_ptr chunks;
};

// Whoever asks only wants to hear of trouble.
extern "C" void engine_projector_log(ggml_log_callback callback) {
    try {
        mtmd_helper_log_set(callback, nullptr);
    } catch (...) {
    }
}

namespace {

// An image of a model whose parts see each other is never more than n_batch tokens.
mtmd_context_params params_for(const char * path, bool is_fused, int32_t n_batch) {
    mtmd_context_params params = mtmd_context_params_default();
    params.print_timings = false;
    params.warmup = false;
    params.flash_attn_type = is_fused ? LLAMA_FLASH_ATTN_TYPE_AUTO : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    const auto needs = mtmd_get_memory_usage(path, params);
    if (needs.use_non_causal && needs.image_max_tokens > n_batch) {
        params.image_max_tokens = n_batch;
    }
    return params;
}

} // namespace

// What the file takes with what computing the largest image needs, on all devices together, without reading weights; 0 where
// that is not known.
extern "C" uint64_t engine_projector_bytes(const char * path, bool is_fused, int32_t n_batch) {
    try {
        const auto needs = mtmd_get_memory_usage(path, params_for(path, is_fused, n_batch));
        uint64_t bytes = 0;
        for (const auto & [_, size] : needs.backend_mem_usage) {
            bytes += size;
        }
        return bytes;
    } catch (...) {
        return 0;
    }
}

// NULL, with a reason where there is one beside the log's, where the file does not fit the model.
extern "C" engine_projector * engine_projector_new(
        const char * path, const llama_model * model, int32_t n_threads, bool is_fused, int32_t n_batch, char * reason,
        size_t reason_size) {
    try {
        if (!mtmd_get_cap_from_file(path).inp_vision) {
            tell(reason, reason_size, "it does not look at images");
            return nullptr;
        }
        mtmd_context_params params = params_for(path, is_fused, n_batch);
        params.n_threads = n_threads;
        auto result = std::make_unique<engine_projector>();
        result->context.reset(mtmd_init_from_file(path, model, params));
        result->width = (size_t) llama_model_n_embd_inp(model);
        return result->context ? result.release() : nullptr;
    } catch (const std::exception & error) {
        tell(reason, reason_size, error.what());
    } catch (...) {
    }
    return nullptr;
}

extern "C" void engine_projector_free(engine_projector * projector) {
    try {
        delete projector;
    } catch (...) {
    }
}

// Numbers of one row of an encoded image.
extern "C" size_t engine_projector_width(const engine_projector * projector) {
    return projector->width;
}

// The tokens and pieces that stand for an image in a prompt; `rgb` has three bytes for each of width * height pixels.
// May be called while another thread encodes.
extern "C" engine_image * engine_image_new(
        const engine_projector * projector, const uint8_t * rgb, uint32_t width, uint32_t height) {
    try {
        const mtmd::bitmap_ptr bitmap(mtmd_bitmap_init(width, height, rgb));
        auto image = std::make_unique<engine_image>();
        image->chunks.reset(mtmd_input_chunks_init());
        const char * marker = mtmd_get_marker(projector->context.get());
        const mtmd_input_text text = { marker, std::strlen(marker), false, true };
        const mtmd_bitmap * bitmaps[] = { bitmap.get() };
        const int32_t result = mtmd_tokenize(projector->context.get(), image->chunks.get(), &text, bitmaps, 1);
        return result == 0 ? image.release() : nullptr;
    } catch (...) {
        return nullptr;
    }
}

extern "C" void engine_image_free(engine_image * image) {
    try {
        delete image;
    } catch (...) {
    }
}

extern "C" size_t engine_image_parts(const engine_image * image) {
    return mtmd_input_chunks_size(image->chunks.get());
}

// The tokens of a part that is text, with how many there are; NULL where it is a piece of the image.
extern "C" const int32_t * engine_image_text(const engine_image * image, size_t part, size_t * n) {
    const auto * chunk = mtmd_input_chunks_get(image->chunks.get(), part);
    if (mtmd_input_chunk_get_type(chunk) != MTMD_INPUT_CHUNK_TYPE_TEXT) {
        return nullptr;
    }
    return mtmd_input_chunk_get_tokens_text(chunk, n);
}

// Of a piece of the image: how many rows it has, and how many positions they take.
extern "C" void engine_image_size(const engine_image * image, size_t part, size_t * n_rows, int32_t * n_positions) {
    const auto * chunk = mtmd_input_chunks_get(image->chunks.get(), part);
    *n_rows = mtmd_input_chunk_get_n_tokens(chunk);
    *n_positions = mtmd_input_chunk_get_n_pos(chunk);
}

// Whether a piece must be decoded in one go.
extern "C" bool engine_image_is_whole(const engine_projector * projector, const engine_image * image, size_t part) {
    const auto * chunk = mtmd_input_chunks_get(image->chunks.get(), part);
    return mtmd_decode_use_non_causal(projector->context.get(), chunk);
}

// Computes what the model sees of a piece: `out` has room for its rows. Only by one thread at a time.
extern "C" int32_t engine_image_encode(engine_projector * projector, const engine_image * image, size_t part, float * out) {
    try {
        const auto * chunk = mtmd_input_chunks_get(image->chunks.get(), part);
        const int32_t result = mtmd_encode_chunk(projector->context.get(), chunk);
        const float * rows = result == 0 ? mtmd_get_output_embd(projector->context.get()) : nullptr;
        if (rows == nullptr) {
            return 1;
        }
        std::copy_n(rows, mtmd_input_chunk_get_n_tokens(chunk) * projector->width, out);
        return 0;
    } catch (...) {
        return 2;
    }
}

// Decodes `n` of the rows of a piece, from `first` on, for a sequence in which the piece begins at `position`. What llama_decode
// gives: 1 where there is no room.
extern "C" int32_t engine_image_decode(
        const engine_projector * projector, llama_context * target, const engine_image * image, size_t part, float * rows,
        size_t first, size_t n, int32_t position, int32_t sequence) {
    try {
        const auto * chunk = mtmd_input_chunks_get(image->chunks.get(), part);
        const bool is_flat = !mtmd_decode_use_mrope(projector->context.get());
        const auto * tokens = mtmd_input_chunk_get_tokens_image(chunk);
        common_batch batch(target);
        for (size_t i = first; i < first + n; ++i) {
            llama_pos at[4] = { position + (llama_pos) i, 0, 0, 0 };
            if (!is_flat) {
                const auto place = mtmd_image_tokens_get_decoder_pos(tokens, position, i);
                at[0] = (llama_pos) place.t;
                at[1] = (llama_pos) place.y;
                at[2] = (llama_pos) place.x;
                at[3] = (llama_pos) place.z;
            }
            batch.add_embd({ rows + i * projector->width, 1, projector->width }, at, sequence, false);
        }
        const both_ways scope(target, mtmd_decode_use_non_causal(projector->context.get(), chunk));
        return llama_process(target, LLAMA_PROCESS_TYPE_DECODE, batch.get());
    } catch (...) {
        return -3;
    }
}

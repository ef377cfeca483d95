"""Makes the fixtures that the tests of this crate compare with, by llama.cpp's own converter.

    python make.py REFERENCE

REFERENCE is a folder of llama.cpp with convert_hf_to_gguf.py, conversion/ and gguf-py/; the source package
llama-cpp-python on PyPI has one at vendor/llama.cpp. Needed beside it: torch, transformers, tokenizers,
sentencepiece, numpy, PyYAML; and mlx with mlx-cpu for mlx.py.

For each tiny model it writes models/NAME: the descriptions and tokenizers as they are published, and tensors.json, the
types and shapes of the weights. Weights themselves are not kept: they are made of their names, here and in the tests,
by the same few lines (`weights`). expected.json has what the reference makes of them.
"""

import hashlib
import io
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"
OUT_TYPES = ["f32", "f16", "bf16", "q8_0", "auto"]

LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2_SPLIT = LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}")
TEXT = (HERE.parents[3] / "LICENSE").read_text()


def weights(name, dtype, n):
    """Numbers of a tensor, as bits: of the hash of its name and their place alone."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & (2**64 - 1)
    x = np.arange(n, dtype=np.uint64) + np.uint64(seed)
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    sign, exponent, mantissa = x & np.uint64(1), (x >> np.uint64(1)) % np.uint64(8), x >> np.uint64(8)
    if dtype == "BF16":
        bits = sign << np.uint64(15) | (exponent + np.uint64(118)) << np.uint64(7) | mantissa & np.uint64(0x7F)
        return bits.astype("<u2")
    if dtype == "F16":
        bits = sign << np.uint64(15) | (exponent + np.uint64(7)) << np.uint64(10) | mantissa & np.uint64(0x3FF)
        return bits.astype("<u2")
    bits = sign << np.uint64(31) | (exponent + np.uint64(118)) << np.uint64(23) | mantissa & np.uint64(0x7FFFFF)
    return bits.astype("<u4")


def write_safetensors(path, tensors):
    """`tensors`: name, type and shape of each, in their order in the file."""
    header, data = {"__metadata__": {"format": "pt"}}, []
    at = 0
    for name, dtype, shape in tensors:
        values = weights(name, dtype, int(np.prod(shape, dtype=np.int64))).tobytes()
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(values)]}
        at += len(values)
        data.append(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def write_weights(folder, tensors, n_shards):
    """One file, or several with their list."""
    if n_shards == 1:
        return write_safetensors(folder / "model.safetensors", tensors)
    weight_map = {}
    for i in range(n_shards):
        name = f"model-{i + 1:05d}-of-{n_shards:05d}.safetensors"
        part = tensors[i::n_shards]
        write_safetensors(folder / name, part)
        weight_map.update({tensor[0]: name for tensor in part})
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


# ---- tokenizers


def train_spm(folder, vocab_size, **options):
    model = io.BytesIO()
    # Neither is read from a file nor written to one: the model would say where they were.
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines()), model_writer=model, vocab_size=vocab_size, model_type="bpe",
        byte_fallback=True, character_coverage=0.99, normalization_rule_name="identity", num_threads=1,
        minloglevel=2, **options,
    )
    (folder / "tokenizer.model").write_bytes(model.getvalue())


def byte_level(folder, vocab_size, specials, pre, post=None, ignore_merges=False, added=()):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXT.splitlines(), trainer)
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in specials])
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in added])
    if post:
        tokenizer.post_processor = post(tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    return tokenizer


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def begin_with(token):
    def post(tokenizer):
        return processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{token} $A", pair=f"{token} $A {token}:1 $B:1",
                special_tokens=[(token, tokenizer.token_to_id(token))],
            ),
        ])
    return post


def spm_as_json(folder, vocab_size):
    """The tokenizer of an SPM model as a tokenizer.json with byte fallback, as the hub has it for Mistral."""
    train_spm(folder, vocab_size, unk_id=0, bos_id=1, eos_id=2)
    spm = sentencepiece.SentencePieceProcessor(str(folder / "tokenizer.model"))
    (folder / "tokenizer.model").unlink()
    pieces = [spm.id_to_piece(i) for i in range(spm.vocab_size())]
    ids = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for i, piece in enumerate(pieces):
        halves = [(piece[:at], piece[at:]) for at in range(1, len(piece))]
        halves = [pair for pair in halves if pair[0] in ids and pair[1] in ids and not spm.is_byte(i) and i > 2]
        merges += [(spm.get_score(i), pair) for pair in sorted(halves, key=lambda pair: (ids[pair[0]], ids[pair[1]]))]
    merges = [pair for _, pair in sorted(merges, key=lambda it: -it[0])]
    tokenizer = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)
    ])
    tokenizer.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in ["<unk>", "<s>", "</s>"]])
    tokenizer.add_special_tokens([AddedToken("[INST]", special=True, normalized=False)])
    tokenizer.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


# ---- models


BASE = dict(
    hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
    max_position_embeddings=2048, rms_norm_eps=1e-5, initializer_range=0.02, hidden_act="silu", use_cache=True,
    attention_bias=False, attention_dropout=0.0,
)
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"


def shapes(config, dtype):
    """Names and shapes of the weights that `transformers` makes for a configuration, without making them."""
    import torch
    import transformers
    kind = getattr(transformers, config["architectures"][0])
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder) / "config.json", config)
        loaded = transformers.AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        model = kind(loaded)
    tied = set(getattr(model, "_tied_weights_keys", None) or []) if loaded.tie_word_embeddings else set()
    return [[name, dtype, list(value.shape)] for name, value in model.state_dict().items() if name not in tied]


def each_expert(tensors, block, names):
    """Weights as they are published: newer versions of `transformers` hold those of all experts of a layer together."""
    gate, down, up = names
    apart = []
    for name, dtype, shape in tensors:
        name = name.replace(".mlp.gate.", f".{block}.gate.")
        stem, is_expert, matrix = name.partition(".mlp.experts.")
        if not is_expert:
            apart.append([name, dtype, shape])
            continue
        n, rows, width = shape
        for i in range(n):
            parts = [(down, rows)] if matrix == "down_proj" else [(gate, rows // 2), (up, rows // 2)]
            apart += [[f"{stem}.{block}.experts.{i}.{part}.weight", dtype, [rows, width]] for part, rows in parts]
    return apart


QWEN_EXPERT = ("gate_proj", "down_proj", "up_proj")


def llama_spm(folder):
    train_spm(folder, 320, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    config = dict(
        BASE, architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=324, bos_token_id=1, eos_token_id=2,
        pad_token_id=0, rope_theta=10000.0, rope_scaling={"type": "linear", "factor": 2.0}, tie_word_embeddings=False,
        torch_dtype="float16", transformers_version="4.38.0", _name_or_path="acme-lab/Tiny-Llama-2-1K-Chat-v1.5",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": {"content": "</s>"},
        "chat_template": TEMPLATE, "tokenizer_class": "LlamaTokenizer",
        "added_tokens_decoder": {
            "0": {"content": "<unk>", "special": True}, "1": {"content": "<s>", "special": True},
            "2": {"content": "</s>", "special": True}, "320": {"content": "<|im_start|>", "special": False},
            "321": {"content": "▁▁tool", "special": False}, "322": {"content": "[S]", "special": True},
            "999": {"content": "<far>", "special": True},
        },
    })
    write_json(folder / "added_tokens.json", {"<|im_start|>": 320})
    (folder / "README.md").write_text(
        "---\nlicense: apache-2.0\nlanguage:\n- en\n- no\ntags:\n  - tiny\n  - \"made up\"\n"
        "pipeline_tag: text-generation\nbase_model: acme-lab/Tiny-Llama-2-1K\ndatasets:\n- acme-lab/words-v1.0\n"
        "# a comment\nwidget:\n- text: hello\n---\n# Tiny\n"
    )
    return config, "F16", 2


def mistral_json(folder):
    spm_as_json(folder, 330)
    config = dict(
        BASE, architectures=["MistralForCausalLM"], model_type="mistral", vocab_size=332, bos_token_id=1,
        eos_token_id=2, sliding_window=1024, head_dim=16, tie_word_embeddings=False, dtype="bfloat16",
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0}, transformers_version="5.0.0",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_prefix_space": True, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "additional_special_tokens": ["[INST]"],
        "tokenizer_class": "LlamaTokenizerFast",
    })
    return config, "BF16", 1


def llama3(folder):
    specials = ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>", "<|reserved_0|>"]
    byte_level(folder, 300, specials, split_then_bytes(LLAMA3_SPLIT), begin_with("<|begin_of_text|>"), True)
    config = dict(
        BASE, architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=304, bos_token_id=300,
        eos_token_id=[301, 302], head_dim=32, rope_theta=500000.0, tie_word_embeddings=True, torch_dtype="bfloat16",
        max_position_embeddings=131072, transformers_version="4.45.0", rope_scaling={
            "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
            "original_max_position_embeddings": 8192, "rope_type": "llama3",
        },
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>", "tokenizer_class": "PreTrainedTokenizerFast",
    })
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    write_json(folder / "generation_config.json", {
        "bos_token_id": 300, "do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 40,
        "repetition_penalty": 1.05,
    })
    return config, "BF16", 1


def smollm(folder):
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    ])
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], pre)
    config = dict(
        BASE, architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=49152, bos_token_id=301,
        eos_token_id=302, pad_token_id=302, rope_theta=100000, tie_word_embeddings=True, torch_dtype="float32",
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, transformers_version="4.42.3",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_prefix_space": False, "bos_token": "<|im_start|>", "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>", "unk_token": "<|endoftext|>", "chat_template": TEMPLATE,
        "tokenizer_class": "GPT2Tokenizer",
    })
    return config, "F32", 1


def llama_bias(folder):
    tokenizer = byte_level(folder, 300, ["<|endoftext|>"], pre_tokenizers.ByteLevel(add_prefix_space=False))
    # As older programs wrote it.
    whole = json.loads(tokenizer.to_str())
    whole["model"]["merges"] = [" ".join(pair) for pair in whole["model"]["merges"]]
    (folder / "tokenizer.json").write_text(json.dumps(whole, ensure_ascii=False))
    config = dict(
        BASE, architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=301, bos_token_id=300,
        eos_token_id=300, intermediate_size=80, num_key_value_heads=4, tie_word_embeddings=False, dtype="float16",
        mlp_bias=True, transformers_version="5.0.0", rope_parameters={
            "rope_type": "yarn", "rope_theta": 20000.0, "factor": 2.5, "original_max_position_embeddings": 512,
            "attention_factor": 0.75, "beta_fast": 16.0, "beta_slow": 2.0,
        },
    )
    config["attention_bias"] = True
    write_json(folder / "config.json", config)
    (folder / "README.md").write_text(
        "---\nlicense: other\nlicense_name: own\nlicense_link: LICENSE\nname: Named by its card\n"
        "base_model:\n- https://huggingface.co/acme/Base-3B-v2\n- https://example.org/x\ntags: [one, two]\n---\n"
    )
    return config, "F16", 1


def smollm3(folder):
    byte_level(folder, 290, ["<|begin_of_text|>", "<|im_end|>"], split_then_bytes(LLAMA3_SPLIT), added=["<think>"])
    config = dict(
        BASE, architectures=["SmolLM3ForCausalLM"], model_type="smollm3", vocab_size=293, bos_token_id=290,
        eos_token_id=291, pad_token_id=291, tie_word_embeddings=True, torch_dtype="bfloat16", rope_theta=5000000.0,
        rope_scaling=None, no_rope_layers=[1, 1], no_rope_layer_interval=4, use_sliding_window=False,
        max_position_embeddings=65536, transformers_version="4.53.0",
    )
    write_json(folder / "config.json", config)
    return config, "BF16", 1


def qwen2(folder):
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split_then_bytes(QWEN2_SPLIT),
               lambda _: processors.ByteLevel(trim_offsets=False), added=["<tool_call>"])
    config = dict(
        BASE, architectures=["Qwen2ForCausalLM"], model_type="qwen2", vocab_size=310, bos_token_id=300,
        eos_token_id=302, rope_theta=1000000.0, tie_word_embeddings=False, torch_dtype="bfloat16",
        max_position_embeddings=32768, sliding_window=131072, use_sliding_window=False, max_window_layers=2,
        rope_scaling={"factor": 4.0, "original_max_position_embeddings": 32768, "type": "yarn"},
        transformers_version="4.43.1",
    )
    del config["attention_bias"]
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "chat_template": [{"name": "default", "template": TEMPLATE}, {"name": "tool-use", "template": "tools"}],
        "tokenizer_class": "Qwen2Tokenizer",
    })
    return config, "BF16", 3


def qwen2moe(folder):
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split_then_bytes(QWEN2_SPLIT),
               lambda _: processors.ByteLevel(trim_offsets=False))
    config = dict(
        BASE, architectures=["Qwen2MoeForCausalLM"], model_type="qwen2_moe", vocab_size=310, bos_token_id=300,
        eos_token_id=300, rope_theta=1000000.0, tie_word_embeddings=False, torch_dtype="bfloat16", num_experts=6,
        num_experts_per_tok=2, moe_intermediate_size=32, shared_expert_intermediate_size=128, norm_topk_prob=False,
        decoder_sparse_step=1, output_router_logits=False, router_aux_loss_coef=0.001, max_position_embeddings=8192,
        sliding_window=32768, use_sliding_window=False, max_window_layers=2, transformers_version="4.39.0.dev0",
    )
    del config["attention_bias"]
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE, "tokenizer_class": "Qwen2Tokenizer",
    })
    return config, "BF16", 3, each_expert(shapes(config, "BF16"), "mlp", QWEN_EXPERT)


def qwen3(folder):
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split_then_bytes(QWEN2_SPLIT),
               lambda _: processors.ByteLevel(trim_offsets=False), added=["<think>", "</think>"])
    config = dict(
        BASE, architectures=["Qwen3ForCausalLM"], model_type="qwen3", vocab_size=305, bos_token_id=300,
        eos_token_id=302, head_dim=32, rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
        tie_word_embeddings=True, dtype="bfloat16", max_position_embeddings=40960, sliding_window=None,
        use_sliding_window=False, max_window_layers=2, transformers_version="5.0.0",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE, "tokenizer_class": "Qwen2Tokenizer",
    })
    return config, "BF16", 1


def qwen3moe_base(folder):
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split_then_bytes(QWEN2_SPLIT),
               lambda _: processors.ByteLevel(trim_offsets=False), added=["<think>", "</think>"])
    config = dict(
        BASE, architectures=["Qwen3MoeForCausalLM"], model_type="qwen3_moe", vocab_size=305, bos_token_id=300,
        eos_token_id=302, head_dim=32, rope_theta=1000000.0, rope_scaling=None, tie_word_embeddings=False,
        torch_dtype="bfloat16", num_experts=11, num_experts_per_tok=3, moe_intermediate_size=48, norm_topk_prob=True,
        decoder_sparse_step=1, mlp_only_layers=[], output_router_logits=False, router_aux_loss_coef=0.001,
        max_position_embeddings=40960, sliding_window=None, use_sliding_window=False, max_window_layers=2,
        transformers_version="4.51.0",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE, "tokenizer_class": "Qwen2Tokenizer",
    })
    return config


def qwen3moe(folder):
    config = qwen3moe_base(folder)
    return config, "BF16", 1, each_expert(shapes(config, "BF16"), "mlp", QWEN_EXPERT)


def qwen3moe_stacked(folder):
    config = dict(qwen3moe_base(folder), moe_intermediate_size=32, num_experts=5)
    write_json(folder / "config.json", config)
    return config, "BF16", 2


def mixtral(folder):
    train_spm(folder, 320, unk_id=0, bos_id=1, eos_id=2, pad_id=-1)
    config = dict(
        BASE, architectures=["MixtralForCausalLM"], model_type="mixtral", vocab_size=320, bos_token_id=1,
        eos_token_id=2, num_local_experts=4, num_experts_per_tok=2, output_router_logits=False,
        router_aux_loss_coef=0.02, rope_theta=1000000.0, sliding_window=None, tie_word_embeddings=False,
        torch_dtype="float16", max_position_embeddings=32768, transformers_version="4.36.0.dev0",
        _name_or_path="acme-lab/Tiny-4x7B-Instruct-v0.1",
    )
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
        "chat_template": TEMPLATE, "tokenizer_class": "LlamaTokenizer",
    })
    return config, "F16", 4, each_expert(shapes(config, "F16"), "block_sparse_moe", ("w1", "w2", "w3"))


GEMMA_SPM = dict(
    pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>",
    user_defined_symbols=["<mask>", "<start_of_turn>", "<end_of_turn>", "\n\n"], add_dummy_prefix=False,
)
GEMMA_TOKENS = {
    "add_bos_token": True, "add_eos_token": False, "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
    "unk_token": "<unk>", "chat_template": "{{ bos_token }}" + TEMPLATE, "tokenizer_class": "GemmaTokenizer",
    "added_tokens_decoder": {
        "0": {"content": "<pad>", "special": True}, "1": {"content": "<eos>", "special": True},
        "2": {"content": "<bos>", "special": True}, "3": {"content": "<unk>", "special": True},
        "4": {"content": "<mask>", "special": False}, "5": {"content": "<start_of_turn>", "special": False},
    },
}


def gemma_base(folder, name, model, dtype, **more):
    train_spm(folder, 320, **GEMMA_SPM)
    config = dict(
        BASE, architectures=[name], model_type=model, vocab_size=322, head_dim=32, bos_token_id=2, eos_token_id=1,
        pad_token_id=0, rms_norm_eps=1e-6, torch_dtype=dtype, transformers_version="4.42.0",
        hidden_act="gelu_pytorch_tanh", hidden_activation="gelu_pytorch_tanh",
    )
    config.update(more)
    write_json(folder / "tokenizer_config.json", GEMMA_TOKENS)
    return config


def gemma(folder):
    config = gemma_base(folder, "GemmaForCausalLM", "gemma", "bfloat16", rope_theta=10000.0, num_key_value_heads=1)
    write_json(folder / "config.json", config)
    return config, "BF16", 1


def gemma2(folder):
    config = gemma_base(
        folder, "Gemma2ForCausalLM", "gemma2", "float32", attn_logit_softcapping=50.0, final_logit_softcapping=30.0,
        sliding_window=1024, query_pre_attn_scalar=32, rope_theta=10000.0,
    )
    write_json(folder / "config.json", config)
    return config, "F32", 1


GEMMA3 = dict(
    rope_theta=1000000.0, rope_local_base_freq=10000.0, rope_scaling={"factor": 8.0, "rope_type": "linear"},
    sliding_window=512, sliding_window_pattern=6, query_pre_attn_scalar=32, attn_logit_softcapping=None,
    final_logit_softcapping=None, max_position_embeddings=131072,
)


def gemma3(folder):
    config = gemma_base(folder, "Gemma3ForCausalLM", "gemma3_text", "float16", **GEMMA3)
    write_json(folder / "config.json", config)
    return config, "F16", 1


def siglip(root, vision, dtype):
    """The tensors of a tower that sees images, as it is published."""
    width, inner, patch = (vision[key] for key in ["hidden_size", "intermediate_size", "patch_size"])
    ends = [
        ("embeddings.patch_embedding.bias", [width]),
        ("embeddings.patch_embedding.weight", [width, 3, patch, patch]),
        ("embeddings.position_embedding.weight", [(vision["image_size"] // patch) ** 2, width]),
        ("post_layernorm.bias", [width]),
        ("post_layernorm.weight", [width]),
    ]
    parts = [("layer_norm1", [width]), ("layer_norm2", [width]), ("mlp.fc1", [inner, width]), ("mlp.fc2", [width, inner])]
    parts += [(f"self_attn.{part}", [width, width]) for part in ["k_proj", "out_proj", "q_proj", "v_proj"]]
    layers = [
        (f"encoder.layers.{layer}.{part}.{ending}", shape if ending == "weight" else shape[:1])
        for layer in range(vision["num_hidden_layers"]) for part, shape in parts for ending in ["bias", "weight"]
    ]
    return [[root + name, dtype, shape] for name, shape in ends + layers]


def gemma3_vision(folder):
    text = gemma_base(folder, "Gemma3ForCausalLM", "gemma3_text", "bfloat16", **GEMMA3)
    # Published descriptions of such models leave out what is usual for the family.
    usual = [
        "num_attention_heads", "num_key_value_heads", "head_dim", "rms_norm_eps", "max_position_embeddings",
        "rope_theta", "rope_local_base_freq", "attn_logit_softcapping", "final_logit_softcapping",
    ]
    for key in ["architectures", "bos_token_id", "eos_token_id", "pad_token_id", *usual]:
        del text[key]
    text_only = dict(text, architectures=["Gemma3ForCausalLM"])
    vision = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
              "image_size": 56, "patch_size": 14, "model_type": "siglip_vision_model"}
    config = {
        "architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": text,
        "vision_config": vision,
        "eos_token_id": [1, 6], "torch_dtype": "bfloat16", "transformers_version": "4.50.0",
    }
    write_json(folder / "config.json", config)
    write_json(folder / "preprocessor_config.json", {
        "image_processor_type": "Gemma3ImageProcessor", "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "image_seq_length": 256, "size": {"height": 56, "width": 56},
    })
    write_json(folder / "processor_config.json", {"image_seq_length": 4, "processor_class": "Gemma3Processor"})
    return config, "BF16", 1, [
        ["language_model." + name, dtype, shape] for name, dtype, shape in shapes(text_only, "BF16")
    ] + [
        ["multi_modal_projector.mm_input_projection_weight", "BF16", [32, 64]],
        ["multi_modal_projector.mm_soft_emb_norm.weight", "BF16", [32]],
    ] + siglip("vision_tower.vision_model.", vision, "BF16")


def smolvlm(folder):
    pre = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    ])
    byte_level(folder, 300, ["<|im_start|>", "<end_of_utterance>", "<image>"], pre)
    # Published ones leave out how many heads there are, where it is the usual number.
    text = dict(
        BASE, architectures=["VLlama3ForCausalLM"], model_type="llama", vocab_size=310, bos_token_id=300,
        eos_token_id=301, pad_token_id=301, head_dim=16, num_key_value_heads=8, rope_theta=130000.0,
        tie_word_embeddings=False, torch_dtype="bfloat16", _name_or_path="None", qk_layer_norms=False,
        pixel_shuffle_factor=4, use_resampler=False, max_position_embeddings=8192,
    )
    del text["num_attention_heads"]
    vision = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
              "image_size": 64, "patch_size": 16, "max_image_size": {"longest_edge": 64},
              "size": {"longest_edge": 128}, "model_type": "smolvlm_vision"}
    config = {
        "architectures": ["SmolVLMForConditionalGeneration"], "model_type": "smolvlm", "image_token_id": 302,
        "scale_factor": 4, "text_config": text, "vision_config": vision, "tie_word_embeddings": False,
        "torch_dtype": "bfloat16", "transformers_version": "4.47.1", "vocab_size": 310,
    }
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", {
        "add_prefix_space": False, "bos_token": "<|im_start|>", "eos_token": "<end_of_utterance>",
        "pad_token": "<end_of_utterance>", "chat_template": TEMPLATE, "tokenizer_class": "GPT2Tokenizer",
    })
    write_json(folder / "preprocessor_config.json", {
        "image_processor_type": "SmolVLMImageProcessor", "image_mean": [0.5, 0.25, 0.125],
        "image_std": [0.5, 0.75, 0.1], "max_image_size": {"longest_edge": 64}, "size": {"longest_edge": 128},
    })
    write_json(folder / "processor_config.json", {"image_seq_len": 1, "processor_class": "SmolVLMProcessor"})
    text_only = dict(text, architectures=["LlamaForCausalLM"])
    return config, "BF16", 2, [
        [name.replace("model.", "model.text_model."), dtype, shape] for name, dtype, shape in shapes(text_only, "BF16")
    ] + [
        ["model.connector.modality_projection.proj.weight", "BF16", [64, 32 * 4 * 4]],
    ] + siglip("model.vision_model.", vision, "BF16")


def qwen_tower(vision, dtype):
    """The tensors of Qwen's own tower."""
    is_25 = "embed_dim" not in vision
    width = vision["hidden_size"] if is_25 else vision["embed_dim"]
    text_width = vision["out_hidden_size"] if is_25 else vision["hidden_size"]
    inner = vision["intermediate_size"] if is_25 else width * vision["mlp_ratio"]
    patch = vision["patch_size"]
    both = ["bias", "weight"]
    norms = ["weight"] if is_25 else both
    parts = [("attn.proj", [width, width], both), ("attn.qkv", [3 * width, width], both)]
    if is_25:
        parts += [("mlp.down_proj", [width, inner], both), ("mlp.gate_proj", [inner, width], both)]
        parts += [("mlp.up_proj", [inner, width], both)]
    else:
        parts += [("mlp.fc1", [inner, width], both), ("mlp.fc2", [width, inner], both)]
    parts += [("norm1", [width], norms), ("norm2", [width], norms)]
    tensors = [
        (f"blocks.{layer}.{part}.{ending}", shape if ending == "weight" else shape[:1])
        for layer in range(vision["depth"]) for part, shape, endings in parts for ending in endings
    ]
    tensors += [(f"merger.ln_q.{ending}", [width]) for ending in norms]
    for i, rows in [(0, 4 * width), (2, text_width)]:
        tensors += [(f"merger.mlp.{i}.bias", [rows]), (f"merger.mlp.{i}.weight", [rows, 4 * width])]
    tensors.append(("patch_embed.proj.weight", [width, 3, 2, patch, patch]))
    return [["visual." + name, dtype, shape] for name, shape in tensors]


def qwen_vl_tokenizer(folder):
    byte_level(folder, 300, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], split_then_bytes(QWEN2_SPLIT),
               lambda _: processors.ByteLevel(trim_offsets=False), added=["<|image_pad|>"])
    write_json(folder / "tokenizer_config.json", {
        "add_bos_token": False, "bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>",
        "chat_template": TEMPLATE, "tokenizer_class": "Qwen2Tokenizer",
    })


def qwen_vl(folder, n_shards, name, model, vision):
    qwen_vl_tokenizer(folder)
    config = dict(
        BASE, architectures=[name], model_type=model, vocab_size=310, bos_token_id=300, eos_token_id=302,
        rms_norm_eps=1e-6, rope_theta=1000000.0, rope_scaling={"type": "mrope", "mrope_section": [2, 3, 3]},
        tie_word_embeddings=False, torch_dtype="bfloat16", max_position_embeddings=32768, sliding_window=32768,
        use_sliding_window=False, max_window_layers=2, vision_start_token_id=303, image_token_id=303,
        vision_config=vision, transformers_version="4.41.2",
    )
    del config["attention_bias"]
    write_json(folder / "config.json", config)
    write_json(folder / "preprocessor_config.json", {
        "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
        "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
        "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor",
    })
    text = dict(config, architectures=["Qwen2ForCausalLM"], model_type="qwen2", rope_scaling=None)
    del text["vision_config"]
    return config, "BF16", n_shards, shapes(text, "BF16") + qwen_tower(vision, "BF16")


def qwen2vl(folder):
    return qwen_vl(folder, 1, "Qwen2VLForConditionalGeneration", "qwen2_vl", {
        "depth": 3, "embed_dim": 32, "mlp_ratio": 4, "num_heads": 2, "in_chans": 3, "hidden_size": 64,
        "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2,
    })


def qwen25vl(folder):
    return qwen_vl(folder, 2, "Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl", {
        "depth": 4, "hidden_act": "silu", "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "in_chans": 3,
        "out_hidden_size": 64, "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "window_size": 112,
        "fullatt_block_indexes": [1, 3], "tokens_per_second": 2, "temporal_patch_size": 2,
    })


def qwen3_tower(vision, dtype):
    """The tensors of the tower of Qwen 3."""
    width, inner, text_width, patch = (
        vision[key] for key in ["hidden_size", "intermediate_size", "out_hidden_size", "patch_size"]
    )
    parts = [("attn.proj", [width, width]), ("attn.qkv", [3 * width, width]), ("mlp.linear_fc1", [inner, width])]
    parts += [("mlp.linear_fc2", [width, inner]), ("norm1", [width]), ("norm2", [width])]
    merger = [("linear_fc1", [4 * width, 4 * width]), ("linear_fc2", [text_width, 4 * width])]
    whole = [(f"blocks.{layer}.{part}", shape) for layer in range(vision["depth"]) for part, shape in parts]
    for i in range(len(vision["deepstack_visual_indexes"])):
        whole += [(f"deepstack_merger_list.{i}.{part}", shape) for part, shape in [*merger, ("norm", [4 * width])]]
    whole += [(f"merger.{part}", shape) for part, shape in [*merger, ("norm", [width])]]
    whole.append(("patch_embed.proj", [width, 3, 2, patch, patch]))
    tensors = [
        (f"{part}.{ending}", shape if ending == "weight" else shape[:1])
        for part, shape in whole for ending in ["bias", "weight"]
    ]
    tensors.append(("pos_embed.weight", [vision["num_position_embeddings"], width]))
    return [["model.visual." + name, dtype, shape] for name, shape in tensors]


def qwen3vl(folder):
    qwen_vl_tokenizer(folder)
    text = dict(
        BASE, model_type="qwen3_vl_text", vocab_size=310, bos_token_id=300, eos_token_id=302, head_dim=16,
        rope_theta=5000000, rope_scaling={"mrope_interleaved": True, "mrope_section": [4, 2, 2], "rope_type": "default"},
        dtype="bfloat16", max_position_embeddings=262144, num_hidden_layers=3,
    )
    vision = {
        "deepstack_visual_indexes": [0, 2], "depth": 4, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 32,
        "in_channels": 3, "initializer_range": 0.02, "intermediate_size": 48, "model_type": "qwen3_vl", "num_heads": 2,
        "num_position_embeddings": 16, "out_hidden_size": 64, "patch_size": 16, "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    config = {
        "architectures": ["Qwen3VLForConditionalGeneration"], "image_token_id": 303, "model_type": "qwen3_vl",
        "text_config": text, "tie_word_embeddings": False, "transformers_version": "4.57.0.dev0",
        "vision_config": vision,
    }
    write_json(folder / "config.json", config)
    write_json(folder / "preprocessor_config.json", {
        "size": {"longest_edge": 16777216, "shortest_edge": 65536}, "patch_size": 16, "temporal_patch_size": 2,
        "merge_size": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
        "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast",
    })
    text_only = dict(text, architectures=["Qwen3ForCausalLM"], model_type="qwen3", rope_scaling=None)
    return config, "BF16", 1, [
        [name.replace("model.", "model.language_model."), dtype, shape] for name, dtype, shape in shapes(text_only, "BF16")
    ] + qwen3_tower(vision, "BF16")


ALL = {
    # name: how it is made, how its tokenizer cuts texts beforehand (which the reference knows by a hash of the whole
    # tokenizer, and so not for one that was made here), and the types that it is written in
    "llama-spm": (llama_spm, None, OUT_TYPES),
    "mistral-json": (mistral_json, None, OUT_TYPES),
    "llama3": (llama3, "llama-bpe", OUT_TYPES),
    "smollm": (smollm, "smollm", ["q8_0"]),
    "smollm3": (smollm3, "llama-bpe", OUT_TYPES),
    "llama-bias": (llama_bias, "gpt-2", OUT_TYPES),
    "qwen2": (qwen2, "qwen2", OUT_TYPES),
    "qwen3": (qwen3, "qwen2", OUT_TYPES),
    "qwen2moe": (qwen2moe, "qwen2", OUT_TYPES),
    "qwen3moe": (qwen3moe, "qwen2", OUT_TYPES),
    "qwen3moe-stacked": (qwen3moe_stacked, "qwen2", OUT_TYPES),
    "mixtral": (mixtral, None, OUT_TYPES),
    "gemma": (gemma, None, OUT_TYPES),
    "gemma2": (gemma2, None, OUT_TYPES),
    "gemma3": (gemma3, None, OUT_TYPES),
    "gemma3-vision": (gemma3_vision, None, OUT_TYPES),
    "smolvlm": (smolvlm, "smollm", OUT_TYPES),
    "qwen2vl": (qwen2vl, "qwen2", ["f16", "auto"]),
    "qwen25vl": (qwen25vl, "qwen2", ["f16", "auto"]),
    "qwen3vl": (qwen3vl, "qwen2", ["f16", "auto"]),
}
# Those of which what sees images is written as well.
SEEING = ["gemma3-vision", "smolvlm", "qwen2vl", "qwen25vl", "qwen3vl"]


# ---- the reference and what it wrote


def convert(reference, folder, target, out_type, pre, *more):
    program = (
        "import sys, runpy\n"
        f"sys.path.insert(0, {str(reference)!r})\n"
        f"sys.path.insert(1, {str(reference / 'gguf-py')!r})\n"
        "import conversion.base as base\n"
        f"base.TextModel.get_vocab_base_pre = lambda self, tokenizer: {pre!r}\n"
        f"sys.argv = ['convert', {str(folder)!r}, '--outfile', {str(target)!r}, '--outtype', {out_type!r}, *{more!r}]\n"
        f"runpy.run_path({str(reference / 'convert_hf_to_gguf.py')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr[-4000:])


WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TYPES = {0: ("F32", 1, 4), 1: ("F16", 1, 2), 8: ("Q8_0", 32, 34), 30: ("BF16", 1, 2)}


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


def read_gguf(path):
    """Keys with a digest of their value as it stands in the file, and tensors with one of their bytes, in order."""
    data = path.read_bytes()
    at = 8

    def number(code):
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize(code)
        return value

    def text():
        nonlocal at
        n = number("Q")
        at += n
        return data[at - n:at].decode()

    def skip(kind):
        nonlocal at
        if kind == 8:
            text()
        elif kind == 9:
            inner, n = number("I"), number("Q")
            for _ in range(n):
                skip(inner)
        else:
            at += WIDTHS[kind]

    n_tensors, n_keys = number("Q"), number("Q")
    keys, tensors = [], []
    for _ in range(n_keys):
        name, start = text(), at
        skip(number("I"))
        keys.append([name, digest(data[start:at])])
    for _ in range(n_tensors):
        name = text()
        dimensions = [number("Q") for _ in range(number("I"))]
        kind, offset = number("I"), number("Q")
        tensors.append([name, kind, dimensions, offset])
    start = -(-at // 32) * 32
    for tensor in tensors:
        kind, per, width = TYPES[tensor[1]]
        n = int(np.prod(tensor[2], dtype=np.int64)) // per * width
        tensor[1:] = [kind, tensor[2], digest(data[start + tensor[3]:start + tensor[3] + n])]
    return {"file": digest(data), "keys": keys, "tensors": tensors}


FILE_TYPE = "general.file_type"


def compact(by_type):
    """What is the same in files of all types once: all keys but one, and names and dimensions of tensors."""
    first = next(iter(by_type.values()))
    keys = [[key, "" if key == FILE_TYPE else value] for key, value in first["keys"]]
    types = {}
    for out_type, found in by_type.items():
        assert [[key, "" if key == FILE_TYPE else value] for key, value in found["keys"]] == keys
        assert [tensor[:1] + tensor[2:3] for tensor in found["tensors"]] == [it[:1] + it[2:3] for it in first["tensors"]]
        types[out_type] = {
            "file": found["file"], "file_type": dict(found["keys"])[FILE_TYPE],
            "tensors": [[tensor[1], tensor[3]] for tensor in found["tensors"]],
        }
    return {"keys": keys, "tensors": [[it[0], it[2]] for it in first["tensors"]], "types": types}


def main():
    reference = Path(sys.argv[1]).resolve()
    wanted = sys.argv[2:] or list(ALL)
    path = HERE / "expected.json"
    expected = json.loads(path.read_text()) if path.exists() else {}
    for name in wanted:
        make, pre, out_types = ALL[name]
        folder = MODELS / name
        folder.mkdir(parents=True, exist_ok=True)
        config, dtype, n_shards, *tensors = make(folder)
        tensors = tensors[0] if tensors else shapes(config, dtype)
        lines = ",\n".join(json.dumps(tensor) for tensor in tensors)
        (folder / "tensors.json").write_text(f'{{"shards": {n_shards}, "tensors": [\n{lines}\n]}}\n')
        found = {}
        with tempfile.TemporaryDirectory() as work:
            source = Path(work) / name
            source.mkdir()
            for file in folder.iterdir():
                (source / file.name).write_bytes(file.read_bytes())
            write_weights(source, tensors, n_shards)
            for out_type in out_types:
                target = Path(work) / f"{name}.gguf"
                convert(reference, source, target, out_type, pre)
                found[out_type] = read_gguf(target)
                print(name, out_type, found[out_type]["file"])
            expected[name] = compact(found)
            if name in SEEING:
                target = Path(work) / f"mmproj-{name}.gguf"
                convert(reference, source, target, "f16", pre, "--mmproj")
                expected[name]["mmproj"] = compact({"f16": read_gguf(target)})
    text = json.dumps(expected, separators=(",", ":"))
    for part in ['"keys":', '"tensors":', '"types":']:
        text = text.replace(part, "\n" + part)
    path.write_text(text + "\n")


if __name__ == "__main__":
    main()

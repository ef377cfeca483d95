"""Makes mlx_expected.json: what MLX itself makes of the weights of the models that make.py made.

    python mlx_expected.py

Needs mlx with mlx-cpu, and numpy.
"""

import hashlib
import json
import re

import mlx.core as mx
import numpy as np

from make import HERE, MODELS, weights

GROUP = 64
DTYPES = {"BF16": mx.bfloat16, "F16": mx.float16, "F32": mx.float32}
NAMES = {mx.bfloat16: "BF16", mx.float16: "F16", mx.float32: "F32", mx.uint32: "U32"}


def array(name, dtype, shape):
    bits = weights(name, dtype, int(np.prod(shape, dtype=np.int64)))
    return mx.array(bits.reshape(shape)).view(DTYPES[dtype])


def entry(value):
    mx.eval(value)
    raw = np.array(value.view(mx.uint8) if value.ndim else value)
    return [NAMES[value.dtype], list(value.shape), hashlib.sha256(raw.tobytes()).hexdigest()[:16]]


EXPERT = re.compile(r"(.*\.(?:mlp|block_sparse_moe))\.experts\.(\d+)\.(\w+)\.weight")
PARTS = {"w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"}


def together(tensors):
    """The tensors, with those of a layer's experts as one, as mlx-lm has them."""
    experts = {}
    for name, dtype, shape in tensors:
        if found := EXPERT.fullmatch(name):
            stem, i, part = found.groups()
            key = f"{stem}.switch_mlp.{PARTS.get(part, part)}.weight"
            experts.setdefault(key, {})[int(i)] = array(name, dtype, shape)
        elif name.endswith("experts.gate_up_proj"):
            stem = name.removesuffix("experts.gate_up_proj") + "switch_mlp."
            gate, up = mx.split(array(name, dtype, shape), 2, axis=1)
            yield from [(stem + "gate_proj.weight", gate), (stem + "up_proj.weight", up)]
        elif name.endswith("experts.down_proj"):
            stem = name.removesuffix("experts.down_proj")
            yield f"{stem}switch_mlp.down_proj.weight", array(name, dtype, shape)
        else:
            yield name, array(name, dtype, shape)
    for name, parts in experts.items():
        yield name, mx.stack([parts[i] for i in range(len(parts))])


def expected(folder, bits):
    config = json.loads((folder / "config.json").read_text())
    tied = config.get("tie_word_embeddings", config["architectures"][0].startswith("Gemma"))
    tensors = {}
    for name, value in together(json.loads((folder / "tensors.json").read_text())["tensors"]):
        if "vision" in name or "projector." in name or (tied and name.endswith("lm_head.weight")):
            continue
        is_matrix = value.ndim == 2 or (value.ndim == 3 and ".switch_mlp." in name)
        if is_matrix and value.shape[-1] % GROUP == 0:
            stem = name.removesuffix(".weight")
            is_router = config.get("model_type") == "qwen3_moe" and name.endswith("mlp.gate.weight")
            words, scales, biases = mx.quantize(value, group_size=GROUP, bits=8 if is_router else bits)
            tensors[name] = entry(words)
            tensors[stem + ".scales"] = entry(scales)
            tensors[stem + ".biases"] = entry(biases)
        else:
            tensors[name] = entry(value)
    return tensors


def main():
    result = {}
    for folder in sorted(MODELS.iterdir()):
        if folder.name not in ("smollm", "smolvlm", "qwen2vl", "qwen25vl", "qwen3vl"):
            result[folder.name] = {str(bits): expected(folder, bits) for bits in (4, 8)}
    text = json.dumps(result, separators=(",", ":")).replace('"4":', '\n"4":').replace('"8":', '\n"8":')
    (HERE / "mlx_expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main()

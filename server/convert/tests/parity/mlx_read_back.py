"""Reads a folder that this crate wrote back as MLX does, and compares it with the one that it was made of.

    python mlx_read_back.py WRITTEN ORIGINAL

Needs mlx with mlx-cpu, and nothing else. Prints how many matrices were compared; ends with an error where a number is not what MLX
itself makes of the original, or too far from it.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx

# MLX has one end of a group's numbers exact, which moves the other end by up to a step; and scales have few digits themselves.
MOST_STEPS_OFF = 2


def load(folder):
    files = sorted(folder.glob("*.safetensors"))
    return {name: value for file in files for name, value in mx.load(str(file)).items()}


def compare(name, found, source, group_size, bits):
    stem = name.removesuffix(".weight")
    words, scales, biases = found[name], found[stem + ".scales"], found[stem + ".biases"]
    own = mx.quantize(source[name], group_size=group_size, bits=bits)
    assert all(mx.array_equal(a, b).item() for a, b in zip(own, (words, scales, biases))), f"{name} is rounded otherwise"
    back = mx.dequantize(words, scales, biases, group_size=group_size, bits=bits)
    error = mx.abs(back.astype(mx.float32) - source[name].astype(mx.float32))
    steps = error / mx.repeat(mx.abs(scales.astype(mx.float32)), group_size, axis=-1)
    worst = mx.max(steps).item()
    assert worst <= MOST_STEPS_OFF, f"{name} is {worst} steps off"


def main():
    written, original = Path(sys.argv[1]), Path(sys.argv[2])
    form = json.loads((written / "config.json").read_text())["quantization"]
    found, source = load(written), load(original)
    rounded = [name for name, value in found.items() if value.dtype == mx.uint32]
    for name in rounded:
        compare(name, found, source, form["group_size"], form["bits"])
    for name in found.keys() & source.keys() - set(rounded):
        assert mx.array_equal(found[name], source[name]).item(), f"{name} has changed"
    print(len(rounded))


if __name__ == "__main__":
    main()

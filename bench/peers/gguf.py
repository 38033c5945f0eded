"""Writes GPT-NeoX models as GGUF files (version 3), for llama.cpp, and reads back what it wrote.

    python bench/peers/gguf.py --shape 410m --output F     random weights in one of Pythia's shapes, as `bench decode` measures them
    python bench/peers/gguf.py --model DIR --output F      a Hugging Face directory, value by value

Matrices go in --type (bf16 or f32), norms and biases in f32. The vocabulary is made of names for ids: enough to run on ids, not on text.
The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Needs numpy; for a directory also safetensors and torch.
"""

import argparse
import json
import mmap
import pathlib
import struct
import sys

import numpy as np

from shapes import SIZES, vocabulary_of

ALIGNMENT = 32
U32, F32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
I32_ELEMENT = 5
TYPES = {"f32": 0, "bf16": 30}
BYTES = {0: 4, 30: 2}


def to_bf16(values):
    """f32 to the bits of bf16, to nearest with ties to even."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


class Config:
    """What llama.cpp must know of a GPT-NeoX."""

    def __init__(self, vocabulary, hidden, layers, heads, intermediate, positions, rotary, epsilon, parallel):
        self.vocabulary, self.hidden, self.layers, self.heads, self.intermediate = vocabulary, hidden, layers, heads, intermediate
        self.positions, self.rotary, self.epsilon, self.parallel = positions, rotary, epsilon, parallel

    @staticmethod
    def of_shape(size):
        hidden, layers, heads, intermediate = SIZES[size]
        return Config(vocabulary_of(size), hidden, layers, heads, intermediate, 2048, hidden // heads // 4, 1e-5, True)

    @staticmethod
    def of_directory(folder):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config["model_type"] != "gpt_neox" or config.get("hidden_act", "gelu") != "gelu":
            sys.exit(f"{folder}: only gpt_neox with gelu can be written")
        rope = config.get("rope_parameters") or {}
        if rope.get("rope_type", "default") != "default" or rope.get("rope_theta", config.get("rotary_emb_base", 10000)) != 10000:
            sys.exit(f"{folder}: only rotary embeddings of base 10000 without scaling can be written")
        fraction = rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25))
        heads = config["num_attention_heads"]
        return Config(
            config["vocab_size"], config["hidden_size"], config["num_hidden_layers"], heads, config["intermediate_size"],
            config["max_position_embeddings"], int(fraction * (config["hidden_size"] // heads)), config["layer_norm_eps"],
            config.get("use_parallel_residual", True))

    def metadata(self):
        """(key, type, value); a type of (ARRAY, t) is an array of t."""
        names = [f"<{i}>" for i in range(self.vocabulary)]
        return [
            ("general.architecture", STRING, "gptneox"),
            ("general.name", STRING, "bench"),
            ("general.alignment", U32, ALIGNMENT),
            ("gptneox.context_length", U32, self.positions),
            ("gptneox.embedding_length", U32, self.hidden),
            ("gptneox.block_count", U32, self.layers),
            ("gptneox.feed_forward_length", U32, self.intermediate),
            ("gptneox.attention.head_count", U32, self.heads),
            ("gptneox.attention.layer_norm_epsilon", F32, self.epsilon),
            ("gptneox.rope.dimension_count", U32, self.rotary),
            ("gptneox.use_parallel_residual", BOOL, self.parallel),
            ("tokenizer.ggml.model", STRING, "gpt2"),
            ("tokenizer.ggml.pre", STRING, "default"),
            ("tokenizer.ggml.tokens", (ARRAY, STRING), names),
            ("tokenizer.ggml.token_type", (ARRAY, I32_ELEMENT), [1] * self.vocabulary),
            ("tokenizer.ggml.merges", (ARRAY, STRING), ["< 0"]),
            ("tokenizer.ggml.bos_token_id", U32, 0),
            ("tokenizer.ggml.eos_token_id", U32, 0),
            ("tokenizer.ggml.add_bos_token", BOOL, False),
        ]

    def tensors(self):
        """(name in the file, name in a Hugging Face directory, shape with the slowest extent first)."""
        c, i, v = self.hidden, self.intermediate, self.vocabulary

        def pair(ours, theirs, *shape):
            return [(ours + ".weight", theirs + ".weight", shape), (ours + ".bias", theirs + ".bias", shape[:1])]

        all_of_them = [("token_embd.weight", "gpt_neox.embed_in.weight", (v, c))]
        for layer in range(self.layers):
            ours, theirs = f"blk.{layer}.", f"gpt_neox.layers.{layer}."
            all_of_them += pair(ours + "attn_norm", theirs + "input_layernorm", c)
            all_of_them += pair(ours + "attn_qkv", theirs + "attention.query_key_value", 3 * c, c)
            all_of_them += pair(ours + "attn_output", theirs + "attention.dense", c, c)
            all_of_them += pair(ours + "ffn_norm", theirs + "post_attention_layernorm", c)
            all_of_them += pair(ours + "ffn_up", theirs + "mlp.dense_h_to_4h", i, c)
            all_of_them += pair(ours + "ffn_down", theirs + "mlp.dense_4h_to_h", c, i)
        all_of_them += pair("output_norm", "gpt_neox.final_layer_norm", c)
        return all_of_them + [("output.weight", "embed_out.weight", (v, c))]


def encoded(kind, value):
    if kind == STRING:
        text = value.encode("utf-8")
        return struct.pack("<Q", len(text)) + text
    if isinstance(kind, tuple):
        return struct.pack("<IQ", kind[1], len(value)) + b"".join(encoded(kind[1], each) for each in value)
    return struct.pack({U32: "<I", F32: "<f", BOOL: "<?", I32_ELEMENT: "<i"}[kind], value)


def padded(length):
    return (length + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def type_of(shape, matrices):
    return TYPES[matrices] if len(shape) > 1 else TYPES["f32"]


def write(path, config, matrices, content):
    """content(name in the directory, shape, type) yields arrays that, one after the other, are the tensor."""
    metadata, tensors = config.metadata(), config.tensors()
    header = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, kind, value in metadata:
        header += encoded(STRING, key) + struct.pack("<I", kind[0] if isinstance(kind, tuple) else kind) + encoded(kind, value)
    offset = 0
    for name, _, shape in tensors:
        kind = type_of(shape, matrices)
        header += encoded(STRING, name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *reversed(shape), kind, offset)
        offset += padded(int(np.prod(shape)) * BYTES[kind])
    with open(path, "wb") as file:
        file.write(header.ljust(padded(len(header)), b"\0"))
        for _, theirs, shape in tensors:
            kind, written = type_of(shape, matrices), 0
            for part in content(theirs, shape, kind):
                written += file.write(memoryview(part).cast("B"))
            size = int(np.prod(shape)) * BYTES[kind]
            if written != size:
                raise AssertionError(f"{theirs}: {written} bytes instead of {size}")
            file.write(b"\0" * (padded(size) - size))


class Reader:
    """A GGUF file taken apart by its own description, not by what was meant to be written."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.at = 0
        magic, version, tensors, keys = self.take("<4sIQQ")
        if magic != b"GGUF" or version != 3:
            raise AssertionError(f"{path} begins with {magic} and version {version}")
        self.metadata = {}
        for _ in range(keys):
            key = self.value(STRING)
            self.metadata[key] = self.value(self.take("<I")[0])
        descriptions = []
        for _ in range(tensors):
            name = self.value(STRING)
            (rank,) = self.take("<I")
            shape = tuple(reversed(self.take(f"<{rank}Q")))
            descriptions.append((name, shape, *self.take("<IQ")))
        start = padded(self.at)
        self.tensors = {name: (shape, kind, start + offset) for name, shape, kind, offset in descriptions}

    def take(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def value(self, kind):
        if kind == STRING:
            (length,) = self.take("<Q")
            self.at += length
            return self.data[self.at - length:self.at].decode("utf-8")
        if kind == ARRAY:
            element, length = self.take("<IQ")
            return [self.value(element) for _ in range(length)]
        return self.take({U32: "<I", F32: "<f", BOOL: "<?", I32_ELEMENT: "<i"}[kind])[0]

    def tensor(self, name):
        shape, kind, offset = self.tensors[name]
        size = int(np.prod(shape)) * BYTES[kind]
        return np.frombuffer(self.data, np.uint8, size, offset)


def check(path, config, matrices, content):
    """Everything that was meant to be in the file is, and nothing lies outside it or over another."""
    reader = Reader(path)
    for key, kind, value in config.metadata():
        found = reader.metadata[key]
        if (abs(found - value) > 1e-7 * abs(value)) if kind == F32 else found != value:
            raise AssertionError(f"{path}: {key} is {found} instead of {value}")
    end = 0
    for name, theirs, shape in config.tensors():
        found_shape, kind, offset = reader.tensors[name]
        if found_shape != shape or kind != type_of(shape, matrices) or offset % ALIGNMENT or offset < end:
            raise AssertionError(f"{path}: {name} is {found_shape} of type {kind} at {offset}")
        found, at = reader.tensor(name), 0
        for part in content(theirs, shape, kind):
            part = np.frombuffer(memoryview(part).cast("B"), np.uint8)
            if not np.array_equal(found[at:at + len(part)], part):
                raise AssertionError(f"{path}: {name} differs from what was written behind byte {at}")
            at += len(part)
        end = offset + at
    if len(reader.tensors) != len(config.tensors()) or padded(end) != len(reader.data):
        raise AssertionError(f"{path} has {len(reader.tensors)} tensors and {len(reader.data)} bytes")


def random_content():
    """Uniform numbers of deviation 0.02: one block of them, again and again, a little later each time. Norms have gain 1, biases are 0."""
    block = np.random.default_rng(1).uniform(-0.0346, 0.0346, (1 << 20) + 4096).astype(np.float32)
    blocks = {TYPES["f32"]: block, TYPES["bf16"]: to_bf16(block)}

    def content(name, shape, kind):
        if len(shape) == 1:
            yield np.full(shape, 1 if "norm.weight" in name else 0, np.float32)
            return
        left, turn = int(np.prod(shape)), 0
        while left > 0:
            start = turn * 61 % 4096
            part = blocks[kind][start:start + min(left, 1 << 20)]
            yield part
            left -= len(part)
            turn += 1
    return content


def directory_content(folder, config):
    """The tensors of a directory. Its heads hold query, key and value side by side; llama.cpp wants all queries, all keys, all values."""
    import safetensors.torch
    import torch

    stored = {}
    for file in sorted(folder.glob("*.safetensors")):
        stored.update(safetensors.torch.load_file(file))

    def content(name, shape, kind):
        tensor = stored[name if name in stored else "lm_head.weight"].to(torch.float32)
        if "query_key_value" in name:
            split = tensor.reshape(config.heads, 3, -1, *tensor.shape[1:])
            tensor = split.transpose(0, 1).reshape(tensor.shape)
        if tuple(tensor.shape) != shape:
            raise AssertionError(f"{name} is {tuple(tensor.shape)} instead of {shape}")
        values = np.ascontiguousarray(tensor.numpy())
        yield to_bf16(values) if kind == TYPES["bf16"] else values
    return content


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--shape", choices=SIZES)
    source.add_argument("--model", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--type", choices=TYPES, default="bf16")
    parser.add_argument("--output", required=True, metavar="F")
    arguments = parser.parse_args()
    config = Config.of_shape(arguments.shape) if arguments.shape else Config.of_directory(arguments.model)
    content = random_content() if arguments.shape else directory_content(arguments.model, config)
    write(arguments.output, config, arguments.type, content)
    check(arguments.output, config, arguments.type, content)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Measures what `generate` holds in memory, and how soon it has opened a model: random weights in Pythia's shapes, files in the page cache.

    bench/memory.py --tokenizer TOKENIZER.json [--record NAME] [--jar JAR] [--java JAVA] [--folder DIR]

TOKENIZER.json    for 50,304 rows at most, such as Pythia's; its size counts
--record NAME     writes the table to bench/results/NAME.md too, under the command
--folder DIR      where models are written, and deleted again; 3 GB are needed (default: a temporary folder)

Bound: 1.15 times the bytes of the weights, and 150 MB more for models below the 1.4b shape; 512 positions. Peak is VmHWM of the process. Opened is
when generate says what it runs, the start of Java included; each model is read once before, so that its file is in the page cache.
"""
import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

SHAPES = {  # hidden size, layers, heads, MLP
    "160m": (768, 12, 12, 3072),
    "410m": (1024, 24, 16, 4096),
    "1.4b": (2048, 24, 16, 8192),
}
VOCABULARY = 50304
POSITIONS = 512


def parameters(hidden, layers, mlp):
    yield "gpt_neox.embed_in.weight", (VOCABULARY, hidden)
    for i in range(layers):
        layer = f"gpt_neox.layers.{i}."
        for norm in "input_layernorm", "post_attention_layernorm":
            yield layer + norm + ".weight", (hidden,)
            yield layer + norm + ".bias", (hidden,)
        for name, out, into in (("attention.query_key_value", 3 * hidden, hidden), ("attention.dense", hidden, hidden),
                                ("mlp.dense_h_to_4h", mlp, hidden), ("mlp.dense_4h_to_h", hidden, mlp)):
            yield layer + name + ".weight", (out, into)
            yield layer + name + ".bias", (out,)
    yield "gpt_neox.final_layer_norm.weight", (hidden,)
    yield "gpt_neox.final_layer_norm.bias", (hidden,)
    yield "embed_out.weight", (VOCABULARY, hidden)


def write_model(folder, shape, dtype, odd):
    """A model of small random numbers, the same block again and again; with `odd` every weight lies at an odd address."""
    hidden, layers, heads, mlp = SHAPES[shape]
    os.makedirs(folder)
    draw = random.Random(0)
    numbers = [draw.gauss(0, 0.02) for _ in range(1 << 19)]
    block = (struct.pack(f"<{len(numbers)}e", *numbers) if dtype == "F16"
             else b"".join(struct.pack("<f", x)[2:] for x in numbers))
    header, offset = {}, 0
    for name, extents in parameters(hidden, layers, mlp):
        size = 2
        for extent in extents:
            size *= extent
        header[name] = {"dtype": dtype, "shape": list(extents), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8 + (1 if odd else 0))
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for left in range(offset, 0, -len(block)):
            file.write(block[:left])
    config = {"model_type": "gpt_neox", "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": mlp,
              "vocab_size": VOCABULARY, "max_position_embeddings": 2048, "rotary_pct": 0.25, "eos_token_id": VOCABULARY - 1}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file)
    return offset


def generate(java, jar, folder, tokens):
    """Peak bytes, seconds until it has opened the model."""
    command = [java, "-jar", jar, "generate", "--target", folder, "--prompt", "The quick brown fox", "--max-new-tokens", str(tokens)]
    started = time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    opened, log, peak = [], [], 0

    def listen():
        log.append(process.stderr.read(1))
        opened.append(time.time() - started)
        log.append(process.stderr.read())

    listener = threading.Thread(target=listen)
    listener.start()
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]) << 10)
        time.sleep(0.05)
    listener.join()
    if process.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with {process.returncode}: {b''.join(log).decode()}")
    return peak, opened[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--record")
    parser.add_argument("--jar", default="target/adaspec-engine.jar")
    parser.add_argument("--java", default="java", help="25 or later: an older one starts the engine as a child, which is not measured")
    parser.add_argument("--folder")
    options = parser.parse_args()
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    lines = [
        "# Memory of decoding, and time to open a model", "", f"    {' '.join(sys.argv)}", "",
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {revision}, {len(os.sched_getaffinity(0))} cores; {POSITIONS} positions, one sequence.", "",
        "| weights | MB of weights | peak MB | over the weights | bound MB | held | opened in s |", "|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory(dir=options.folder) as root:
        for shape, dtype, odd in (("160m", "BF16", False), ("410m", "BF16", False), ("1.4b", "BF16", False), ("1.4b", "F16", False),
                                  ("1.4b", "F16", True)):
            folder = os.path.join(root, f"{shape}-{dtype}-{odd}")
            size = write_model(folder, shape, dtype, odd)
            shutil.copy(options.tokenizer, os.path.join(folder, "tokenizer.json"))
            generate(options.java, options.jar, folder, 1)
            _, seconds = generate(options.java, options.jar, folder, 1)
            peak, _ = generate(options.java, options.jar, folder, POSITIONS - 8)
            bound = 1.15 * size + (0 if shape == "1.4b" else 150e6)
            name = f"{shape} {dtype.lower()}" + (", at odd addresses" if odd else "")
            lines.append(f"| {name} | {size / 1e6:.0f} | {peak / 1e6:.0f} | {peak / size:.3f} | {bound / 1e6:.0f} |"
                         f" {'yes' if peak <= bound else 'NO'} | {seconds:.2f} |")
            print(lines[-1], file=sys.stderr)
            shutil.rmtree(folder)
    text = "\n".join(lines) + "\n"
    print(text)
    if options.record:
        with open(f"bench/results/{options.record}.md", "w") as file:
            file.write(text)


if __name__ == "__main__":
    main()

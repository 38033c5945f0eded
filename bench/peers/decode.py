"""transformers' `generate` on random models, plain and assisted, measured as `adaspec-engine bench decode` measures its own.

    python bench/peers/decode.py --shape 410m-70m --synthetic-acceptance 0.8

Decoding is greedy, at batch 1, after a text of random ids. What is timed is decoding alone: from the first tokens that come out, which waited for the
text to be read, to the last. Assisted decoding accepts at a given rate: after the target's forward, and before transformers compares its argmax
with the drafted tokens, one logit of each judged row is changed, to the largest where the token is to be accepted and to the smallest where not; the
draws are the engine's own (same counter, same number for a position), so the engine accepts at the same places. Drafts have a constant length and no
confidence threshold. Needs torch and transformers; a GPU is not used.
"""

import argparse
import json
import math
import resource
import statistics
import sys
import time

import torch
import transformers
from transformers.generation.streamers import BaseStreamer

import models
import shapes

PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16}
ACCEPT = 1  # adaspec.ops.Philox: what a number at a position is for


def philox(seed, sequence, position, purpose):
    """Philox4x32-10 as a number in [0, 1): adaspec.ops.Philox.uniform."""
    mask = 0xFFFFFFFF
    counter = [position & mask, position >> 32, sequence, purpose]
    key = [seed & mask, seed >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [second >> 32 ^ counter[1] ^ key[0], second & mask, first >> 32 ^ counter[3] ^ key[1], first & mask]
        key = [(key[0] + 0x9E3779B9) & mask, (key[1] + 0xBB67AE85) & mask]
    return ((counter[0] << 32 | counter[1]) >> 11) * 2.0**-53


class Clock(BaseStreamer):
    """Hears tokens as they come out. The first call brings the prompt."""

    def __init__(self):
        self.counts, self.times = [], []

    def put(self, value):
        self.counts.append(value.numel())
        self.times.append(time.perf_counter())

    def end(self):
        pass

    def rate(self):
        """Tokens a second after the first that came out."""
        return sum(self.counts[2:]) / (self.times[-1] - self.times[1])

    def tau(self):
        """Tokens a step; the last step was cut."""
        return statistics.mean(self.counts[1:-1])


class SyntheticAcceptance:
    """A target whose argmax agrees with a drafted token at a given rate."""

    def __init__(self, target, rate):
        self.forward, self.rate, self.sequence = target.forward, rate, 0
        target.forward = self

    def __call__(self, *arguments, **named):
        output = self.forward(*arguments, **named)
        rows = output.logits[0]
        drafted = rows.shape[0] - 1
        read = output.past_key_values.get_seq_length()
        for i, token in enumerate(named["input_ids"][0, -drafted:].tolist() if drafted else []):
            accepted = philox(0, self.sequence, read - drafted + i, ACCEPT) < self.rate
            rows[i, token] = math.inf if accepted else -math.inf
        return output


def measurement(name, values, unit, arguments):
    device = f"cpu, {torch.get_num_threads()} threads, torch {torch.__version__}, transformers {transformers.__version__}"
    return {"name": f"decode: {name}", "shape": f"{arguments.shape} {arguments.precision}", "value": statistics.median(values), "unit": unit,
            "min": min(values), "median": statistics.median(values), "max": max(values), "peak_share": None, "device": device}


def say(text):
    print(text, file=sys.stderr, flush=True)


@torch.inference_mode()
def measure(arguments):
    precision = PRECISIONS[arguments.precision]
    sizes = shapes.split(arguments.shape)
    target, *assistant = [models.decoder(size, precision) for size in sizes]
    vocabulary = shapes.vocabulary_of(sizes[0])
    ids = torch.randint(vocabulary, (1, max(arguments.context, arguments.prefill)), generator=torch.Generator().manual_seed(1))
    text = ids[:, :arguments.context]
    same = {"attention_mask": torch.ones_like(text), "max_new_tokens": arguments.max_new_tokens, "do_sample": False}
    prefills, plain, assisted, tau = [], [], [], []

    def generate(**more):
        clock = Clock()
        target.generate(text, streamer=clock, **same, **more)
        if sum(clock.counts[1:]) != arguments.max_new_tokens:
            raise AssertionError(f"{sum(clock.counts[1:])} tokens instead of {arguments.max_new_tokens}")
        return clock

    for repetition in range(-1, arguments.repetitions):  # the first is not kept
        start = time.perf_counter()
        target(input_ids=ids[:, :arguments.prefill], use_cache=True, logits_to_keep=1)
        seconds = time.perf_counter() - start
        clock = generate()
        if repetition >= 0:
            prefills.append(arguments.prefill / seconds)
            plain.append(clock.rate())
            say(f"repetition {repetition + 1} of {arguments.repetitions}: plain {plain[-1]:.1f} tokens/s")
    if assistant:
        draft = assistant[0]
        draft.generation_config.num_assistant_tokens = arguments.num_speculative_tokens
        draft.generation_config.num_assistant_tokens_schedule = "constant"
        draft.generation_config.assistant_confidence_threshold = 0.0
        acceptance = SyntheticAcceptance(target, arguments.synthetic_acceptance)
        for repetition in range(-1, arguments.repetitions):
            acceptance.sequence = max(repetition, 0)
            clock = generate(assistant_model=draft)
            if repetition >= 0:
                assisted.append(clock.rate())
                tau.append(clock.tau())
                say(f"repetition {repetition + 1} of {arguments.repetitions}: assisted {assisted[-1]:.1f} tokens/s, {tau[-1]:.2f} tokens a step")
    lines = [measurement("plain", plain, "tokens/s", arguments), measurement("prefill", prefills, "tokens/s", arguments)]
    if assistant:
        lines.append(measurement("speculative", assisted, "tokens/s", arguments))
        lines.append(measurement("tau", tau, "tokens/step", arguments))
    lines.append(measurement("peak memory", [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024], "bytes", arguments))
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="160m", help="a size, or target and draft with a hyphen: 410m-70m")
    parser.add_argument("--precision", choices=PRECISIONS, default="bf16")
    parser.add_argument("--synthetic-acceptance", type=float, default=0.8)
    parser.add_argument("--num-speculative-tokens", type=int, default=5)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--max-new-tokens", type=int, default=128)
    parser.add_argument("--prefill", type=int, default=512)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--output-json", metavar="F")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    transformers.logging.set_verbosity_error()
    lines = measure(arguments)
    for line in lines:
        print(f"{line['name']:24} {line['shape']:18} {line['value']:14.6g} {line['unit']:12} ({line['min']:.6g} to {line['max']:.6g})")
    if arguments.output_json:
        with open(arguments.output_json, "w", encoding="utf-8") as file:
            file.write(json.dumps(lines, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Whole training steps of AdaSPEC's selective stage in PyTorch, measured as `adaspec-engine bench train` measures its own.

    python bench/peers/train.py --variant published --shape 160m-31m --batch 8 --length 256 --precision bf16 --steps 3
    python bench/peers/train.py --check

Variants: published (the published loss, operation by operation), eager (PyTorch written well), compile (the same under torch.compile).
A step is forward of draft, target and reference, loss, backward, clipping to 1 and AdamW; its tokens are the input tokens of the batch.
One process measures one variant, so that the peak of memory is its own. Needs torch and transformers; a GPU is not used.
"""

import argparse
import json
import platform
import resource
import statistics
import sys
import time

import torch
import transformers

import losses
import models
import shapes

PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16}
K = 0.4


def batch_of(vocabulary, sequences, length, seed):
    """Random ids; every token but the first is an answer token. What the collator of the published code hands to the models."""
    ids = torch.randint(vocabulary, (sequences, length), generator=torch.Generator().manual_seed(seed))
    labels = ids.clone()
    labels[:, 0] = losses.IGNORED
    return {"input_ids": ids, "labels": labels, "attention_mask": torch.ones_like(ids)}


class Stage:
    """Three models and a variant of the loss; a step is ``step(batch)``."""

    def __init__(self, shape, variant, precision, way, spread=0.02):
        target, draft, self.vocabulary = shapes.SHAPES[shape]
        self.target = models.frozen(target, self.vocabulary, 1, spread, precision)
        self.reference = models.frozen(draft, self.vocabulary, 3, spread, precision)
        # The Trainer of the published code's time ran AdamW parameter by parameter.
        self.learner = models.Learner(models.model(draft, self.vocabulary, 2, spread), precision, way, fused=variant != "published")
        if variant == "published":
            self.loss = lambda batch: losses.published(self.learner.model, self.target, self.reference, batch, K)
        else:
            self.loss = losses.Gathered(self.learner.model, self.target, self.reference, K, compiled=variant == "compile")

    def gradient(self, batch):
        with self.learner.context():
            loss = self.loss(batch)
        loss.backward()
        return loss

    def step(self, batch):
        loss = self.gradient(batch)
        self.learner.step()
        return float(loss.detach())


def gemm_rate(precision):
    """Operations a second of a product of two 1024 x 1024 matrices: the best of many."""
    n = 1024
    a, b = (torch.randn(n, n).to(precision) for _ in range(2))
    best = float("inf")
    until = time.perf_counter() + 1
    while time.perf_counter() < until:
        start = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best


def measure(arguments):
    precision = PRECISIONS[arguments.precision]
    stage = Stage(arguments.shape, arguments.variant, precision, arguments.draft)
    batches = [batch_of(stage.vocabulary, arguments.batch, arguments.length, i) for i in range(arguments.steps)]
    for i in range(arguments.warm_up):
        stage.step(batch_of(stage.vocabulary, arguments.batch, arguments.length, 1000 + i))
    seconds = []
    steps = arguments.epochs * arguments.steps
    for i in range(steps):
        start = time.perf_counter()
        loss = stage.step(batches[i % arguments.steps])
        seconds.append(time.perf_counter() - start)
        print(f"step {i + 1} of {steps}: {seconds[-1]:.3f} s, loss {loss:.6f}", file=sys.stderr, flush=True)
    # Of this process so far: the products measured below are small.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    device = f"cpu, {torch.get_num_threads()} threads, torch {torch.__version__}, transformers {transformers.__version__}"
    shape = f"{arguments.shape} {arguments.batch} x {arguments.length} {arguments.precision}"
    name = f"train {arguments.variant}"
    if stage.learner.way != "f32":
        name += f" ({stage.learner.way})"
    tokens = arguments.batch * arguments.length
    rates = [tokens / s for s in seconds]

    def line(what, value, unit, low=None, high=None):
        return {"name": f"{name}: {what}", "shape": shape, "value": value, "unit": unit, "min": value if low is None else low,
                "median": value, "max": value if high is None else high, "peak_share": None, "device": device}

    lines = [line("tokens", statistics.median(rates), "tokens/s", min(rates), max(rates))]
    if arguments.epochs > 1:
        lines.append(line(f"{arguments.epochs} epochs", steps * tokens / sum(seconds), "tokens/s"))
    lines.append(line("peak memory", peak, "bytes"))
    lines += [line(f"gemm 1024 {p}", gemm_rate(PRECISIONS[p]), "operations/s") for p in PRECISIONS]
    return lines


def check(way):
    """All variants on the same weights and batch: the loss, and the norm of the draft's gradient, agree within rounding.

    The weights are larger than a new model's, so that laws differ and KL is not lost in the rounding of log-sum-exps.
    """
    worst = 0
    for precision, tolerance in (("f32", 1e-5), ("bf16", 2e-2)):
        expected = None
        for variant in ("published", "eager", "compile"):
            stage = Stage("tiny", variant, PRECISIONS[precision], way, spread=0.3)
            loss = stage.gradient(batch_of(stage.vocabulary, 3, 40, 7))
            norm = torch.linalg.vector_norm(torch.stack([p.grad.float().norm() for p in stage.learner.parameters]))
            found = (float(loss.detach()), float(norm))
            expected = expected or found
            off = max(abs(f - e) / abs(e) for f, e in zip(found, expected))
            worst = max(worst, off / tolerance)
            print(f"{precision:4} {variant:9} loss {found[0]:.8f}  gradient norm {found[1]:.8f}  off by {off:.1e} (at most {tolerance:.0e})")
    if not worst <= 1:
        sys.exit("the variants disagree")
    print("the variants agree")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", choices=("published", "eager", "compile"), default="published")
    parser.add_argument("--shape", choices=shapes.SHAPES, default="70m-31m")
    parser.add_argument("--batch", type=int, default=4, help="sequences")
    parser.add_argument("--length", type=int, default=128, help="tokens of a sequence")
    parser.add_argument("--precision", choices=PRECISIONS, default="f32")
    parser.add_argument("--draft", choices=("autocast", "copy"), default="autocast",
                        help="in bf16: how the draft is computed beside f32 master weights")
    parser.add_argument("--steps", type=int, default=5, help="measured steps of an epoch, each with a batch of its own")
    parser.add_argument("--warm-up", type=int, default=1, help="steps before them")
    parser.add_argument("--epochs", type=int, default=1, help="passes over these batches")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--output-json", metavar="F", help="where the results go as JSON; - is standard output")
    parser.add_argument("--check", action="store_true", help="compare the variants on a small shape and end")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.check:
        check(arguments.draft)
        return
    lines = measure(arguments)
    text = json.dumps(lines, indent=1)
    if arguments.output_json == "-":
        print(text)
        return
    for line in lines:
        value = f"{line['value']:.4g}" if line["value"] < 1e5 else f"{line['value']:.3e}"
        print(f"{line['name']:40} {line['shape']:24} {value:>10} {line['unit']:13} min {line['min']:.4g} max {line['max']:.4g}")
    print(lines[0]["device"], f"Python {platform.python_version()}", sep=", ")
    if arguments.output_json:
        with open(arguments.output_json, "w", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()

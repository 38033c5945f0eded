"""Golden values of learning rate schedules by transformers.

    python schedule_golden.py        (torch 2.13.0, transformers 5.18.0)

schedule.json   for each kind, number of steps and warm-up ratio: the warm-up steps of TrainingArguments.get_warmup_steps and the rate that every
                step's optimiser.step() sees with the highest rate 1. "constant" is transformers' constant_with_warmup where there is a warm-up.
"""

import json
import pathlib
import warnings

import torch
from transformers import TrainingArguments, get_scheduler

HERE = pathlib.Path(__file__).parent


def case(kind, steps, ratio):
    # transformers 5 reads a warmup_steps below 1 as a ratio; get_warmup_steps needs nothing else of the arguments.
    arguments = TrainingArguments.__new__(TrainingArguments)
    arguments.warmup_steps = ratio
    warmup = arguments.get_warmup_steps(steps) if ratio < 1 else steps
    name = "constant_with_warmup" if kind == "constant" and warmup > 0 else kind
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return {"kind": kind, "steps": steps, "ratio": ratio, "warmup_steps": warmup, "rates": rates}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    cases = [
        case(kind, steps, ratio)
        for kind in ["constant", "linear", "cosine"]
        for steps in [1, 2, 7, 30]
        for ratio in [0, 0.03, 0.1, 1 / 3, 0.5, 0.99, 1]
    ]
    # Products that rounding takes above or below a whole number: 100 * 0.07 and 100 * 0.29.
    cases += [case("linear", 100, 0.07), case("cosine", 100, 0.07), case("cosine", 100, 0.29)]
    (HERE / "schedule.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")

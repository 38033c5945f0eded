"""Golden values of training by PyTorch: selection, AdamW, and the gradient of a whole distillation step.

    python train_golden.py        (torch 2.13.0, transformers 5.18.0, safetensors, numpy; a processor)

select.json                     torch.quantile(gap, 1 - k) in f32 and how many gaps reach it, for many n and k. The gaps themselves are
                                lattice(case) below, which the test computes too: levels = 0 is a fine lattice, small levels give ties.
adamw.json                      parameters after ten steps of torch.optim.AdamW with clip_grad_norm_, matrices decaying and vectors not.
distill_gradient.safetensors    gradient by the draft of AdaSPEC's loss for target ../neox-parallel and draft ../neox-sequential-tied over the 64 ids
                                that they share, computed in f64. The reference is the draft with every matrix times 0.75.
distill.json                    the batch, per-token KLs and gaps, what is kept, the losses.
"""

import json
import pathlib

import numpy
import torch
from safetensors.torch import save_file
from transformers import GPTNeoXForCausalLM

HERE = pathlib.Path(__file__).parent


def lattice(n, levels, seed):
    """Integers of a linear congruential generator (Numerical Recipes) as f32 in [-1, 1)."""
    state, values = seed, []
    for _ in range(n):
        state = (1664525 * state + 1013904223) % 2**32
        top = state >> 8
        values.append((top % levels) / levels * 2 - 1 if levels else top / 2**23 - 1)
    return torch.tensor(values, dtype=torch.float32)


def select_cases():
    cases = []
    for n in [*range(1, 41), 63, 64, 65, 101, 127, 256, 1000, 1001, 4096, 9999, 65537, 300001]:
        for k in [0.4, 0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1 / 3, 0.999]:
            if n > 300 and k not in (0.4, 0.1, 0.6, 0.8, 0.9):
                continue
            for levels in [0, 7]:
                gap = lattice(n, levels, n)
                threshold = torch.quantile(gap, 1 - k)
                kept = gap >= threshold
                bits = int(numpy.array(threshold.item(), dtype=numpy.float32).view(numpy.int32))
                cases.append({"n": n, "k": k, "levels": levels, "threshold_bits": bits, "kept": int(kept.sum())})
    return cases


def adamw(sizes, clip):
    torch.manual_seed(3)
    matrix, vector = (torch.nn.Parameter(lattice(size, 0, 5 + i)) for i, size in enumerate(sizes))
    optimizer = torch.optim.AdamW(
        [{"params": [matrix], "weight_decay": 0.1}, {"params": [vector], "weight_decay": 0.0}], lr=3e-3, betas=(0.9, 0.999), eps=1e-8
    )
    norms, steps = [], []
    for step in range(1, 11):
        # Norms on both sides of the clip: the size of the gradient swings by a factor of 300.
        size = [1e-2, 1.0, 3.0, 1e-3, 0.1][step % 5]
        matrix.grad = lattice(sizes[0], 0, 100 + step) * size
        vector.grad = lattice(sizes[1], 0, 200 + step) * size
        norms.append(float(torch.nn.utils.clip_grad_norm_([matrix, vector], clip)))
        optimizer.step()
        if step in (1, 2, 10):
            steps.append({"step": step, "matrix": matrix.tolist(), "vector": vector.tolist()})
    return {"clip": clip, "lr": 3e-3, "weight_decay": 0.1, "norms": norms, "steps": steps}


def distill():
    sequences = [[5, 17, 3, 44, 60, 1, 2], [9, 12, 13], [33, 33, 12, 7, 50, 21, 8, 8, 40, 2, 63], [4, 4]]
    starts = [3, 1, 4, 2]  # the last sequence has no answer
    k, vocabulary = 0.4, 64

    def load(name):
        return GPTNeoXForCausalLM.from_pretrained(HERE.parent / name, dtype=torch.float64, attn_implementation="eager").eval()

    target, draft, reference = load("neox-parallel"), load("neox-sequential-tied"), load("neox-sequential-tied")
    with torch.no_grad():
        for parameter in reference.parameters():
            if parameter.dim() == 2:
                parameter.mul_(0.75)

    def laws(model):
        rows = []
        for ids, start in zip(sequences, starts):
            rows.append(model(torch.tensor([ids])).logits[0, start - 1 : len(ids) - 1, :vocabulary])
        return torch.log_softmax(torch.cat(rows), -1)

    with torch.no_grad():
        log_p, log_r = laws(target), laws(reference)
    log_q = laws(draft)
    p = log_p.exp()
    kl_draft = (p * (log_p - log_q)).sum(-1)
    kl_reference = (p * (log_p - log_r)).sum(-1)
    gap = (kl_draft - kl_reference).detach()
    kept = gap.float() >= torch.quantile(gap.float(), 1 - k)
    loss = kl_draft[kept].sum() / len(gap)
    loss.backward()
    save_file({key: value.grad.float().contiguous() for key, value in draft.named_parameters()}, HERE / "distill_gradient.safetensors")
    return {
        "sequences": sequences,
        "answer_starts": starts,
        "k": k,
        "vocabulary": vocabulary,
        "kl_draft": kl_draft.tolist(),
        "kl_reference": kl_reference.tolist(),
        "gap": gap.tolist(),
        "expected_acceptance": torch.minimum(p, log_q.exp()).sum(-1).mean().item(),
        "kept": kept.nonzero()[:, 0].tolist(),
        "loss_normalized_by_all": loss.item(),
        "loss_normalized_by_selected": kl_draft[kept].mean().item(),
    }


(HERE / "select.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in select_cases()) + "\n]\n")
(HERE / "adamw.json").write_text(json.dumps(adamw((96, 17), 1.0)) + "\n")
(HERE / "distill.json").write_text(json.dumps(distill(), indent=1) + "\n")

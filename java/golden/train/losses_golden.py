"""Golden values of every loss by PyTorch's autograd.

    python losses_golden.py        (torch 2.13.0; a processor)

losses.json   for each loss its value by row and its gradient by the draft's logits, in f64. The logits are lattice(..) of train_golden.py, four rows of
              19 ids, which the test computes too: target 4 * lattice(76, seed 11), draft 4 * lattice(76, seed 12); the fourth row of the draft is the
              target's with id 5 raised by 2. The targets of the cross entropy are the ids 3, 18, 0, 5.
"""

import json
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
ROWS, IDS = 4, 19
ETA, LEAST_ACCEPTANCE = 3.0, 1e-5


def lattice(n, seed):
    state, values = seed, []
    for _ in range(n):
        state = (1664525 * state + 1013904223) % 2**32
        values.append((state >> 8) / 2**23 - 1)
    return torch.tensor(values, dtype=torch.float32)


def kl(log_a, log_b):
    return torch.nn.functional.kl_div(log_b, log_a, reduction="none", log_target=True).sum(-1)


def jsd(log_p, log_q):
    log_m = ((log_p.exp() + log_q.exp()) / 2).log()
    return (kl(log_p, log_m) + kl(log_q, log_m)) / 2


def tv(log_p, log_q):
    return (log_p.exp() - log_q.exp()).abs().sum(-1) / 2


def acceptance(log_p, log_q):
    return torch.minimum(log_p.exp(), log_q.exp()).sum(-1)


def lk_hybrid(log_p, log_q):
    weight = torch.exp(-ETA * acceptance(log_p, log_q)).detach()
    return weight * kl(log_p, log_q) + (1 - weight) * tv(log_p, log_q)


LOSSES = {
    "kl_div": kl,
    "rkl": lambda log_p, log_q: kl(log_q, log_p),
    "jsd": jsd,
    "tv": tv,
    "nla": lambda log_p, log_q: -acceptance(log_p, log_q).clamp(min=LEAST_ACCEPTANCE).log(),
    "lk_hybrid": lk_hybrid,
}

target = (4 * lattice(ROWS * IDS, 11)).view(ROWS, IDS).double()
draft = (4 * lattice(ROWS * IDS, 12)).view(ROWS, IDS).double()
draft[3] = target[3]
draft[3, 5] += 2

golden = {}
for name, loss in [*LOSSES.items(), ("ce", None)]:
    logits = draft.clone().requires_grad_()
    if loss is None:
        values = torch.nn.functional.cross_entropy(logits, torch.tensor([3, 18, 0, 5]), reduction="none")
    else:
        values = loss(torch.log_softmax(target, -1), torch.log_softmax(logits, -1))
    values.sum().backward()
    golden[name] = {"loss": values.tolist(), "gradient": logits.grad.flatten().tolist()}

lines = [f'"{name}": {json.dumps(values)}' for name, values in golden.items()]
(HERE / "losses.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")

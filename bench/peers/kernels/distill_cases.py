"""The distillation step over logits: forward; forward, selection and gradient; KL and gradient of all rows; selection alone."""

import torch

import distill_peers
import own
from abi import TYPES
from cases import Case

K = 0.4


def logits(n, v, dtype, device, seed):
    generator = torch.Generator(device=device).manual_seed(seed)
    return [torch.randn(n, v, generator=generator, device=device, dtype=torch.float32).mul_(3).to(dtype) for _ in range(3)]


def all_rows_call(ops, t, d):
    """KL of every row with its gradient: in one operation where the header has it, else in two."""
    n, v = t.shape
    if "distill_forward_backward" not in ops.parameters:
        distill = own.Distill(ops, t, d, d)

        def two():
            distill.forward()
            distill.backward(None, n, 1.0 / n)

        return two
    out = {name: None for kind, name in ops.parameters["distill_forward_backward"] if kind == "float*"}
    out |= {name: torch.empty(n, device=t.device) for name in ("loss", "kl_draft", "target_lse", "draft_lse") if name in out}
    arguments = dict(dlogits=torch.empty_like(d), ld_dlogits=v, target=t, ld_target=v, draft=d, ld_draft=v, reference=None, ld_reference=0,
                     logits_type=TYPES[t.dtype], loss_kind=0, scale=1.0 / n, n=n, v=v)
    return ops.bind("distill_forward_backward", **out, **own.known(ops, "distill_forward_backward", **arguments))


def selection_peers():
    def quantile(s):
        gap = s[0]
        return lambda: torch.masked_select(gap, gap >= torch.quantile(gap, 1 - K))

    def topk(s):
        gap = s[0]
        return lambda: gap.topk(int(K * gap.shape[0]), sorted=False).indices

    return {"quantile + masked_select": quantile, "topk (other ties)": topk}


def selection(ops, gap):
    n = gap.shape[0]
    rows, kept, scratch = [torch.empty(m, dtype=t, device=gap.device) for m, t in ((n, torch.int32), (1, torch.int32), (n, torch.float32))]
    return ops.bind("select", kept_rows=rows, kept=kept, gap=gap, k=K, scratch=scratch, n=n, **own.known(ops, "select", rule=0))


def cases(ops, device):
    emulated = device == "cpu"
    shapes = [(5, 1003)] if emulated else [(8192, 50304), (8192, 151936)]
    for dtype, n, v in [(torch.bfloat16, n, v) for n, v in shapes] + [(torch.float32, *shapes[0])]:
        size = n * v * dtype.itemsize
        shape = f"{n} x {v} {str(dtype)[6:]}"

        def inputs(i, n=n, v=v, dtype=dtype):
            return logits(n, v, dtype, device, 100 + i)

        slow = 5
        yield Case("distill forward", shape, 3 * size, inputs, lambda s: own.Distill(ops, *s).forward,
                   {name: (lambda s, make=make: make(*s).forward) for name, make in distill_peers.PEERS.items()}, samples=slow)
        yield Case("forward, select, backward", shape, 3 * size + int(K * 3 * size), inputs, lambda s: (lambda o=own.Distill(ops, *s): o.step(K)),
                   {name: (lambda s, make=make: (lambda p=make(*s): p.step(K))) for name, make in distill_peers.PEERS.items()}, samples=slow)
        if dtype == torch.bfloat16:
            yield Case("KL and gradient, all rows", shape, 3 * size, inputs, lambda s: all_rows_call(ops, *s[:2]),
                       {name: (lambda s, make=make: make(*s[:2])) for name, make in distill_peers.ALL_ROWS.items()}, samples=slow)
    n = 64 if emulated else 8192
    yield Case("selection", f"{n}", 4 * n, lambda i: [torch.randn(n, device=device)], lambda s: selection(ops, s[0]), selection_peers())

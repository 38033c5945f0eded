"""The distillation step over logits, as others compute it: from three matrices of logits to what selection and backward need.

    published    AdaSPEC's published operations one by one (our writing of its compute_loss): masks over whole matrices, softmax, log_softmax,
                 KLDivLoss
    eager        written well: log-sum-exp form, no masks, no matrices of divergences that are kept
    compiled     eager under torch.compile, max-autotune without graphs, static shapes
    triton       one pass, tuned (triton_peers.py)

A peer is a class with forward() -> (kl, gap) and step(k) -> the gradient by the draft's logits; one instance a set of buffers.
"""

import torch
import torch.nn.functional as F

import triton_peers
from measure import Missing


class Published:
    def __init__(self, t, d, r):
        self.t, self.d, self.r = t, d, r
        self.answers = torch.ones(t.shape[0], dtype=torch.bool, device=t.device).unsqueeze(-1)

    def _divergences(self, d):
        width = d.shape[-1]
        rows = [torch.masked_select(x.contiguous(), mask=self.answers).view(-1, width) for x in (self.t, d, self.r)]
        t, d, r = [x.float() for x in rows]
        divergence = torch.nn.KLDivLoss(reduction="none")
        p = F.softmax(t, dim=-1)
        kl_draft = divergence(F.log_softmax(d, dim=-1), p)
        kl_reference = divergence(F.log_softmax(r, dim=-1), p)
        kl_draft, kl_reference = kl_draft.sum(dim=-1), kl_reference.sum(dim=-1)
        return kl_draft, kl_draft - kl_reference

    def forward(self):
        with torch.no_grad():
            return self._divergences(self.d)

    def step(self, k):
        d = self.d.detach().requires_grad_()
        kl, gap = self._divergences(d)
        kept = gap >= torch.quantile(gap, 1 - k, dim=0, keepdim=True)
        (torch.masked_select(kl, mask=kept).sum() / self.answers.sum()).backward()
        return d.grad


def statistics(t, d, r):
    t, d, r = t.float(), d.float(), r.float()
    lt, ld, lr = torch.logsumexp(t, -1), torch.logsumexp(d, -1), torch.logsumexp(r, -1)
    p = torch.exp(t - lt.unsqueeze(-1))
    kl = (p * (t - d)).sum(-1) - lt + ld
    gap = (p * (r - d)).sum(-1) + ld - lr
    return kl, gap, lt, ld


def gradient(t, d, lt, ld, rows, scale):
    t, d = t.index_select(0, rows).float(), d.index_select(0, rows).float()
    lt, ld = lt.index_select(0, rows).unsqueeze(-1), ld.index_select(0, rows).unsqueeze(-1)
    return scale * (torch.exp(d - ld) - torch.exp(t - lt))


def all_rows(t, d, scale):
    """KL of every row and its gradient, in the logits' type."""
    x, y = t.float(), d.float()
    lt, ld = torch.logsumexp(x, -1, keepdim=True), torch.logsumexp(y, -1, keepdim=True)
    p = torch.exp(x - lt)
    kl = (p * (x - y)).sum(-1) - (lt - ld).squeeze(-1)
    return kl, (scale * (torch.exp(y - ld) - p)).to(d.dtype)


def kept_rows(gap, k):
    return torch.nonzero(gap >= torch.quantile(gap, 1 - k)).squeeze(-1)


class Eager:
    """The gradient of the kept rows alone, compact, in the logits' type."""

    functions = {"statistics": statistics, "gradient": lambda *a: gradient(*a).to(a[1].dtype)}

    def __init__(self, t, d, r):
        self.t, self.d, self.r = t, d, r

    def forward(self):
        return self.functions["statistics"](self.t, self.d, self.r)

    def step(self, k):
        _, gap, lt, ld = self.forward()
        rows = kept_rows(gap, k)
        return self.functions["gradient"](self.t, self.d, lt, ld, rows, 1.0 / gap.shape[0])


def compiled(function):
    """Without a device (the emulated library) the function itself: its sizes there are no measurement, and its compilation takes long."""
    return torch.compile(function, mode="max-autotune-no-cudagraphs", dynamic=False) if torch.cuda.is_available() else function


class Compiled(Eager):
    """All tensors of one shape: what is compiled is compiled once (the number of kept rows is that of k, but for ties)."""

    functions = {name: compiled(function) for name, function in Eager.functions.items()}


class Triton:
    def __init__(self, t, d, r):
        if triton_peers.FORWARD is None:
            raise Missing("there is no Triton, or no device for it")
        self.t, self.d, self.r = t, d, r
        self.outputs = [torch.empty(t.shape[0], device=t.device) for _ in range(4)]

    def forward(self):
        triton_peers.FORWARD(*self.outputs, self.t, self.d, self.r)
        return self.outputs

    def step(self, k):
        kl, gap, lt, ld = self.forward()
        rows = kept_rows(gap, k)
        out = torch.empty(rows.shape[0], self.t.shape[1], dtype=self.d.dtype, device=self.t.device)
        triton_peers.BACKWARD(out, self.t, self.d, lt, ld, rows, 1.0 / gap.shape[0])
        return out


PEERS = {"published": Published, "eager": Eager, "torch.compile": Compiled, "triton": Triton}


class TritonAllRows:
    def __init__(self, t, d):
        if triton_peers.ALL_ROWS is None:
            raise Missing("there is no Triton, or no device for it")
        self.t, self.d = t, d
        self.loss, self.out = torch.empty(t.shape[0], device=t.device), torch.empty_like(d)

    def __call__(self):
        triton_peers.ALL_ROWS(self.loss, self.out, self.t, self.d, 1.0 / self.t.shape[0])
        return self.loss, self.out


ALL_ROWS = {
    "eager": lambda t, d: lambda: all_rows(t, d, 1.0 / t.shape[0]),
    "torch.compile": lambda t, d, f=compiled(all_rows): lambda: f(t, d, 1.0 / t.shape[0]),
    "triton": TritonAllRows,
}

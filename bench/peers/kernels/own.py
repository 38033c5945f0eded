"""Our own operations as calls on tensors: what the comparisons and the timings of this folder share."""

import math

import torch

from abi import TYPES


def known(ops, name, **arguments):
    """Those of the arguments that the header's function has."""
    names = {parameter for _, parameter in ops.parameters[name]}
    return {key: value for key, value in arguments.items() if key in names}


class Distill:
    """forward() -> statistics, step(k) -> the compact gradient of the kept rows. Buffers are made once, as an engine does."""

    def __init__(self, ops, t, d, r, loss=0):
        self.ops, self.t, self.d, self.r, self.loss_kind = ops, t, d, r, loss
        n, v = t.shape
        self.n, self.v = n, v
        names = ["loss", "mean_slope", "kl_draft", "kl_ref", "gap", "acceptance", "entropy", "target_lse", "draft_lse"]
        self.out = {name: torch.empty(n, device=t.device) for name in names}
        # What the step needs, and no more: null outputs are not made.
        needed = {name: self.out[name] if name in ("kl_draft", "gap", "target_lse", "draft_lse") else None for name in names}
        logits = self.logits = dict(target=t, ld_target=t.stride(0), draft=d, ld_draft=d.stride(0), logits_type=TYPES[t.dtype])
        reference = dict(reference=r, ld_reference=r.stride(0))
        self._forward = ops.bind("distill_forward", **needed, **logits, **reference, loss_kind=loss, n=n, v=v)
        self._all = ops.bind("distill_forward", **self.out, **logits, **reference, loss_kind=loss, n=n, v=v)
        self.kept_rows = torch.empty(n, dtype=torch.int32, device=t.device)
        self.kept = torch.empty(1, dtype=torch.int32, device=t.device)
        # Without a rule that it could name, select keeps as torch.quantile does.
        scratch = torch.empty(n, device=t.device)
        self._select = ops.bind("select", kept_rows=self.kept_rows, kept=self.kept, gap=self.out["gap"], k=0.0, scratch=scratch, n=n,
                                **known(ops, "select", rule=0))
        self.dlogits = None

    def forward(self):
        self._forward()
        return self.out["kl_draft"], self.out["gap"], self.out["target_lse"], self.out["draft_lse"]

    def statistics(self):
        self._all()
        return self.out

    def select(self, k):
        self._select.change(k=k)
        self._select()
        return int(self.kept)

    def backward(self, rows, count, scale):
        if self.dlogits is None or self.dlogits.shape[0] < count or self.rows is not rows:
            self.rows, self.dlogits = rows, torch.empty(count, self.v, dtype=self.d.dtype, device=self.d.device)
            self._backward = self.ops.bind(
                "distill_backward", dlogits=self.dlogits, ld_dlogits=self.v, **self.logits, target_lse=self.out["target_lse"],
                draft_lse=self.out["draft_lse"], mean_slope=self.out["mean_slope"], acceptance=self.out["acceptance"], rows=rows,
                loss_kind=self.loss_kind, scale=scale, k=count, v=self.v)
        self._backward.change(scale=scale, k=count)
        self._backward()
        return self.dlogits[:count]

    def step(self, k):
        self.forward()
        return self.backward(self.kept_rows, self.select(k), 1.0 / self.n)


class Verify:
    """b drafts of g tokens each, all of one law; __call__() -> (accepted, next)."""

    def __init__(self, ops, target, draft, tokens, temperature, top_k, top_p, verification=0):
        b, g = tokens.shape
        v = target.shape[-1]
        self.accepted = torch.empty(b, dtype=torch.int32, device=target.device)
        self.next = torch.empty(b, dtype=torch.int32, device=target.device)
        self.draws = ops.draws(target.device, sequence=list(range(b)), seed=11, position=100, temperature=temperature, top_k=top_k, top_p=top_p)
        self.arguments = dict(
            accepted=self.accepted, next=self.next, target=target, ld_target=v, first_rows=None, draft=draft, ld_draft=v, draft_tokens=tokens,
            draft_lengths=torch.full((b,), g, dtype=torch.int32, device=target.device), draws=self.draws, verification=verification, one_hot_draft=0,
            b=b, g=g, v=v, **known(ops, "verify", logits_type=TYPES[target.dtype], accepted_at=None))
        self.ops = ops
        self.call = self.bind()

    def bind(self):
        """The call on the stream that is PyTorch's now."""
        return self.ops.bind("verify", **self.arguments)

    def __call__(self):
        self.call()
        return self.accepted, self.next


def head_layout(ops, heads, kv_heads, dim):
    """Rows of queries, keys, values, each of them heads one after the other."""
    width = (heads + 2 * kv_heads) * dim
    return ops.structs["adaspec_head_layout"](heads, kv_heads, dim, 0, heads * dim, (heads + kv_heads) * dim, dim, dim, width)


def scale_of(dim):
    return 1 / math.sqrt(dim)

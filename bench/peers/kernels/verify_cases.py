"""Verification of b drafts of five tokens: as called, as a CUDA graph, with cold and with warm caches."""

import torch

import own
import verify_peers
from cases import Case

G = 5
LAWS = {"greedy": (0.0, 0, 1.0), "T = 1": (1.0, 0, 1.0), "top-k 50": (1.0, 50, 1.0), "top-p 0.9": (1.0, 0, 0.9)}
# The pipeline under torch.compile takes a compilation a shape and law.
COMPILED = {(1, "T = 1"), (64, "greedy"), (64, "T = 1"), (64, "top-p 0.9")}


def inputs(b, v, dtype, device, seed):
    """Logits of the target, of a draft near it, and tokens of which most are accepted."""
    generator = torch.Generator(device=device).manual_seed(seed)
    target = torch.randn(b, G + 1, v, generator=generator, device=device).mul_(3)
    draft = target[:, :G] + torch.randn(b, G, v, generator=generator, device=device)
    tokens = draft.argmax(-1).int()
    return target.to(dtype), draft.to(dtype).contiguous(), tokens.contiguous()


def logits_type(ops):
    """bf16 where the header takes it."""
    return torch.bfloat16 if any(name == "logits_type" for _, name in ops.parameters["verify"]) else torch.float32


def cases(ops, device):
    emulated = device == "cpu"
    dtype = logits_type(ops)
    for v in [1003] if emulated else [50304, 151936]:
        # The sizes that have a bar first: time may be short.
        for b in [2] if emulated else [1, 64, 16, 256, 4]:
            for law, values in LAWS.items():
                # The target's rows, and where a token is rejected one row of the draft.
                floor = b * (G + 1 + (law != "greedy")) * v * dtype.itemsize

                def peer(name, values=values):
                    return lambda s: verify_peers.calls(*s, *values)[name]

                names = ["vllm-like"] if law == "greedy" else ["vllm-like", "vllm-like, draft's law given"]
                if v == 50304 and (b, law) in COMPILED or emulated:
                    names.append("compiled")
                yield Case(
                    "verify", f"b {b} g {G} v {v} {law} {str(dtype)[6:]}", floor, lambda i, b=b, v=v: inputs(b, v, dtype, device, i),
                    lambda s, values=values: own.Verify(ops, *s, *values), {name: peer(name) for name in names}, graph=True)

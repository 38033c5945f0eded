"""Verification of drafts as others do it, on the same logits.

    vllm-like    the algorithm of vLLM's V1 rejection sampler (our writing, eager): f32 copies divided by the temperature, top-k and top-p by sorting,
                 softmax to whole probability matrices, exponential noise, a recovered token for every draft position
    compiled     the same pipeline under torch.compile

Target (b, g + 1, v), draft (b, g, v) logits, tokens (b, g). What they emit has the law of our own, not the same tokens: the noise is theirs.
"""

import torch

from distill_peers import compiled


def warp(x, temperature, top_k, top_p):
    """Logits in f32, with -inf where top-k and top-p drop; as vLLM's apply_top_k_top_p, by one sort."""
    x = x.float() / temperature
    if top_k == 0 and top_p == 1:
        return x
    ordered, where = x.sort(dim=-1, descending=False)
    if top_k > 0:
        bound = ordered[..., ordered.shape[-1] - top_k].unsqueeze(-1)
        ordered = ordered.masked_fill(ordered < bound, float("-inf"))
    if top_p < 1:
        mass = ordered.softmax(dim=-1).cumsum(dim=-1)
        dropped = mass <= 1 - top_p
        dropped[..., -1] = False
        ordered = ordered.masked_fill(dropped, float("-inf"))
    return torch.empty_like(x).scatter_(-1, where, ordered)


def greedy(target, tokens):
    best = target.argmax(dim=-1)
    accepted = (best[:, :-1] == tokens).int().cumprod(dim=1).sum(dim=1)
    return accepted, best.gather(1, accepted.unsqueeze(1).long()).squeeze(1)


def sampled(target, q, tokens, temperature, top_k, top_p):
    """q (b, g, v): the draft's probabilities, as its own sampling left them."""
    p = warp(target, temperature, top_k, top_p).softmax(dim=-1)
    at = tokens.unsqueeze(-1).long()
    u = torch.rand(tokens.shape, device=tokens.device, dtype=torch.float64)
    passes = u * q.gather(-1, at).squeeze(-1) < p[:, :-1].gather(-1, at).squeeze(-1)
    accepted = passes.int().cumprod(dim=1).sum(dim=1)
    noise = torch.empty_like(p).exponential_()
    left = torch.cat([(p[:, :-1] - q).clamp_(min=0), p[:, -1:]], dim=1)
    recovered = (left / noise).argmax(dim=-1)
    return accepted, recovered.gather(1, accepted.unsqueeze(1)).squeeze(1)


def from_logits(target, draft, tokens, temperature, top_k, top_p):
    return sampled(target, warp(draft, temperature, top_k, top_p).softmax(dim=-1), tokens, temperature, top_k, top_p)


COMPILED = {greedy: compiled(greedy), sampled: compiled(sampled), from_logits: compiled(from_logits)}


def calls(target, draft, tokens, temperature, top_k, top_p):
    """{name: a call with the same inputs as ours}, and the peer that is given the draft's probabilities for nothing."""
    if temperature == 0:
        return {"vllm-like": lambda: greedy(target, tokens), "compiled": lambda: COMPILED[greedy](target, tokens)}
    law = (temperature, top_k, top_p)
    q = warp(draft, *law).softmax(dim=-1)
    return {
        "vllm-like": lambda: from_logits(target, draft, tokens, *law),
        "vllm-like, draft's law given": lambda: sampled(target, q, tokens, *law),
        "compiled": lambda: COMPILED[from_logits](target, draft, tokens, *law),
    }

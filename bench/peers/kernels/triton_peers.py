"""Tuned Triton kernels of the same operations, of our writing: what a good author gets without CUDA. None where there is no Triton.

    forward     one pass over target, draft and reference: online softmax of each, KL of draft and of reference
    backward    gradient of chosen rows from the forward's statistics
    all_rows    KL and gradient of every row, reading a row twice
"""

import os

import torch

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

try:
    if not INTERPRETED and not torch.cuda.is_available():
        raise ImportError("Triton needs a device")
    import triton
    import triton.language as tl
except ImportError:
    triton = None

FORWARD = BACKWARD = ALL_ROWS = READ_SUM = None

if triton is not None:
    # TRITON_INTERPRET=1 runs these kernels on a processor, where there is nothing to tune.
    TUNED = [(1024, 4, 2), (1024, 4, 4), (2048, 4, 2), (2048, 8, 3), (4096, 8, 2), (4096, 8, 3), (4096, 16, 2), (8192, 8, 1), (8192, 16, 2),
             (16384, 32, 1)]
    CONFIGS = [triton.Config({"BLOCK": block}, num_warps=warps, num_stages=stages) for block, warps, stages in TUNED[: 1 if INTERPRETED else None]]

    @triton.jit
    def _online(x, largest, total):
        """The running maximum and sum of exponentials, and the factor by which older sums shrink."""
        new = tl.maximum(largest, tl.max(x, 0))
        base = tl.where(new == float("-inf"), 0.0, new)
        shrink = tl.exp(largest - base)
        return new, base, shrink, total * shrink + tl.sum(tl.exp(x - base), 0)

    @triton.autotune(configs=CONFIGS, key=["v"])
    @triton.jit
    def _forward(kl, gap, target_lse, draft_lse, t, d, r, v, BLOCK: tl.constexpr):
        row = tl.program_id(0).to(tl.int64) * v
        mt = float("-inf")
        md = float("-inf")
        mr = float("-inf")
        st = 0.0
        sd = 0.0
        sr = 0.0
        ad = 0.0
        ar = 0.0
        for start in range(0, v, BLOCK):
            at = start + tl.arange(0, BLOCK)
            inside = at < v
            x = tl.load(t + row + at, mask=inside, other=float("-inf"), eviction_policy="evict_first").to(tl.float32)
            y = tl.load(d + row + at, mask=inside, other=float("-inf"), eviction_policy="evict_first").to(tl.float32)
            z = tl.load(r + row + at, mask=inside, other=float("-inf"), eviction_policy="evict_first").to(tl.float32)
            mt, base, shrink, st = _online(x, mt, st)
            weight = tl.exp(x - base)
            ad = ad * shrink + tl.sum(tl.where(inside & (weight > 0), weight * (x - y), 0.0), 0)
            ar = ar * shrink + tl.sum(tl.where(inside & (weight > 0), weight * (x - z), 0.0), 0)
            md, _, _, sd = _online(y, md, sd)
            mr, _, _, sr = _online(z, mr, sr)
        lt = mt + tl.log(st)
        ld = md + tl.log(sd)
        lr = mr + tl.log(sr)
        i = tl.program_id(0)
        tl.store(kl + i, ad / st - lt + ld)
        tl.store(gap + i, (ad - ar) / st + ld - lr)
        tl.store(target_lse + i, lt)
        tl.store(draft_lse + i, ld)

    @triton.autotune(configs=CONFIGS, key=["v"])
    @triton.jit
    def _backward(out, t, d, target_lse, draft_lse, rows, scale, v, BLOCK: tl.constexpr):
        i = tl.program_id(0).to(tl.int64)
        row = tl.load(rows + i).to(tl.int64)
        lt = tl.load(target_lse + row)
        ld = tl.load(draft_lse + row)
        for start in range(0, v, BLOCK):
            at = start + tl.arange(0, BLOCK)
            inside = at < v
            p = tl.exp(tl.load(t + row * v + at, mask=inside, other=0.0).to(tl.float32) - lt)
            q = tl.exp(tl.load(d + row * v + at, mask=inside, other=0.0).to(tl.float32) - ld)
            tl.store(out + i * v + at, (scale * (q - p)).to(out.dtype.element_ty), mask=inside)

    @triton.autotune(configs=CONFIGS, key=["v"])
    @triton.jit
    def _all_rows(loss, out, t, d, scale, v, BLOCK: tl.constexpr):
        i = tl.program_id(0).to(tl.int64)
        row = i * v
        mt = float("-inf")
        md = float("-inf")
        st = 0.0
        sd = 0.0
        ad = 0.0
        for start in range(0, v, BLOCK):
            at = start + tl.arange(0, BLOCK)
            inside = at < v
            x = tl.load(t + row + at, mask=inside, other=float("-inf"), eviction_policy="evict_last").to(tl.float32)
            y = tl.load(d + row + at, mask=inside, other=float("-inf"), eviction_policy="evict_last").to(tl.float32)
            mt, base, shrink, st = _online(x, mt, st)
            weight = tl.exp(x - base)
            ad = ad * shrink + tl.sum(tl.where(inside & (weight > 0), weight * (x - y), 0.0), 0)
            md, _, _, sd = _online(y, md, sd)
        lt = mt + tl.log(st)
        ld = md + tl.log(sd)
        tl.store(loss + i, ad / st - lt + ld)
        for start in range(0, v, BLOCK):
            at = start + tl.arange(0, BLOCK)
            inside = at < v
            p = tl.exp(tl.load(t + row + at, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32) - lt)
            q = tl.exp(tl.load(d + row + at, mask=inside, other=0.0, eviction_policy="evict_first").to(tl.float32) - ld)
            tl.store(out + row + at, (scale * (q - p)).to(out.dtype.element_ty), mask=inside)

    @triton.autotune(configs=CONFIGS, key=["n"])
    @triton.jit
    def _read_sum(out, x, n, BLOCK: tl.constexpr):
        program = tl.program_id(0).to(tl.int64)
        programs = tl.num_programs(0)
        total = tl.zeros((BLOCK,), tl.float32)
        for start in range(program * BLOCK, n, programs * BLOCK):
            at = start + tl.arange(0, BLOCK)
            total += tl.load(x + at, mask=at < n, other=0.0, eviction_policy="evict_first")
        tl.store(out + program, tl.sum(total, 0))

    def FORWARD(kl, gap, target_lse, draft_lse, t, d, r):
        _forward[(t.shape[0],)](kl, gap, target_lse, draft_lse, t, d, r, t.shape[1])

    def BACKWARD(out, t, d, target_lse, draft_lse, rows, scale):
        _backward[(out.shape[0],)](out, t, d, target_lse, draft_lse, rows, scale, t.shape[1])

    def ALL_ROWS(loss, out, t, d, scale):
        _all_rows[(t.shape[0],)](loss, out, t, d, scale, t.shape[1])

    def READ_SUM(x):
        programs = torch.cuda.get_device_properties(x.device).multi_processor_count * 4 if x.is_cuda else 2
        out = torch.empty(programs, device=x.device)
        _read_sum[(programs,)](out, x, x.numel())
        return out

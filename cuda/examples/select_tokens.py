"""The C example's work on PyTorch tensors: python select_tokens.py libadaspec_cuda.so (or libadaspec_cpu.so, with tensors of the processor)."""

import ctypes
import sys

import torch

library = ctypes.CDLL(sys.argv[1])
library.adaspec_last_error.restype = library.adaspec_backend.restype = ctypes.c_char_p
P, I, L, F = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64, ctypes.c_float
library.adaspec_distill_forward.argtypes = [P] * 9 + [P, L] * 3 + [I, I, L, L, P]
library.adaspec_distill_backward.argtypes = [P, L] * 3 + [I] + [P] * 5 + [I, F, L, L, P]
F32, KL_DIV = 0, 0

device = "cuda" if library.adaspec_backend().startswith(b"cuda sm") else "cpu"
stream = torch.cuda.current_stream().cuda_stream if device == "cuda" else None


def call(function, *arguments):
    if function(*[a.data_ptr() if isinstance(a, torch.Tensor) else a for a in arguments]) != 0:
        raise RuntimeError(library.adaspec_last_error().decode())


n, v = 5, 1000
i = torch.arange(n * v, dtype=torch.float32, device=device).view(n, v)
target = 3 * torch.sin(0.7 * i)
draft = target + torch.tensor([[0.1], [0.9], [0.3], [0.7], [0.5]], device=device) * torch.cos(1.3 * i)
reference = target + 0.2 * torch.cos(1.1 * i)

kl, gap, target_lse, draft_lse = torch.empty(4, n, device=device)
call(library.adaspec_distill_forward, None, None, kl, None, gap, None, None, target_lse, draft_lse, target, v, draft, v, reference, v, F32, KL_DIV, n,
     v, stream)
rows = torch.nonzero(gap >= gap.quantile(0.6)).squeeze(1).int()
gradient = torch.empty(len(rows), v, device=device)
call(library.adaspec_distill_backward, gradient, v, target, v, draft, v, F32, target_lse, draft_lse, None, None, rows, KL_DIV, 1 / len(rows),
     len(rows), v, stream)

# The same by PyTorch.
p = target.softmax(-1)
log_q, log_r = draft.log_softmax(-1), reference.log_softmax(-1)
torch.testing.assert_close(gap, (p * (log_r - log_q)).sum(-1), atol=1e-5, rtol=1e-5)
torch.testing.assert_close(gradient, ((log_q.exp() - p) / len(rows))[rows.long()], atol=1e-6, rtol=1e-5)
print(f"{library.adaspec_backend().decode()}: kept {len(rows)} of {n} rows: {rows.tolist()}")

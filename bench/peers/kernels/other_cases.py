"""The other operations beside PyTorch's: norms, cross entropy, AdamW, embedding, attention, products by row."""

import torch
import torch.nn.functional as F

import own
from abi import TYPES
from cases import Case
from distill_peers import compiled


def normal(*shape, device, dtype=torch.float32):
    return torch.randn(*shape, device=device).to(dtype)


def norms(ops, device, n, c):
    def inputs(i):
        return [normal(n, c, device=device), torch.ones(c, device=device), torch.zeros(c, device=device)]

    def rms(s):
        out, rstd = torch.empty_like(s[0]), torch.empty(n, device=device)
        return ops.bind("rmsnorm_forward", out=out, rstd=rstd, x=s[0], gain=s[1], eps=1e-5, n=n, c=c)

    def layer(s):
        out, mean, rstd = torch.empty_like(s[0]), torch.empty(n, device=device), torch.empty(n, device=device)
        return ops.bind("layernorm_forward", out=out, mean=mean, rstd=rstd, x=s[0], gain=s[1], bias=s[2], eps=1e-5, n=n, c=c)

    rms_compiled = compiled(lambda *a: F.rms_norm(*a))
    layer_compiled = compiled(lambda *a: F.layer_norm(*a))
    yield Case("rms norm", f"{n} x {c} f32", 8 * n * c, inputs, rms, {
        "torch": lambda s: lambda: F.rms_norm(s[0], (c,), s[1], 1e-5),
        "torch.compile": lambda s: lambda: rms_compiled(s[0], (c,), s[1], 1e-5)})
    yield Case("layer norm", f"{n} x {c} f32", 8 * n * c, inputs, layer, {
        "torch": lambda s: lambda: F.layer_norm(s[0], (c,), s[1], s[2], 1e-5),
        "torch.compile": lambda s: lambda: layer_compiled(s[0], (c,), s[1], s[2], 1e-5)})


def cross_entropy(ops, device, n, v):
    def inputs(i):
        return [normal(n, v, device=device), torch.randint(v, (n,), device=device)]

    def ours(s):
        loss, lse, grad = torch.empty(n, device=device), torch.empty(n, device=device), torch.empty_like(s[0])
        targets = s[1].int()
        forward = ops.bind("cross_entropy_forward", loss=loss, lse=lse, targets=targets,
                           **own.known(ops, "cross_entropy_forward", logits=s[0], ld_logits=v, logits_type=0, n=n, v=v))
        backward = ops.bind("cross_entropy_backward", dlogits=grad, ld_dlogits=v, lse=lse, targets=targets, scale=1.0 / n,
                            **own.known(ops, "cross_entropy_backward", logits=s[0], ld_logits=v, logits_type=0, n=n, v=v))
        return lambda: (forward(), backward())

    def torch_peer(function):
        def make(s):
            x = s[0].detach().requires_grad_()

            def call():
                x.grad = None
                function(x, s[1]).backward()

            return call

        return make

    yield Case("cross entropy and gradient", f"{n} x {v} f32", 3 * 4 * n * v, inputs, ours,
               {"torch": torch_peer(F.cross_entropy), "torch.compile": torch_peer(compiled(lambda x, y: F.cross_entropy(x, y)))}, samples=7)


def adamw(ops, device, n):
    values = dict(lr=1e-3, eps=1e-8, weight_decay=0.1)

    def inputs(i):
        return [normal(n, device=device) for _ in range(2)] + [torch.zeros(n, device=device) for _ in range(2)]

    def fused(s):
        parameter = torch.nn.Parameter(s[0].clone())
        parameter.grad = s[1]
        return torch.optim.AdamW([parameter], betas=(0.9, 0.999), fused=True, **values).step

    yield Case("AdamW", f"{n} f32", 7 * 4 * n, inputs, lambda s: ops.bind(
        "adamw", param=s[0], grad=s[1], m=s[2], v=s[3], grad_scale=1.0, beta1=0.9, beta2=0.999, step=3, n=n, **values), {"torch fused": fused})


def embedding(ops, device, n, c, v):
    def inputs(i):
        return [normal(v, c, device=device, dtype=torch.bfloat16), torch.randint(v, (n,), device=device, dtype=torch.int32)]

    def ours(s):
        out = torch.empty(n, c, device=device)
        return ops.bind("embedding_forward", out=out, table=s[0], table_type=TYPES[torch.bfloat16], ids=s[1], n=n, c=c, v=v)

    yield Case("embedding", f"{n} of {v} x {c} bf16 to f32", 6 * n * c, inputs, ours, {"torch": lambda s: lambda: F.embedding(s[1], s[0]).float()})


def attention(ops, device, n, heads, dim):
    layout = own.head_layout(ops, heads, heads, dim)

    def inputs(i):
        return [normal(n, 3 * heads * dim, device=device)]

    def ours(s):
        out, lse = torch.empty(n, heads * dim, device=device), torch.empty(n, heads, device=device)
        starts = torch.tensor([0, n], dtype=torch.int32, device=device)
        return ops.bind("attention_forward", out=out, lse=lse, qkv=s[0], layout=layout, starts=starts, sequences=1, scale=own.scale_of(dim), n=n)

    def sdpa(dtype):
        def make(s):
            q, k, v = [x.reshape(1, n, heads, dim).transpose(1, 2).to(dtype).contiguous() for x in s[0].split(heads * dim, 1)]
            return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=True)

        return make

    yield Case("causal attention", f"{n} rows {heads} heads of {dim} f32", 4 * 4 * n * heads * dim, inputs, ours,
               {"torch SDPA f32": sdpa(torch.float32), "torch SDPA bf16": sdpa(torch.bfloat16)}, samples=7)


def products(ops, device, n, k, sizes):
    def ours(m):
        def make(s):
            out = torch.empty(m, n, device=device)
            return ops.bind("linear_rows", out=out, ld_out=n, x=s[0], ld_x=k, weight=s[1], weight_type=TYPES[torch.bfloat16], ld_weight=k, bias=None,
                            m=m, n=n, k=k)
        return make

    def torch_bf16(s):
        x = s[0].bfloat16()
        return lambda: F.linear(x, s[1])

    for m in sizes:
        def inputs(i, m=m):
            return [normal(m, k, device=device), normal(n, k, device=device, dtype=torch.bfloat16)]

        yield Case("linear by rows", f"{m} x {k} x {n} bf16 weights", 2 * n * k + 4 * m * (n + k), inputs, ours(m), {"torch bf16 matmul": torch_bf16})


def cases(ops, device):
    if device == "cpu":
        sizes = [norms(ops, device, 5, 257), cross_entropy(ops, device, 3, 513), adamw(ops, device, 1001), embedding(ops, device, 7, 65, 33),
                 attention(ops, device, 33, 2, 16), products(ops, device, 33, 65, [1, 5])]
    else:
        sizes = [norms(ops, device, 8192, 2048), cross_entropy(ops, device, 8192, 50304), adamw(ops, device, 31 << 20),
                 embedding(ops, device, 8192, 2048, 50304), attention(ops, device, 2048, 16, 128),
                 products(ops, device, 8192, 2048, [1, 2, 4, 8, 16, 32, 64, 128, 256])]
    for group in sizes:
        yield from group

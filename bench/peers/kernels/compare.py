"""Compares every operation that PyTorch has with PyTorch in float64, on the same device and the same inputs.

    compare.py --library LIBRARY --header HEADER [--emulated]

A line an operation: the largest error over its bound, which is in units of the result's own size (bf16 results: of a rounding to bf16). Exits with 1
where one is passed. Sizes are larger than those of the native tests, which cover edges.
"""

import argparse
import sys

import torch
import torch.nn.functional as F

import abi
import distill_peers
import own
import verify_cases
import verify_peers
from abi import TYPES
from measure import Missing

RESULTS = []


def close(what, got, want, absolute, relative):
    got, want = got.double(), want.double()
    same = (got == want) | (got.isnan() & want.isnan())
    share = ((got - want).abs() / (absolute + relative * want.abs())).masked_fill(same, 0).nan_to_num(nan=float("inf"))
    worst = share.max().item() if share.numel() else 0.0
    RESULTS.append(worst <= 1)
    print(f"{what:<56} {worst:8.3f} of the bound{'' if worst <= 1 else '   FAILED'}", flush=True)


def equal(what, got, want):
    same = got.shape == want.shape and bool((got == want).all())
    RESULTS.append(same)
    print(f"{what:<56} {'equal' if same else 'DIFFERS   FAILED'}", flush=True)


class Compare:
    def __init__(self, ops, device):
        self.ops, self.device, self.small = ops, device, device == "cpu"
        self.generator = torch.Generator(device=device).manual_seed(1)

    def size(self, large, small):
        return small if self.small else large

    def normal(self, *shape, scale=1.0, dtype=torch.float32):
        return torch.randn(*shape, generator=self.generator, device=self.device).mul(scale).to(dtype)

    def empty(self, *shape, dtype=torch.float32):
        return torch.full(shape, float("nan") if dtype.is_floating_point else -1, dtype=dtype, device=self.device)

    def ids(self, limit, *shape):
        return torch.randint(limit, shape, generator=self.generator, device=self.device, dtype=torch.int32)

    def with_gradient(self, function, inputs, dout):
        """The result in float64 and the inputs' gradients."""
        inputs = [x.double().requires_grad_() for x in inputs]
        out = function(*inputs)
        out.backward(dout.double())
        return out.detach(), [x.grad for x in inputs]

    def norms(self):
        n, c = self.size(4096, 5), self.size(2048, 257)
        x, gain, bias, dout = self.normal(n, c), self.normal(c), self.normal(c), self.normal(n, c)
        out, mean, rstd = self.empty(n, c), self.empty(n), self.empty(n)
        dx, dgain, dbias = torch.zeros_like(x), torch.zeros_like(gain), torch.zeros_like(bias)
        self.ops.layernorm_forward(out=out, mean=mean, rstd=rstd, x=x, gain=gain, bias=bias, eps=1e-5, n=n, c=c)
        self.ops.layernorm_backward(dx=dx, dgain=dgain, dbias=dbias, dout=dout, x=x, mean=mean, rstd=rstd, gain=gain, n=n, c=c)
        want, gradients = self.with_gradient(lambda a, g, b: F.layer_norm(a, (c,), g, b, 1e-5), [x, gain, bias], dout)
        close("layer norm", out, want, 3e-6, 1e-6)
        for what, got, w in zip(("x", "gain", "bias"), (dx, dgain, dbias), gradients):
            close(f"layer norm, gradient by {what}", got, w, 2e-5 if what == "x" else 3e-6 * n ** 0.5, 2e-6)
        dx, dgain = torch.zeros_like(x), torch.zeros_like(gain)
        self.ops.rmsnorm_forward(out=out, rstd=rstd, x=x, gain=gain, eps=1e-5, n=n, c=c)
        self.ops.rmsnorm_backward(dx=dx, dgain=dgain, dout=dout, x=x, rstd=rstd, gain=gain, n=n, c=c)
        want, gradients = self.with_gradient(lambda a, g: F.rms_norm(a, (c,), g, 1e-5), [x, gain], dout)
        close("rms norm", out, want, 3e-6, 1e-6)
        close("rms norm, gradient by x", dx, gradients[0], 2e-5, 2e-6)
        close("rms norm, gradient by gain", dgain, gradients[1], 3e-6 * n ** 0.5, 2e-6)

    def elementwise(self):
        n, c = self.size(1 << 22, 1003), self.size(2048, 65)
        x, dout, out, dx = self.normal(n, scale=3), self.normal(n), self.empty(n), self.empty(n)
        for form, name in ((0, "none"), (1, "tanh")):
            self.ops.gelu_forward(out=out, x=x, tanh_form=form, n=n)
            self.ops.gelu_backward(dx=dx, dout=dout, x=x, tanh_form=form, n=n)
            want, gradients = self.with_gradient(lambda a: F.gelu(a, approximate=name), [x], dout)
            close(f"gelu, approximate={name}", out, want, 2e-6, 1e-6)
            close(f"gelu, approximate={name}, gradient", dx, gradients[0], 5e-6, 2e-6)
        rows = n // (2 * c)
        x, dout, out, dx = self.normal(rows, 2 * c), self.normal(rows, c), self.empty(rows, c), self.empty(rows, 2 * c)
        self.ops.swiglu_forward(out=out, x=x, n=rows, c=c)
        self.ops.swiglu_backward(dx=dx, dout=dout, x=x, n=rows, c=c)
        want, gradients = self.with_gradient(lambda a: F.silu(a[:, :c]) * a[:, c:], [x], dout)
        close("swiglu", out, want, 1e-6, 1e-6)
        close("swiglu, gradient", dx, gradients[0], 3e-6, 2e-6)
        b, sum = self.normal(rows, c), self.empty(rows, c)
        self.ops.add(out=sum, a=dout, b=b, n=rows * c)
        equal("add", sum, dout + b)
        for dtype in (torch.bfloat16, torch.float16):
            narrow, wide = self.empty(rows, c, dtype=dtype), self.empty(rows, c)
            self.ops.cast(out=narrow, out_type=TYPES[dtype], x=b, x_type=0, n=rows * c)
            self.ops.cast(out=wide, out_type=0, x=narrow, x_type=TYPES[dtype], n=rows * c)
            equal(f"cast to {dtype} and back", wide, b.to(dtype).float())

    def rows(self):
        n, c, v = self.size(4096, 40), self.size(1024, 65), self.size(50304, 33)
        table, ids, out = self.normal(v, c, dtype=torch.bfloat16), self.ids(v, n), self.empty(n, c)
        self.ops.embedding_forward(out=out, table=table, table_type=TYPES[torch.bfloat16], ids=ids, n=n, c=c, v=v)
        equal("embedding", out, F.embedding(ids.long(), table).float())
        dout, dtable = self.normal(n, c), torch.zeros(v, c, device=self.device)
        self.ops.embedding_backward(dtable=dtable, dout=dout, ids=ids, n=n, c=c, v=v)
        close("embedding, gradient", dtable, torch.zeros(v, c, device=self.device, dtype=torch.float64).index_add_(0, ids, dout.double()), 3e-6, 1e-6)
        bias, x = self.normal(c), self.normal(n, c)
        biased = x.clone()
        self.ops.bias_add(out=biased, ld_out=c, bias=bias, n=n, c=c)
        equal("bias", biased, x + bias)
        sum = torch.zeros(c, device=self.device)
        self.ops.column_sum(sum=sum, x=x, ld_x=c, n=n, c=c)
        close("column sum", sum, x.double().sum(0), 1e-6 * n ** 0.5 + 1e-6, 1e-6)
        chosen = torch.randperm(n, device=self.device)[: n // 2].int()
        gathered = self.empty(n // 2, c)
        self.ops.gather_rows(out=gathered, x=x, ld_x=c, rows=chosen, k=n // 2, c=c)
        equal("gather rows", gathered, x.index_select(0, chosen))
        scattered = x.clone()
        self.ops.scatter_add_rows(x=scattered, ld_x=c, d=gathered, rows=chosen, k=n // 2, c=c)
        equal("scatter and add rows", scattered, x.index_add(0, chosen, gathered))

    def products(self):
        n, k = self.size(2048, 33), self.size(1024, 65)
        for dtype in (torch.float32, torch.bfloat16, torch.float16):
            weight, bias = self.normal(n, k, dtype=dtype), self.normal(n)
            for m in (1, 5, self.size(64, 7)):
                x, out = self.normal(m, k), self.empty(m, n)
                self.ops.linear_rows(out=out, ld_out=n, x=x, ld_x=k, weight=weight, weight_type=TYPES[dtype], ld_weight=k, bias=bias, m=m, n=n, k=k)
                # Matrix units cut sums where a processor rounds them.
                bound = (2e-6 if dtype == torch.float32 else 8e-6) * k ** 0.5
                close(f"linear by rows, {m} rows, {dtype} weights", out, F.linear(x.double(), weight.double(), bias.double()), bound, 2e-6)

    def attention(self):
        n, heads, kv, dim = self.size(700, 33), 4, 2, self.size(64, 16)
        layout = own.head_layout(self.ops, heads, kv, dim)
        lengths = [n // 3, 1, n - n // 3 - 1]
        starts = torch.tensor([0, lengths[0], lengths[0] + 1, n], dtype=torch.int32, device=self.device)
        qkv, dout = self.normal(n, layout.row_width), self.normal(n, heads * dim)
        out, lse, dqkv = self.empty(n, heads * dim), self.empty(n, heads), self.empty(n, layout.row_width)
        scale = own.scale_of(dim)
        self.ops.attention_forward(out=out, lse=lse, qkv=qkv, layout=layout, starts=starts, sequences=3, scale=scale, n=n)
        self.ops.attention_backward(dqkv=dqkv, dout=dout, out=out, lse=lse, qkv=qkv, layout=layout, starts=starts, sequences=3, scale=scale, n=n)

        def by_sequence(x):
            parts = []
            for rows in x.split(lengths):
                q, k, v = [part.reshape(1, len(rows), -1, dim).transpose(1, 2) for part in rows.split([heads * dim, kv * dim, kv * dim], 1)]
                k, v = [part.repeat_interleave(heads // kv, dim=1) for part in (k, v)]
                parts.append(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(len(rows), -1))
            return torch.cat(parts)

        want, gradients = self.with_gradient(by_sequence, [qkv], dout)
        close("attention", out, want, 5e-6, 5e-6)
        close("attention, gradient", dqkv, gradients[0], 5e-5, 5e-5)

    def losses(self):
        n, v = self.size(512, 7), self.size(50304, 1003)
        x, targets = self.normal(n, v, scale=3), self.ids(v, n)
        loss, lse, grad = self.empty(n), self.empty(n), self.empty(n, v)
        typed = dict(logits=x, ld_logits=v, logits_type=0, n=n, v=v)
        self.ops.cross_entropy_forward(loss=loss, lse=lse, targets=targets, **own.known(self.ops, "cross_entropy_forward", **typed))
        self.ops.cross_entropy_backward(dlogits=grad, ld_dlogits=v, lse=lse, targets=targets, scale=0.5,
                                        **own.known(self.ops, "cross_entropy_backward", **typed))
        want, gradients = self.with_gradient(lambda a: F.cross_entropy(a, targets.long(), reduction="none"), [x], torch.full((n,), 0.5))
        close("cross entropy", loss, want, 3e-6, 1e-6)
        close("cross entropy, gradient", grad, gradients[0], 2e-7, 5e-6)

    def distillation(self):
        n, v = self.size(512, 7), self.size(50304, 1003)
        for dtype in TYPES:
            t, d, r = [self.normal(n, v, scale=3, dtype=dtype) for _ in range(3)]
            p, q = [torch.log_softmax(x.double(), -1) for x in (t, d)]
            m = torch.logaddexp(p, q) - torch.log(torch.tensor(2.0, dtype=torch.float64))
            kl, rkl = (p.exp() * (p - q)).sum(-1), (q.exp() * (q - p)).sum(-1)
            jsd = (p.exp() * (p - m)).sum(-1) / 2 + (q.exp() * (q - m)).sum(-1) / 2
            acceptance = torch.minimum(p, q).exp().sum(-1)
            weight = torch.exp(-3 * acceptance)
            want = {"KL_DIV": kl, "RKL": rkl, "JSD": jsd, "TV": 1 - acceptance, "NLA": -acceptance.log(),
                    "LK_HYBRID": weight * kl + (1 - weight) * (1 - acceptance)}
            for name, expected in want.items():
                ours = own.Distill(self.ops, t, d, r, self.ops.constants["LOSS_" + name])
                out = ours.statistics()
                close(f"distillation, loss {name}, {dtype}", out["loss"], expected, 3e-6, 2e-5 if name == "NLA" else 3e-6)
                rounding = {torch.float32: 0, torch.bfloat16: 2.0 ** -8, torch.float16: 2.0 ** -11}[dtype]
                if name in ("KL_DIV", "RKL", "JSD"):
                    def slope(a, name=name):
                        b = torch.log_softmax(a, -1)
                        c = torch.logaddexp(p, b) - torch.log(torch.tensor(2.0, dtype=torch.float64))
                        return {"KL_DIV": lambda: (p.exp() * (p - b)).sum(-1), "RKL": lambda: (b.exp() * (b - p)).sum(-1),
                                "JSD": lambda: (p.exp() * (p - c)).sum(-1) / 2 + (b.exp() * (b - c)).sum(-1) / 2}[name]()

                    _, gradients = self.with_gradient(slope, [d], torch.ones(n, device=self.device))
                    close(f"distillation, gradient of {name}, {dtype}", ours.backward(None, n, 1.0), gradients[0], 5e-7 + 2e-5 * q.exp(),
                          2e-5 + rounding)
            reference = torch.log_softmax(r.double(), -1)
            close(f"distillation, gap, {dtype}", out["gap"], kl - (p.exp() * (p - reference)).sum(-1), 5e-6, 2e-6)
            close(f"distillation, acceptance, {dtype}", out["acceptance"], acceptance, 2e-6, 2e-6)
            close(f"distillation, entropy, {dtype}", out["entropy"], -(q.exp() * q).sum(-1), 3e-6, 2e-6)
            if ours.t.dtype == torch.float32:
                for k in (0.05, 0.4, 1.0):
                    kept = ours.kept_rows[: ours.select(k)]
                    equal(f"selection of {k}", kept.long(), distill_peers.kept_rows(out["gap"], k))

    def optimiser(self):
        n = self.size(1 << 22, 1003)
        x, m, v = self.normal(n), torch.zeros(n, device=self.device), torch.zeros(n, device=self.device)
        parameter = torch.nn.Parameter(x.double())
        optimizer = torch.optim.AdamW([parameter], lr=1e-3, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
        for step in range(1, 11):
            grad = self.normal(n)
            parameter.grad = grad.double()
            optimizer.step()
            self.ops.adamw(
                param=x, grad=grad, m=m, v=v, grad_scale=1.0, lr=1e-3, beta1=0.9, beta2=0.99, eps=1e-8, weight_decay=0.1, step=step, n=n)
        close("AdamW, ten steps", x, parameter.detach(), 1e-7, 3e-6)
        sum = torch.zeros(1, dtype=torch.float64, device=self.device)
        self.ops.sum_of_squares(sum=sum, x=x, n=n)
        close("sum of squares", sum, (x.double() ** 2).sum().view(1), 0, 1e-12)

    def decoding(self):
        v, b = self.size(50304, 257), self.size(20000, 300)
        x = self.normal(v, scale=2)
        argmax = self.empty(1, dtype=torch.int32)
        typed = own.known(self.ops, "sample", logits_type=0)
        greedy = self.ops.draws(self.device, sequence=[0], seed=3, position=0, temperature=0.0, top_k=0, top_p=1.0)
        self.ops.sample(token=argmax, probability=None, logits=x, ld_logits=v, draws=greedy, purpose=2, index=0, b=1, v=v, **typed)
        equal("greedy sampling", argmax.long(), x.argmax().view(1))
        # The law of draws over 8 ids; chi-square of 7 degrees of freedom passes 60 once in 10^10.
        law = self.normal(8)
        rows, token = law.repeat(b, 1), self.empty(b, dtype=torch.int32)
        draws = self.ops.draws(self.device, position=list(range(b)), seed=5, sequence=0, temperature=0.7, top_k=0, top_p=1.0)
        self.ops.sample(token=token, probability=None, logits=rows, ld_logits=8, draws=draws, purpose=2, index=0, b=b, v=8, **typed)
        wanted = torch.softmax(law.double() / 0.7, 0) * b
        counts = torch.bincount(token.long(), minlength=8).double()
        close("law of sampling, chi-square", ((counts - wanted) ** 2 / wanted).sum().view(1), torch.zeros(1), 60, 0)


    def peers(self):
        """Peers that are timed compute the same; torch.compile, which is long to compile, is left to the timing."""
        n, v, k = self.size(256, 8), self.size(50304, 1003), 0.5
        t, d, r = [self.normal(n, v, scale=3) for _ in range(3)]
        ours = own.Distill(self.ops, t, d, r)
        gradient = ours.step(k)
        for name, make in distill_peers.PEERS.items():
            try:
                peer = None if make is distill_peers.Compiled else make(t, d, r)
            except Missing as e:
                print(f"peer {name}: skipped ({e})")
                continue
            if peer is None:
                continue
            kl, gap = peer.forward()[:2]
            close(f"peer {name}, KL", kl, ours.out["kl_draft"], 1e-5, 1e-5)
            close(f"peer {name}, gap", gap, ours.out["gap"], 2e-5, 1e-5)
            step = peer.step(k)
            if step.shape != gradient.shape:  # the published one leaves the gradient of all rows
                rows = ours.kept_rows[: gradient.shape[0]].long()
                close(f"peer {name}, gradient of rows left out", step.index_fill(0, rows, 0), torch.zeros_like(step), 1e-9, 0)
                step = step[rows]
            close(f"peer {name}, gradient", step, gradient, 1e-6, 1e-4)
        for name, make in distill_peers.ALL_ROWS.items():
            if name != "torch.compile":
                try:
                    loss, step = make(t, d)()
                except Missing:
                    continue
                close(f"peer {name}, KL of all rows", loss, ours.out["kl_draft"], 1e-5, 1e-5)
                close(f"peer {name}, gradient of all rows", step, ours.backward(None, n, 1.0 / n), 1e-6, 1e-4)
        b, v = self.size(4096, 400), 257
        target, draft, tokens = verify_cases.inputs(b, v, verify_cases.logits_type(self.ops), self.device, 3)
        for law, values in verify_cases.LAWS.items():
            accepted = own.Verify(self.ops, target, draft, tokens, *values)()[0].double()
            theirs = verify_peers.calls(target, draft, tokens, *values)["vllm-like"]()[0].double()
            # Means of numbers between 0 and 5: six standard errors of their difference; greedy acceptance has no chance in it.
            spread = 6 * ((accepted.var() + theirs.var()) / b).sqrt().item()
            close(f"peer vllm-like, mean acceptance, {law}", theirs.mean().view(1), accepted.mean().view(1), spread if law != "greedy" else 1e-12, 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--header", required=True)
    parser.add_argument("--emulated", action="store_true")
    options = parser.parse_args()
    device = "cpu" if options.emulated else "cuda"
    torch.set_default_device(device)
    torch.backends.cuda.matmul.allow_tf32 = False
    ops = abi.Library(options.library, options.header)
    compare = Compare(ops, device)
    for part in ("norms", "elementwise", "rows", "products", "attention", "losses", "distillation", "optimiser", "decoding", "peers"):
        try:
            getattr(compare, part)()
        except Exception as e:  # says nothing of the other parts
            RESULTS.append(False)
            print(f"{part}: {type(e).__name__}: {str(e).strip().splitlines()[0] if str(e).strip() else ''}   FAILED", flush=True)
    print(f"{ops.backend()}: {sum(RESULTS)} of {len(RESULTS)} comparisons hold")
    sys.exit(0 if all(RESULTS) else 1)


if __name__ == "__main__":
    main()

"""The models of the measurement: GPT-NeoX in the shapes of Pythia, with random weights, and the optimiser around the draft."""

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
from transformers.initialization import no_init_weights

from shapes import SIZES, vocabulary_of


def config(size, vocabulary, spread):
    """sdpa is what transformers takes by itself; no dropout, as Pythia has none."""
    hidden, layers, heads, intermediate = SIZES[size]
    return GPTNeoXConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=2048,
        initializer_range=spread,
        rotary_pct=0.25,
        use_parallel_residual=True,
        tie_word_embeddings=False,
        attn_implementation="sdpa",
    )


def model(size, vocabulary, seed, spread):
    """A new model in f32, its matrices normal(0, spread)."""
    torch.manual_seed(seed)
    return GPTNeoXForCausalLM(config(size, vocabulary, spread))


def decoder(size, precision):
    """A model for decoding, made in ``precision``: uniform numbers of deviation 0.02, one block of them again and again. It knows no end token."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(precision)
    try:
        with no_init_weights():
            made = GPTNeoXForCausalLM(config(size, vocabulary_of(size), 0.02))
    finally:
        torch.set_default_dtype(before)
    block = torch.empty(1 << 20).uniform_(-0.0346, 0.0346, generator=torch.Generator().manual_seed(len(size))).to(precision)
    for name, parameter in made.named_parameters():
        if parameter.dim() > 1:
            for part in parameter.data.view(-1).split(len(block)):
                part.copy_(block[:len(part)])
        else:
            parameter.data.fill_(1 if "norm.weight" in name else 0)
    made.generation_config.eos_token_id = None
    made.generation_config.pad_token_id = 0
    return made.eval().requires_grad_(False)


def frozen(size, vocabulary, seed, spread, precision):
    made = model(size, vocabulary, seed, spread).to(precision).eval()
    return made.requires_grad_(False)


class Learner:
    """The draft with its optimiser: AdamW with decay on matrices only, as the Trainer of transformers groups them, after clipping to 1.

    In bf16 there are two ways to f32 master weights: the f32 model under autocast ("autocast"), or a bf16 model beside f32 masters that the
    optimiser moves ("copy"). They were equally fast within the spread for published and eager; under torch.compile only autocast works: of the
    backward of a bf16 GPT-NeoX, inductor (torch 2.13) makes C++ that does not compile.
    """

    def __init__(self, model, precision, way, fused):
        self.precision = precision
        self.way = way if precision == torch.bfloat16 else "f32"
        self.model = model.train()
        if self.way == "copy":
            self.masters = [p.detach().clone() for p in self.model.parameters()]
            self.model.to(torch.bfloat16)
        else:
            self.masters = list(self.model.parameters())
        self.parameters = list(self.model.parameters())
        groups = [
            {"params": [m for m in self.masters if m.dim() > 1], "weight_decay": 0.1},
            {"params": [m for m in self.masters if m.dim() == 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=3e-4, fused=fused)

    def context(self):
        """What the forward and the loss run under."""
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.way == "autocast")

    def step(self):
        """Clips, updates, forgets the gradient."""
        if self.way == "copy":
            for master, parameter in zip(self.masters, self.parameters):
                master.grad = parameter.grad.float()
                parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.optimizer.step()
        if self.way == "copy":
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, self.masters)
        self.optimizer.zero_grad(set_to_none=True)

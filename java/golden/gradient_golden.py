"""Gradients of the tiny GPT-NeoX models of score_golden.py by PyTorch.

    python gradient_golden.py        (torch 2.13.0, transformers 5.18.0, safetensors; a processor, computed in f64, stored as f32)

The loss is the sum over three sequences of unequal length of -log P(ids[i+1] | ids[..i]) * 1/16, whole sequences, no padding. Writes gradients.safetensors
beside each model, with the names of its model.safetensors, and prints the loss that the test expects.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import GPTNeoXForCausalLM

HERE = pathlib.Path(__file__).parent
SEQUENCES = [[5, 17, 3, 44, 60, 1, 2], [9], [33, 33, 12, 7, 50, 21, 8, 8, 40, 2, 63]]

for name in ["neox-parallel", "neox-sequential-tied"]:
    model = GPTNeoXForCausalLM.from_pretrained(HERE / name, dtype=torch.float64, attn_implementation="eager").eval()
    loss = torch.zeros((), dtype=torch.float64)
    for ids in SEQUENCES:
        if len(ids) < 2:
            continue
        logits = model(torch.tensor([ids])).logits[0]
        loss = loss - torch.log_softmax(logits[:-1], -1).gather(1, torch.tensor(ids[1:])[:, None]).sum() / 16
    loss.backward()
    gradients = {}
    for key, parameter in model.named_parameters():
        key = "embed_out.weight" if key == "lm_head.weight" else key
        gradients[key] = parameter.grad.float().contiguous()
    save_file(gradients, HERE / name / "gradients.safetensors")
    print(name, f"{loss.item():.12f}", len(gradients))

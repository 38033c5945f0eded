"""Makes two tiny Llamas with transformers and the logits, gradients and greedy continuations it gives for fixed token ids.

    python llama_golden.py        (torch 2.13.0, transformers 5.18.0, safetensors; a processor; logits in f32, gradients in f64 stored as f32)

Writes beside itself, for each model: config.json, model.safetensors (f32), logits.json ({"ids", "logits"}), gradients.safetensors with loss.json (the loss
of gradient_golden.py) and greedy.json (a list of {"prompt", "ids"}: `generate` without sampling). Norms and biases are drawn at random, so that none of
them can be left out unnoticed.

llama-grouped   4 query heads over 2 key-value heads, a head of its own, rope_type llama3 whose three bands of waves all occur within the 96 positions
                of logits.json; config.json as transformers 5 writes it
llama-tied      as many key-value heads as query heads, wider than hidden_size / heads, head tied to the embedding, biases everywhere, rope_type linear;
                config.json with the keys of transformers 4
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig

HERE = pathlib.Path(__file__).parent
SEQUENCES = [[5, 17, 3, 44, 60, 1, 2], [9], [33, 33, 12, 7, 50, 21, 8, 8, 40, 2, 63]]


def llama(**settings):
    return LlamaConfig(max_position_embeddings=128, bos_token_id=0, eos_token_id=None, pad_token_id=None, **settings)


def build(name, seed, old_keys, config):
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(0.0, 0.2)
            else:
                parameter.normal_(1.0 if "norm" in parameter_name else 0.0, 0.25)
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    if old_keys:
        path = folder / "config.json"
        written = json.loads(path.read_text())
        rope = written.pop("rope_parameters")
        written["rope_theta"] = rope.pop("rope_theta")
        rope["type"] = rope.pop("rope_type")
        written["rope_scaling"] = rope
        written["torch_dtype"] = written.pop("dtype")
        written["transformers_version"] = "4.57.6"
        path.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    return folder


def load(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def expect(folder, vocabulary, seed):
    model = load(folder, torch.float32)
    ids = torch.randint(0, vocabulary, (96,), generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        logits = [[float(f"{v:.7g}") for v in row] for row in model(ids[None]).logits[0].tolist()]
        greedy = []
        for prompt in ([3, 1, 4, 1, 5], [9, 2], ids[:20].tolist()):
            out = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=40)[0].tolist()
            greedy.append({"prompt": prompt, "ids": out[len(prompt) :]})
    (folder / "logits.json").write_text(json.dumps({"ids": ids.tolist(), "logits": logits}) + "\n")
    (folder / "greedy.json").write_text(json.dumps(greedy) + "\n")
    model = load(folder, torch.float64)
    loss = torch.zeros((), dtype=torch.float64)
    for ids in SEQUENCES:
        if len(ids) > 1:
            rows = model(torch.tensor([ids])).logits[0]
            loss = loss - torch.log_softmax(rows[:-1], -1).gather(1, torch.tensor(ids[1:])[:, None]).sum() / 16
    loss.backward()
    save_file({key: p.grad.float().contiguous() for key, p in model.named_parameters()}, folder / "gradients.safetensors")
    (folder / "loss.json").write_text(json.dumps({"loss": loss.item()}) + "\n")
    return model


def main():
    folder = build(
        "llama-grouped", 1, False,
        llama(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=44,
              tie_word_embeddings=False,
              rope_parameters={"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                               "original_max_position_embeddings": 64}),
    )
    model = expect(folder, 64, 11)
    unscaled = 10000.0 ** -(torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    ratio = unscaled / model.model.rotary_emb.inv_freq.double()
    assert abs(ratio[0] - 1) < 1e-6 and 1.01 < ratio[1] < 7.9 and abs(ratio[3] - 8) < 1e-5, ratio
    folder = build(
        "llama-tied", 2, True,
        llama(vocab_size=96, hidden_size=36, num_hidden_layers=1, num_attention_heads=3, num_key_value_heads=3, head_dim=16, intermediate_size=52,
              tie_word_embeddings=True, attention_bias=True, mlp_bias=True,
              rope_parameters={"rope_type": "linear", "rope_theta": 5000.0, "factor": 2.0}),
    )
    model = expect(folder, 96, 12)
    assert abs(model.model.rotary_emb.inv_freq[0].item() - 0.5) < 1e-7  # the old keys were read
    assert model.get_output_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()


if __name__ == "__main__":
    main()

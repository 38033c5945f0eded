"""Makes two tiny GPT-NeoX models with transformers and the log-probabilities and logits it gives for fixed token ids.

    python score_golden.py        (torch 2.13.0, transformers 5.18.0, safetensors; a processor, f32)

Writes beside itself, for each model: config.json, model.safetensors (f32), score.jsonl (one object a line as `score --top 4` writes it: ids, logprobs,
top) and logits.json ({"ids", "logits"}: every logit of one sequence). Norms and biases are drawn at random, so that none of them can be left out
unnoticed, and matrices from a wide normal law, so that the laws are far from uniform.

neox-parallel          parallel residual, head of its own, exact GELU, half of each head rotated; config.json as transformers 5 writes it
neox-sequential-tied   sequential residual, head tied to the embedding, tanh GELU, a quarter rotated; config.json with the keys of transformers 4
"""

import json
import pathlib

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

HERE = pathlib.Path(__file__).parent
TOP = 4


def build(name, seed, old_keys, rotary, base, **settings):
    torch.manual_seed(seed)
    config = GPTNeoXConfig(
        layer_norm_eps=1e-5,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
        initializer_range=0.02,
        use_cache=True,
        rope_parameters={"rope_type": "default", "rope_theta": base, "partial_rotary_factor": rotary},
        **settings,
    )
    config._attn_implementation = "eager"
    model = GPTNeoXForCausalLM(config).eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(0.0, 0.35)
            elif "layernorm" in parameter_name or "layer_norm" in parameter_name:
                parameter.normal_(1.0 if parameter_name.endswith("weight") else 0.0, 0.3)
            else:
                parameter.normal_(0.0, 0.2)
    folder = HERE / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "model.safetensors").chmod(0o644)
    if old_keys:
        path = folder / "config.json"
        written = json.loads(path.read_text())
        del written["rope_parameters"]
        written["rotary_pct"] = rotary
        written["rotary_emb_base"] = base
        written["torch_dtype"] = written.pop("dtype")
        written["transformers_version"] = "4.57.6"
        path.write_text(json.dumps(written, indent=2, sort_keys=True) + "\n")
    # What is on disk is what counts: reload it, so that the expected values belong to the files and not to this process.
    return folder, GPTNeoXForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def score(folder, model, vocabulary, seed):
    generator = torch.Generator().manual_seed(seed)
    lines = []
    for length in (1, 2, 9, 24, 64):
        ids = torch.randint(0, vocabulary, (length,), generator=generator)
        with torch.no_grad():
            logits = model(ids[None]).logits[0].float()
        logprobs = torch.log_softmax(logits, dim=-1)
        top = logprobs.sort(dim=-1, descending=True, stable=True)
        lines.append(
            {
                "ids": ids.tolist(),
                "logprobs": [None] + [logprobs[i - 1, ids[i]].item() for i in range(1, length)],
                "top": [[[top.indices[i, j].item(), top.values[i, j].item()] for j in range(TOP)] for i in range(length)],
            }
        )
        if length == 9:
            (folder / "logits.json").write_text(json.dumps({"ids": ids.tolist(), "logits": logits.tolist()}) + "\n")
    (folder / "score.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def main():
    folder, model = build(
        "neox-parallel", 1, False, 0.5, 10000.0,
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        hidden_act="gelu", use_parallel_residual=True, tie_word_embeddings=False,
    )
    assert model.gpt_neox.layers[0].use_parallel_residual and model.gpt_neox.rotary_emb.inv_freq.numel() == 2
    score(folder, model, 64, 11)
    folder, model = build(
        "neox-sequential-tied", 2, True, 0.25, 5000.0,
        vocab_size=96, hidden_size=48, num_hidden_layers=1, num_attention_heads=3, intermediate_size=80,
        hidden_act="gelu_new", use_parallel_residual=False, tie_word_embeddings=True,
    )
    assert not model.gpt_neox.layers[0].use_parallel_residual and model.gpt_neox.rotary_emb.inv_freq.numel() == 2
    assert model.get_output_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()
    assert abs(model.gpt_neox.rotary_emb.inv_freq[1].item() - 5000**-0.5) < 1e-7  # the old keys were read
    score(folder, model, 96, 12)


if __name__ == "__main__":
    main()

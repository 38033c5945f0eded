"""Makes a tiny Qwen 2 with transformers and what it gives for fixed token ids, as llama_golden.py does for Llamas.

    python qwen2_golden.py        (torch 2.13.0, transformers 5.18.0, safetensors; a processor)

qwen2-tied      4 query heads over 2 key-value heads, biases for queries, keys and values, head tied to the embedding; config.json as transformers 5 writes it
"""

from transformers import Qwen2Config

from llama_golden import build, expect


def main():
    config = Qwen2Config(
        max_position_embeddings=128, bos_token_id=0, eos_token_id=None, pad_token_id=None, vocab_size=80, hidden_size=32, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, intermediate_size=40, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1000000.0},
    )
    folder = build("qwen2-tied", 3, False, config)
    model = expect(folder, 80, 13)
    attention = model.model.layers[0].self_attn
    assert attention.q_proj.bias is not None and attention.o_proj.bias is None
    assert model.get_output_embeddings().weight.data_ptr() == model.get_input_embeddings().weight.data_ptr()


if __name__ == "__main__":
    main()

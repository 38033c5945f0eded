"""Writes the expected values for kinds of tokenizers. Run with: python kinds_golden.py

Made with tokenizers 0.23.2 (the file says which version made it).

  sentencepiece.tokenizer.json  a tokenizer as Llama 2 has it, trained here on generated text (vocabulary 800, byte fallback)
  kinds.json  texts; for each kind (a patch of the JSON of small.tokenizer.json or sentencepiece.tokenizer.json) and every text the beginning of
              a SHA-256 over the ids, -1 and the code points of what the library decodes from them; the same for lists of random ids
"""
import copy
import json
import random

import tokenizers
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers

from regex_golden import O200K, more_texts
from tokenizer_golden import HERE, LLAMA3, QWEN2, added, sha, training_text, write

MARK = "\u2581"
BYTES = [f"<0x{b:02X}>" for b in range(256)]


def train():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=MARK, prepend_scheme="always", split=True)
    trainer = trainers.BpeTrainer(vocab_size=800, special_tokens=["<unk>", "<s>", "</s>", *BYTES], limit_alphabet=110, show_progress=False)
    tokenizer.train_from_iterator(training_text(random.Random(4)), trainer)
    result = json.loads(tokenizer.to_str())
    vocabulary = result["model"]["vocab"]
    for run in [MARK * 2, MARK * 4, MARK * 8]:  # as Llama 2 has for runs of spaces
        vocabulary[run] = len(vocabulary)
        result["model"]["merges"].append([run[: len(run) // 2], run[len(run) // 2 :]])
    result["added_tokens"] = [added(token, i, special=True) for i, token in enumerate(["<unk>", "<s>", "</s>"])]
    result["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": MARK},
                                                                {"type": "Replace", "pattern": {"String": " "}, "content": MARK}]}
    result["pre_tokenizer"] = None
    result["post_processor"] = {
        "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}}
    result["decoder"] = sequence("decoders", {"type": "Replace", "pattern": {"String": MARK}, "content": " "}, {"type": "ByteFallback"},
                                 {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0})
    (HERE / "sentencepiece.tokenizer.json").write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")))


def sequence(key, *parts):
    return {"type": "Sequence", key: list(parts)}


def pre(*parts):
    return {"pre_tokenizer": sequence("pretokenizers", *parts)}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def metaspace(scheme, cut=True, mark=MARK):
    part = {"type": "Metaspace", "replacement": mark, "prepend_scheme": scheme, "split": cut}
    return {"normalizer": None, "pre_tokenizer": part, "decoder": part}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def flagged(first, **normal):
    return [added("<left>", first, lstrip=True), added("<right>", first + 1, rstrip=True),
            added("<both>", first + 2, lstrip=True, rstrip=True, special=True), added("word", first + 3, single_word=True),
            added("<norm>cafe\u0301", first + 4, normalized=True), added("    ", first + 5, normalized=True), added("<a>", first + 6, **normal),
            added("<ab", first + 7), added("<abc>", first + 8, special=True),
            added("the the", first + 9, single_word=True, normalized=True, lstrip=True)]


def small_kinds(base):
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    gpt2 = level | {"use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    end = base["added_tokens"]
    out = {
        "Llama 3": pre(split({"Regex": LLAMA3}), level) | {"model": {"ignore_merges": True}, "post_processor": sequence(
            "processors", {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
            {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "b", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [], "special_tokens": {"b": {"id": "b", "ids": [0], "tokens": ["<|endoftext|>"]}}})},
        "Qwen 2": pre(split({"Regex": QWEN2}), level) | {"normalizer": {"type": "NFC"}},
        "o200k": pre(split({"Regex": O200K}), level), "o200k, removed inverted": pre(split({"Regex": O200K}, "Removed", True), level),
        "Llama 3, added tokens": pre(split({"Regex": LLAMA3}), level) | {"added_tokens": end + flagged(600)},
        "NFC, added tokens": pre(split({"Regex": QWEN2}), level) | {"normalizer": {"type": "NFC"}, "added_tokens": end + flagged(600)},
        "StarCoder": pre(digits, gpt2), "runs of digits, prefix space": pre({"type": "Digits", "individual_digits": False},
                                                                            gpt2 | {"add_prefix_space": True}),
        "DeepSeek": pre(split({"Regex": r"[\r\n]"}), split({"Regex": r"\s?[A-Za-zµÀ-ÖØ-öø-ƺ]+"}),
                        split({"Regex": r"\s?[!-/:-~！-／：-～‘-‟　-。]+"}),
                        split({"Regex": r"\s+$"}), split({"Regex": r"[一-龥ࠀ-一가-퟿]+"}), digits, level),
        "Falcon": pre(split({"Regex": r"[\p{P}$+<=>^`|~]"}, "Contiguous"), gpt2, digits, split({"Regex": "[0-9][0-9][0-9]"})),
        "Bloom": pre(split({"Regex": r" ?[^(\s|[.,!?…。，、।۔،])]+"}), level), "digits after the bytes": pre(gpt2, digits),
        "bytes in the middle": pre(level, split({"String": "Ġ"}, "MergedWithNext")), "bytes twice": pre(level, gpt2 | {"add_prefix_space": True}),
        "no pre-tokenizer": {"pre_tokenizer": None}, "no decoder": {"decoder": None},
        "Metaspace before bytes": pre(metaspace("first")["pre_tokenizer"], level),
        "Replace regex": {"normalizer": replace({"Regex": r"\s+"}, "_")}, "Replace by nothing": {"normalizer": replace({"String": "a"}, "")},
        "Replace, added tokens": {"normalizer": replace({"String": "a"}, "bc"), "added_tokens": end + flagged(600, normalized=True)},
        "bytes missing, byte fallback": {"cut": "qzĊÃð", "model": {"byte_fallback": True, "unk_token": "<|endoftext|>"}},
    }
    for regex in [r"\s+", r"\p{N}", r"a*", r"(?=[A-Z])", r"\p{L}+"]:
        for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
            for invert in [False, True]:
                out[f"{regex} {behavior} {invert}"] = pre(split({"Regex": regex}, behavior, invert), level)
    return out


def sentencepiece_kinds(base):
    marks = replace({"String": " "}, MARK)
    first = base["added_tokens"]
    n = len(base["model"]["vocab"])
    fuse = [{"type": "ByteFallback"}, {"type": "Fuse"}]
    out = {
        "Llama 2": {}, "unknown fused": {"model": {"byte_fallback": False}}, "unknown": {"model": {"byte_fallback": False, "fuse_unk": False}},
        "no unknown": {"model": {"byte_fallback": False, "unk_token": None}}, "ignore_merges": {"model": {"ignore_merges": True}},
        "some bytes, fused": {"cut": "C"}, "some bytes": {"cut": "C", "model": {"fuse_unk": False}}, "few bytes": {"cut": "EF"},
        "Gemma": {"normalizer": marks, "pre_tokenizer": split({"String": " "}, "MergedWithPrevious"),
                  "decoder": sequence("decoders", replace({"String": MARK}, " "), *fuse)},
        "NFC": {"normalizer": sequence("normalizers", {"type": "NFC"}, {"type": "Prepend", "prepend": MARK}, marks)},
        "added tokens": {"added_tokens": first + flagged(n)}, "added tokens, normalized": {"added_tokens": first + flagged(n, normalized=True)},
        "added tokens, Metaspace first": metaspace("first") | {"added_tokens": first + flagged(n, normalized=True)},
        "added tokens, Metaspace always": metaspace("always") | {"added_tokens": first + flagged(n)},
        "two characters before": {"normalizer": {"type": "Prepend", "prepend": "😀é"}},
        "strip two": {"decoder": sequence("decoders", replace({"String": MARK}, " "), *fuse,
                                          {"type": "Strip", "content": " ", "start": 2, "stop": 0})},
        "replace regex": {"decoder": sequence("decoders", replace({"Regex": MARK + "|e"}, "E"),
                                              {"type": "Strip", "content": "E", "start": 1, "stop": 0}, *fuse)},
        "fuse, then replace": {"decoder": sequence("decoders", {"type": "Fuse"},
                                                   replace({"String": MARK + "the"}, " THE"), {"type": "ByteFallback"})},
        "no decoder": {"decoder": None}, "bytes only": {"decoder": {"type": "ByteFallback"}}, "byte level after": {
            "decoder": sequence("decoders", {"type": "ByteFallback"}, {
                "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                                            {"type": "Strip", "content": "a", "start": 1, "stop": 0})},
        "merges as text": {"model": {"merges": [" ".join(merge) for merge in base["model"]["merges"]]}},
        "digits": {"pre_tokenizer": sequence("pretokenizers", {"type": "Digits", "individual_digits": True}, {
            "type": "Metaspace", "replacement": MARK, "add_prefix_space": True, "prepend_scheme": "always"})},
        "legacy Metaspace": {"normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": MARK, "add_prefix_space": True}},
        "another mark": metaspace("always", mark="_"), "a mark beyond the first plane": metaspace("always", mark="😀"),
    }
    for scheme in ["always", "first", "never"]:
        for cut in [True, False]:
            out[f"Metaspace {scheme} {cut}"] = metaspace(scheme, cut)
    return out


def patched(base, patch):
    """Top-level keys are replaced, "model" is merged into; "cut" drops tokens with these characters and renumbers."""
    tokenizer = copy.deepcopy(base)
    for key, value in patch.items():
        if key == "model":
            tokenizer["model"].update(value)
        elif key == "cut":
            model = tokenizer["model"]
            kept = sorted((t for t in model["vocab"] if not set(t) & set(value)), key=model["vocab"].get)
            model["vocab"] = {token: i for i, token in enumerate(kept)}
            model["merges"] = [m for m in model["merges"] if not set("".join(m)) & set(value)]
        else:
            tokenizer[key] = value
    return tokenizer


def kinds():
    for name, make in [("small", small_kinds), ("sentencepiece", sentencepiece_kinds)]:
        base = json.loads((HERE / f"{name}.tokenizer.json").read_text())
        for kind, patch in make(base).items():
            yield name, kind, patch, patched(base, patch)


def outcome(tokenizer, ids):
    return sha([*ids, -1, *map(ord, tokenizer.decode(ids, skip_special_tokens=False))])[:6]


def encoded(tokenizer, text):
    """Null where the library itself panics."""
    try:
        return outcome(tokenizer, tokenizer.encode(text).ids)
    except BaseException as e:
        if type(e).__name__ != "PanicException":
            raise
        return None


def lines():
    rng = random.Random(5)
    parts = ["<s>", "</s>", "<unk>", "<0xE2>", "<0x41>", MARK, MARK * 3, "the", " the", "word", "  ", "\u2581\u2581the",
             "日本語", "\U0001F600", "qz", "ðÃ", "\n", "a"]
    return more_texts() + [MARK, MARK + "the", " " + MARK, "the" + MARK * 5 + "the", "<0x41><0xE2>", "the<s>the </s> the <unk>", "<s>", " <s> "] + [
        "".join(rng.choice(parts) for _ in range(rng.randrange(1, 12))) for _ in range(40)]


def main():
    train()
    texts = lines()
    out = []
    for base, kind, patch, tokenizer in kinds():
        loaded = Tokenizer.from_str(json.dumps(tokenizer))
        size = max(tokenizer["model"]["vocab"].values()) + 1
        rng = random.Random(6)
        random_ids = [[rng.randrange(size if rng.random() < 0.5 else min(size, 260)) for _ in range(rng.randrange(1, 20))] for _ in range(60)]
        print(base, kind, flush=True)
        out.append({"name": kind, "base": base, "patch": patch, "texts": [encoded(loaded, text) for text in texts],
                    "random": [[ids, outcome(loaded, ids)] for ids in random_ids] if base != "small" else []})
    write("kinds.json", {"tokenizers": tokenizers.__version__, "texts": texts, "kinds": out})


if __name__ == "__main__":
    main()

"""Writes the expected values of the tokenizer's tests. Run with: python tokenizer_golden.py [--data FOLDER]

Made with tokenizers 0.23.2 (each file says which version made it).

  small.tokenizer.json  a tokenizer trained here on generated text (vocabulary 600)
  adversarial.json      texts; for each variant of small.tokenizer.json (a patch of its JSON) and every text the beginning of a SHA-256 over
                        the ids and over the offsets (start, end, start, ...; UTF-16 units, not trimmed); what the library decodes from random ids
  trained.json          what the library learns from these texts (those without <|endoftext|>) with the trainer's settings, to a vocabulary of 400
  unicode.json          SHA-256 over the code points of each character class and over NFC of every code point
  corpus.json           with --data: for each file there and each of its two tokenizers a SHA-256 over the ids, little-endian int32:
                        "whole" the file as one text, "lines" each line (cut at \\n, which is left out) followed by -1
"""
import argparse
import copy
import gzip
import hashlib
import json
import pathlib
import random
import struct

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).parent
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":")) if name != "corpus.json" else json.dumps(value, indent=1)
    (HERE / name).write_text(text + "\n")


def sha(ints):
    return hashlib.sha256(b"".join(struct.pack("<i", i) for i in ints)).hexdigest()


def training_text(rng):
    words = (
        "the of and to in a is that it he was for on are with as his they at be this from have or by one had not but what all were when we "
        "there can an your which their said if do will each about how up out them then she many some so these would other into has more her "
        "two like him see time could no make than first been its who now people my made over did down only way find use may water long "
        "little very after words called just where most know it's we'll they've I'm don't you're number answer apples bought sold 12 345 "
        "6789 final 日本 語 привет мир café naïve Ñandú 😀 👍🏽 שלום مرحبا नमस्ते").split()
    lines = []
    for _ in range(1500):
        n = rng.randrange(3, 12)
        lines.append(" ".join(rng.choice(words) for _ in range(n)) + rng.choice([".", "!", "?", "  ", "\n", "\n\n", ", "]))
    return lines


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(training_text(random.Random(1)), trainer)
    tokenizer.save(str(HERE / "small.tokenizer.json"), pretty=False)


def texts():
    rng = random.Random(2)
    out = ["", " ", "  ", "\n", "\r\n", "a", "hello world", "Hello, World! it's we'll they've I'm DON'T you'RE 'S'Ll 'ſ x'ſ",
           " leading and trailing ",
           "tabs\t\tand\x0b\x0c\x1c\x1d\x1e\x1f\x85 controls\x00\x01\x7f\x80\x9f", "a  b   c    d     e", "x\n\ny\n \n z\r\n\r\n w \r \n",
           "   \n   \n   ", "\u00a0nbsp\u2003em\u3000ideographic\u2028line\u2029par\u200bzero\u200czwnj\u200dzwj\ufeffbom",
           "1234567890 12 345 6,789.01 ½ ⅷ ٣٤ १२ 𝟘𝟙 ① ²³", "😀😀 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 e\ufe0f", "日本語テキスト 中文 한국어 ไทย שלום مرحبا नमस्ते",
           "mixed日本latinпривет123мир",
           "café cafe\u0301 na\u00efve nai\u0308ve \u212b \u1e9b\u0323 a\u0301\u0323 q\u0307\u0323 \u1112\u1161\u11ab 각 \uac00\u11a8",
           "\u0301 mark first \u0327\u0301", "<|endoftext|>", "a<|endoftext|>b <|endoftext|> <|endoftext|><|endoftext|>", "<|endoftext|",
           "  <|endoftext|>  ",
           "<left>  x  <left>  y<left>", "<right>   x <right>\n\n<right>", "word aword worda word_ _word word-word wordé éword",
           "<both>  <both>   <both>",
           "<norm>café<norm> caf\u0065\u0301<norm>", "    four spaces        eight         nine", "<left><right>   <left>",
           "ab abc abcd <a><ab><abc>",
           "'s's't'x''s ' s", "!!!???...---", "a'b'c", "\\n \\t {\"json\": [1, 2.5e-3]}",
           "def f(x):\n    return x**2  # comment\n\n\n\tif x:\n\t\tpass\n",
           "a" * 300, " " * 300, "\n" * 77 + "x", "é" * 200, "😀" * 100, "the " * 120, "1" * 100, "-=" * 100, "\u0301" * 60, "aAbB" * 90,
           "\U0001F1E6", "\U00016FF4\U00011DE5 9", "\u0378\u0379 unassigned \U000E0001 \U0010FFFF \uFFFD \uE000", "𐐀𐐨 𝒜𝓫 ǅ ʰ ª",
           "\t 1\t a", "\tx", "\u2003x", "\r1\n2"]
    pools = [" \n\t\r\u00a0\u3000", "abcdeXYZ'", "0123456789٣½𝟘", "éñüßøłπж日한ש", "!?.,-_'\"()[]{}<>|",
        "\u0301\u0323\u0327\u20dd\u200d\ufe0f", "😀👍🏽🇩🇪"]
    for _ in range(150):
        out.append("".join(rng.choice(rng.choice(pools)) for _ in range(rng.randrange(1, 40))))
    for _ in range(60):
        parts = ["<|endoftext|>", "<left>", "<right>", "<both>", "word", "<norm>", "  ", " ", "\n", "x", "é", "e\u0301", "1", "_", "ab",
            "<a>", "<abc>"]
        out.append("".join(rng.choice(parts) for _ in range(rng.randrange(1, 14))))
    return out


def added(content, id, **flags):
    token = {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return token | flags


def variants(base):
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": True}
    plain = byte_level | {"use_regex": False}
    tokens = [base["added_tokens"][0]] + [
        added("<left>", 600, lstrip=True), added("<right>", 601, rstrip=True), added("<both>", 602, lstrip=True, rstrip=True, special=True),
        added("word", 603, single_word=True), added("<norm>caf\u0065\u0301", 604, normalized=True), added("    ", 605, normalized=True),
        added("  ", 606, normalized=True), added("<a>", 607), added("<ab", 608), added("<abc>", 609, special=True), added("é",
        base["model"]["vocab"]["é"], normalized=True)]

    def sequence(*steps):
        return {"type": "Sequence", "pretokenizers": list(steps)}

    def split(pattern, behavior, invert=False):
        return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}

    out = {
        "as trained": {},
        "NFC": {"normalizer": {"type": "NFC"}},
        "NFC in a sequence": {"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]}},
        "prefix space": {"pre_tokenizer": byte_level | {"add_prefix_space": True}},
        "added tokens": {"added_tokens": tokens},
        "added tokens, NFC": {"added_tokens": tokens, "normalizer": {"type": "NFC"}},
        "added tokens, prefix space": {"added_tokens": tokens, "pre_tokenizer": byte_level | {"add_prefix_space": True}},
        "digits": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, byte_level)},
        "runs of digits": {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, byte_level)},
        "Llama 3": {"pre_tokenizer": sequence(split({"Regex": LLAMA3}, "Isolated"), plain), "model": {"ignore_merges": True}},
        "Qwen 2": {"pre_tokenizer": sequence(split({"Regex": QWEN2}, "Isolated"), plain), "normalizer": {"type": "NFC"}},
        "ignore_merges": {"model": {"ignore_merges": True}},
        "no pattern": {"pre_tokenizer": plain},
        "template": {"post_processor": {
            "type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                                                      {"SpecialToken": {"id": "</s>", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<|endoftext|>"]},
                               "</s>": {"id": "</s>", "ids": [5, 0], "tokens": ["$", "<|endoftext|>"]}}}},
    }
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in [False, True]:
            out[f"split {behavior} {invert}"] = {"pre_tokenizer": sequence(split({"String": " "}, behavior, invert), byte_level)}
    vocabulary = dict(base["model"]["vocab"])
    for symbol in ["q", "z", "Ċ", "Ã", "ð"]:  # bytes without a symbol; no merge uses them afterwards
        vocabulary.pop(symbol)
    merges = [m for m in base["model"]["merges"] if all(t in vocabulary for t in [*m, "".join(m)]) and not any(c in "".join(m) for c in "qzĊÃð")]
    vocabulary = {t: i for i, t in enumerate(sorted((t for t in vocabulary if not any(c in t for c in "qzĊÃð")), key=vocabulary.get))}
    cut = {"model": {"vocab": None, "merges": None}}
    out["bytes missing"] = {"cut": "qzĊÃð"} | cut
    out["bytes missing, unknown"] = {"cut": "qzĊÃð", "model": {"vocab": None, "merges": None, "unk_token": "<|endoftext|>"}}
    out["bytes missing, unknown fused"] = {"cut": "qzĊÃð", "model": {"vocab": None, "merges": None, "unk_token": "<|endoftext|>",
        "fuse_unk": True}}
    return out, vocabulary, merges


def patched(base, patch, vocabulary, merges):
    """Top-level keys are replaced, "model" is merged into; "cut" takes vocabulary and merges without these characters, renumbered."""
    tokenizer = copy.deepcopy(base)
    for key, value in patch.items():
        if key == "model":
            tokenizer["model"].update({k: v for k, v in value.items() if v is not None})
        elif key == "cut":
            tokenizer["model"]["vocab"] = vocabulary
            tokenizer["model"]["merges"] = merges
        else:
            tokenizer[key] = value
    return Tokenizer.from_str(json.dumps(tokenizer))


def utf16(text):
    """UTF-16 index of each code point."""
    index, at = [], 0
    for c in text:
        index.append(at)
        at += 2 if ord(c) > 0xFFFF else 1
    return index + [at]


def adversarial():
    base = json.loads((HERE / "small.tokenizer.json").read_text())
    lines = texts()
    patches, vocabulary, merges = variants(base)
    out = []
    for name, patch in patches.items():
        tokenizer = patched(base, patch, vocabulary, merges)
        ids, offsets = [], []
        for text in lines:
            encoding = tokenizer.encode(text)
            index = utf16(text)
            ids.append(encoding.ids)
            offsets.append([[index[a], index[b]] for a, b in encoding.offsets])
        entry = {"name": name, "patch": patch, "ids": [sha(i)[:12] for i in ids]}
        if name in ("as trained", "added tokens", "digits", "Llama 3"):
            entry["offsets"] = [sha(sum(o, []))[:12] for o in offsets]
        if name == "as trained":
            entry["plain_ids"] = ids
        out.append(entry)
    tokenizer = patched(base, {}, vocabulary, merges)
    rng = random.Random(3)
    special = [i for i in range(257)]
    decode = []
    for _ in range(200):
        ids = [rng.choice(special) if rng.random() < 0.8 else rng.randrange(600) for _ in range(rng.randrange(1, 30))]
        decode.append([ids, tokenizer.decode(ids, skip_special_tokens=False)])
    write("adversarial.json", {"tokenizers": tokenizers.__version__, "texts": lines, "variants": out, "decode": decode})


def trained():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    trainer = trainers.BpeTrainer(vocab_size=400, min_frequency=2, special_tokens=["<|endoftext|>"], show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text for text in texts() if "<|endoftext|>" not in text], trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    write("trained.json", {"tokenizers": tokenizers.__version__, "tokens": tokens, "merges": [" ".join(pair) for pair in model["merges"]]})


def unicode_classes():
    everything = "".join(map(chr, CODE_POINTS))

    def matching(regex):
        split = pre_tokenizers.Split(Regex(regex), "removed", invert=True)
        return sorted(c for _, (a, b) in split.pre_tokenize_str(everything) for c in CODE_POINTS[a:b])

    digits = pre_tokenizers.Digits(individual_digits=True)
    numeric = [CODE_POINTS[a // 2] for _, (a, b) in digits.pre_tokenize_str("".join("a" + chr(c) for c in CODE_POINTS)) if b - a == 1 and a % 2 == 1]
    marked = Tokenizer(models.BPE())
    marked.add_tokens([AddedToken("@@", single_word=True, normalized=False)])
    word = [c for c in CODE_POINTS if not marked.encode(chr(c) + "@@").ids]
    nfc = normalizers.NFC()
    classes = {"letter": matching(r"\p{L}+"), "number": matching(r"\p{N}+"), "space": matching(r"\s+"), "numeric": numeric, "word": word}
    write("unicode.json", {
        "tokenizers": tokenizers.__version__,
        "classes": {name: {"count": len(points), "sha256": sha(points)} for name, points in classes.items()},
        # each code point alone, and between marks of the highest and lowest class, where it moves if it is a mark
        "nfc": sha(ord(x) for c in CODE_POINTS for x in nfc.normalize_str(chr(c))),
        "nfc_between_marks": sha(ord(x) for c in CODE_POINTS for x in nfc.normalize_str("x\u0345" + chr(c) + "\u0334")),
    })


def corpus(data):
    out = {"tokenizers": tokenizers.__version__, "files": {}}
    names = {"20B": "tokenizers/20B_tokenizer.json", "gpt2": "tokenizers/gpt2.tokenizer.json"}
    loaded = {name: Tokenizer.from_file(str(data / path)) for name, path in names.items()}
    for path in sorted(p for p in data.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        entry = {"file": hashlib.sha256(raw).hexdigest()}
        for name, tokenizer in loaded.items():
            lines = [i for line in text.split("\n") for i in [*tokenizer.encode(line).ids, -1]]
            entry[name] = {"whole": sha(tokenizer.encode(text).ids), "lines": sha(lines)}
        out["files"][str(path.relative_to(data))] = entry
    write("corpus.json", out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    train()
    adversarial()
    trained()
    unicode_classes()
    if arguments.data:
        corpus(arguments.data)

"""Compares `tokenize` with the tokenizers library on generated lines, both ways. Run with: python compare.py JAR [--lines N] [--seed S] [--data FOLDER]

Every kind of kinds_golden.py and, with --data, the tokenizers there; exit code 1 if a line differs. Needs java 25 on the path.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

import kinds_golden

POOLS = [" \n\t\r\u00a0\u3000\u2028\x0b\x85", "abcdeXYZ'stmlvredK\u017f\u212a", "0123456789\u0663\u00bd\U0001d7d8\u2177\u00b2", "éñüßøłπжД日한שمن",
         "!?.,-_'\"()[]{}<>|/", "\u0301\u0323\u0327\u20dd\u200d\ufe0f\u0345\u093c\u1161\u11ab", "😀👍🏽🇩🇪👨", "\u2581\u2581_ĠÃðqz",
         "\x00\x01\x1f\x7f\x80\u200b\ufeff\ufffd\U0010ffff\ue000", "\u1112\uac00\u212b\u1e9b\ufb01İı"]
PARTS = ["<s>", "</s>", "<unk>", "<|endoftext|>", "<left>", "<right>", "<both>", "word", "<a>", "<ab", "<abc>", "<norm>cafe\u0301", "<norm>café",
         "    ", "  ", " the", "the the", "the", "'s", "'LL", "<0xE2>", "\u2581the", "12345", "Hello", "日本語", "\r\n", "\n\n", "a", "e\u0301"]
WORDS = "it was the best of times, It WAS the worst of times; don't you'll we've naïve 1859 A.D. Привет, мир".split()


def line(rng):
    kind = rng.random()
    if kind < 0.35:
        return "".join(rng.choice(rng.choice(POOLS)) for _ in range(rng.randrange(1, 60)))
    if kind < 0.6:
        return "".join(rng.choice(PARTS) for _ in range(rng.randrange(1, 16)))
    if kind < 0.7:
        ranges = [(0x20, 0x250), (0x250, 0xD800), (0xE000, 0x20000)]
        return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randrange(1, 20)))
    if kind < 0.75:
        return rng.choice(rng.choice(POOLS)) * rng.randrange(1, 200) + rng.choice(PARTS)
    ends = [" ", " ", "  ", "\n"]
    return "".join(rng.choice(WORDS) + rng.choice([*ends, rng.choice(rng.choice(POOLS)), rng.choice(PARTS)]) for _ in range(rng.randrange(1, 25)))


def tokenize(jar, folder, *arguments):
    subprocess.run(["java", "-jar", jar, "tokenize", "--tokenizer", folder / "tokenizer.json", *arguments], check=True, stderr=subprocess.DEVNULL)


def compare(jar, folder, text, lines):
    (folder / "tokenizer.json").write_text(text)
    tokenize(jar, folder, "--input-file", folder / "lines", "--output", folder / "ids")
    tokenize(jar, folder, "--decode", "--input-file", folder / "ids", "--output", folder / "texts")
    tokenizer = Tokenizer.from_str(text)
    different = 0
    with open(folder / "ids") as all_ids, open(folder / "texts") as all_texts:
        for source, ids, decoded in zip(lines, all_ids, all_texts, strict=True):
            expected = tokenizer.encode(source).ids
            back = tokenizer.decode(expected, skip_special_tokens=False)
            if json.loads(ids)["ids"] != expected or json.loads(decoded) != back:
                different += 1
                print("  differs:", repr(source), ids.strip(), expected, decoded.strip(), repr(back))
    return different


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("jar")
    parser.add_argument("--lines", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    lines = [line(rng) for _ in range(arguments.lines)]
    todo = [(f"{base}, {kind}", json.dumps(tokenizer)) for base, kind, _, tokenizer in kinds_golden.kinds()]
    if arguments.data:
        todo += [(path.name, path.read_text()) for path in sorted((arguments.data / "tokenizers").glob("*.json"))]
    total = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "lines").write_text("".join(json.dumps(source) + "\n" for source in lines))
        for kind, text in todo:
            different = compare(arguments.jar, folder, text, lines)
            total += different
            print(f"{kind}: {different} of {len(lines)} differ", flush=True)
    print(f"{total} of {len(lines) * len(todo)} differ")
    sys.exit(total > 0)


if __name__ == "__main__":
    main()

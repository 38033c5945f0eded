"""The table of bench/decode.sh from the JSON lists that the engine and the peers wrote.

    python bench/peers/decode_table.py FOLDER

FOLDER has files PAIR.WHO.json; who is ours, transformers or llama_cpp.
"""

import json
import pathlib
import sys


def read(folder):
    """{(pair, who): {what: measurement}}."""
    found = {}
    for file in sorted(folder.glob("*.json")):
        pair, who = file.stem.rsplit(".", 1)
        found[pair, who] = {line["name"].removeprefix("decode: "): line for line in json.loads(file.read_text(encoding="utf-8"))}
    return found


def value(found, pair, who, what):
    line = found.get((pair, who), {}).get(what)
    return line["value"] if line else None


def ratio(a, b):
    return a / b if a and b else None


def spread(line):
    if line is None:
        return "-"
    digits = 1 if line["value"] < 1000 else 0
    return f"{line['value']:.{digits}f} ({line['min']:.{digits}f}-{line['max']:.{digits}f})"


def percent(share):
    return "-" if share is None else f"{100 * share:.0f} %"


def times(factor):
    return "-" if factor is None else f"{factor:.2f}"


def row(cells):
    print(f"{cells[0]:10} {cells[1]:13} {cells[2]:>22} {cells[3]:>8} {cells[4]:>20} {cells[5]:>10} {cells[6]:>22} {cells[7]:>8} "
          f"{cells[8]:>6} {cells[9]:>8}")


def table(found):
    row(["shapes", "who", "plain tokens/s", "of bound", "prefill tokens/s", "of product", "speculative tokens/s", "x plain", "tau", "peak GB"])
    for pair, who in found:
        lines = found[pair, who]
        plain = lines["plain"]
        bound = value(found, pair, "ours", "plain bound")
        ours = found[pair, "ours"]
        product = ours["prefill"]["peak_share"] * lines["prefill"]["value"] / ours["prefill"]["value"]
        speculative, tau, peak = lines.get("speculative"), lines.get("tau"), lines.get("peak memory")
        share = plain["peak_share"] if who == "ours" else ratio(plain["value"], bound)
        row([pair, who, spread(plain), percent(share), spread(lines["prefill"]), percent(product), spread(speculative),
             times(ratio(speculative["value"], plain["value"]) if speculative else None), times(tau["value"] if tau else None),
             times(peak["value"] / 1e9 if peak else None)])


def verdict(what, figure, bound):
    if figure is None:
        print(f"{what:72} not measured")
    else:
        print(f"{what:72} {figure:6.2f}   (at least {bound}: {'holds' if figure >= bound else 'does not hold'})")


def verdicts(found):
    pairs = [pair for pair, who in found if who == "ours"]
    for pair in pairs:
        target = pair.rsplit("-", 1)[0]
        ours = found[pair, "ours"]
        plain = ours["plain"]["value"]
        verdict(f"{target}: plain decoding over its bound", ours["plain"]["peak_share"], 0.75)
        verdict(f"{target}: plain decoding over llama.cpp's", ratio(plain, value(found, pair, "llama_cpp", "plain")), 1)
        verdict(f"{target}: plain decoding over llama.cpp's by its own clock", ratio(plain, value(found, pair, "llama_cpp", "plain, own clock")), 1)
        verdict(f"{target}: plain decoding over transformers'", ratio(plain, value(found, pair, "transformers", "plain")), 1)
        if target == "410m":
            verdict("410m: prefill of 512 tokens over the f32 product", ours["prefill"]["peak_share"], 0.5)
        verdict(f"{pair}: speed-up over tau / (5 c + w)", ours["speculative"]["peak_share"], 0.85)
        verdict(f"{pair}: speculative decoding over transformers'",
                ratio(ours["speculative"]["value"], value(found, pair, "transformers", "speculative")), 1)


def main():
    found = read(pathlib.Path(sys.argv[1]))
    for who, what in (("transformers", "transformers"), ("llama_cpp", "llama.cpp")):
        lines = next((lines for (_, peer), lines in found.items() if peer == who), None)
        if lines:
            print(f"{what}: {lines['plain']['device']}")
    print("random weights, bf16, batch 1, greedy; the median of the repetitions, and their lowest and highest")
    print("of bound: of the tokens a second that reading weights and cache allows at the bandwidth of reading on end just before and after each of "
          "the")
    print("engine's repetitions (the peers': the median of those); peers' caches are half as wide and a little sooner read. of product: of oneDNN's "
          "f32 product of 1024 x 1024 matrices in the same run.")
    print("speculative: drafted tokens accepted at the rate 0.8, by the same draws in the engine and in transformers; not lossless.")
    print()
    table(found)
    print()
    verdicts(found)


if __name__ == "__main__":
    main()

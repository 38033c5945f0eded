"""The table of bench/train.sh from the JSON lists that the engine and the peers wrote.

    python bench/peers/table.py FOLDER

FOLDER has files SETTING.WHO.RUN.json; who is ours, cached, published, eager or compile. Of several runs the median counts, of peak memory the
largest.
"""

import json
import pathlib
import statistics
import sys

PEERS = ("published", "eager", "compile")


def read(folder):
    """{(setting, who): {what: [value of each run]}}; what is the name behind the last colon."""
    found = {}
    for file in sorted(folder.glob("*.*.*.json")):
        setting, who, _, _ = file.name.split(".")
        values = found.setdefault((setting, who), {})
        for line in json.loads(file.read_text(encoding="utf-8")):
            values.setdefault(line["name"].rsplit(": ", 1)[-1], []).append(line["value"])
            values["shape"] = line["shape"]
    return found


def figure(found, setting, who, what="tokens", of=statistics.median):
    values = found.get((setting, who), {}).get(what)
    return of(values) if values else None


def verdict(what, ratio, bound, least=True):
    if ratio is None:
        return f"{what:58} not measured"
    holds = ratio >= bound if least else ratio <= bound
    return f"{what:58} {ratio:6.2f}   ({'at least' if least else 'at most'} {bound}: {'holds' if holds else 'does not hold'})"


def ratio(a, b):
    return a / b if a and b else None


def main():
    found = read(pathlib.Path(sys.argv[1]))
    print(f"{'setting':28} {'who':10} {'tokens/s':>9} {'3 epochs':>9} {'peak GB':>8} {'Gop/s f32':>10} {'Gop/s bf16':>11}")
    for (setting, who), values in found.items():
        def cell(what, scale, digits, of=statistics.median):
            number = figure(found, setting, who, what, of)
            return "-" if number is None else f"{number / scale:.{digits}f}"
        print(f"{values['shape']:28} {who:10} {cell('tokens', 1, 0):>9} {cell('3 epochs', 1, 0):>9} {cell('peak memory', 1e9, 2, max):>8} "
              f"{cell('gemm 1024 f32', 1e9, 0):>10} {cell('gemm 1024 bf16', 1e9, 0):>11}")
    print()
    for setting, best_bound in (("f32", 2), ("bf16", 1.1)):
        ours = figure(found, setting, "ours")
        rates = {peer: figure(found, setting, peer) for peer in PEERS}
        measured = {peer: rate for peer, rate in rates.items() if rate}
        best = max(measured, key=measured.get, default="published")
        print(verdict(f"{setting}: ours over published", ratio(ours, rates["published"]), 6))
        print(verdict(f"{setting}: ours over the best of PyTorch ({best})", ratio(ours, measured.get(best)), best_bound))
    cached = figure(found, "bf16", "cached", "3 epochs")
    print(verdict("bf16: three epochs with the cache over published", ratio(cached, figure(found, "bf16", "published", "3 epochs")), 9))
    for who in ("ours", "cached"):
        memory = ratio(figure(found, "bf16", who, "peak memory", max), figure(found, "bf16", "published", "peak memory", max))
        print(verdict(f"bf16: peak memory of {who} over published", memory, 0.5, least=False))


if __name__ == "__main__":
    main()

"""Prints what run.py measured: one line a case, and the bars.  table.py FILE... [--emulated]"""

import json
import math
import sys


def read(paths):
    rows = []
    for path in paths:
        with open(path) as file:
            rows += [json.loads(line) for line in file if line.endswith("\n")]
    return rows


def seconds(row, name, how="cold"):
    """Of ours, measured before and after the peers: the slower."""
    times = [row["times"].get(n, {}).get(how) for n in ([name, "ours again"] if name == "ours" else [name])]
    numbers = [t for t in times if isinstance(t, float)]
    return max(numbers) if numbers else math.nan


def best(row, names):
    return min((t for t in (seconds(row, name) for name in names) if not math.isnan(t)), default=math.nan)


def text_of(row, name):
    times = row["times"][name]
    if "failed" in times:
        return f"{name}: {times['failed']}"
    parts = [f"{seconds(row, name) * 1e6:.1f} us"]
    if "warm" in times:
        parts.append(f"warm {times['warm'] * 1e6:.1f}")
    if "graph" in times:
        parts.append(f"graph {times['graph'] * 1e6:.1f}" if isinstance(times["graph"], float) else f"no graph ({times['graph']})")
    ratio = seconds(row, name) / seconds(row, "ours")
    return f"{name}: {', '.join(parts)}" + (f" ({ratio:.2f}x)" if name != "ours" else "")


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan


def bars(rows, read_ceiling):
    """(what, value, bound, whether more is better) for each bar."""
    by_case = lambda name, words="": [r for r in rows if r["case"] == name and words in r["shape"]]
    for row in by_case("distill forward", "bfloat16"):
        yield f"distill forward {row['shape']}: share of the read ceiling", row["floor"] / seconds(row, "ours") / read_ceiling, 0.90, True
    step = by_case("forward, select, backward", "bfloat16")
    ratios = [best(row, ("torch.compile", "triton")) / seconds(row, "ours") for row in step]
    for row, ratio in zip(step, ratios):
        yield f"forward, select, backward {row['shape']}: over the best tuned peer", ratio, 0.98, True
    yield "forward, select, backward: over the best tuned peer, geometric mean", geomean(ratios), 1.05, True
    for row in step:
        yield f"forward, select, backward {row['shape']}: over torch.compile", seconds(row, "torch.compile") / seconds(row, "ours"), 2, True
        yield f"forward, select, backward {row['shape']}: over the published code", seconds(row, "published") / seconds(row, "ours"), 20, True
    for row in by_case("KL and gradient, all rows"):
        yield f"all rows {row['shape']}: over the best two-read peer", best(row, ("torch.compile", "triton")) / seconds(row, "ours"), 1.4, True
    for row in by_case("verify", "b 64 "):
        yield f"verify {row['shape']}: over the vLLM-like pipeline", seconds(row, "vllm-like") / seconds(row, "ours"), 3, True
        if "v 50304" in row["shape"]:
            yield f"verify {row['shape']}: us", seconds(row, "ours", "graph") * 1e6, 25, False
    for row in by_case("verify", "b 1 "):
        if "v 50304" in row["shape"]:
            yield f"verify {row['shape']}: us", seconds(row, "ours", "graph") * 1e6, 12, False


def print_table(rows, emulated):
    ceilings = [row for row in rows if row["case"] == "ceilings"]
    cases = [row for row in rows if row["case"] != "ceilings"]
    names = list(dict.fromkeys(row["case"] for row in cases))
    cases.sort(key=lambda row: names.index(row["case"]))
    copy, read_ceiling = (max(row[key] for row in ceilings) for key in ("copy", "read"))
    print(ceilings[-1]["device"])
    if emulated:
        print("emulated: not a measurement. The kernels run on a processor, thread by thread; the times below only show that every case runs.")
    print(f"ceilings of this run: copy {copy / 1e9:.0f} GB/s, reading {read_ceiling / 1e9:.0f} GB/s")
    print("as called, launches and waiting included; buffers rotated so that caches are cold")
    print("(ratio): over ours, the slower of before and after the peers")
    last = None
    for row in cases:
        if row["case"] != last:
            last = row["case"]
            print(f"\n{last}")
        rate = row["floor"] / seconds(row, "ours")
        shares = f"{rate / 1e9:.0f} GB/s over its floor, {rate / copy:.0%} of copy, {rate / read_ceiling:.0%} of reading"
        print(f"  {row['shape']:<40} {text_of(row, 'ours')}; {shares}")
        for name in row["times"]:
            if not name.startswith("ours"):
                print(f"  {'':<40}   {text_of(row, name)}")
    print("\nbars")
    for what, value, bound, more in bars(cases, read_ceiling):
        holds = "not measured" if emulated or math.isnan(value) else "holds" if (value >= bound if more else value <= bound) else "does not hold"
        print(f"  {what:<100} {value:8.2f}   (at {'least' if more else 'most'} {bound:g}: {holds})")


if __name__ == "__main__":
    print_table(read([a for a in sys.argv[1:] if not a.startswith("--")]), "--emulated" in sys.argv)
